"""Does the general optimizer do at least as well as the special one it can approximate?

For an inclusion ``special ⊆ general`` (Choi et al., section 3.2) the question at budget K is

    probability = P(general's best of K <= special's best of K),

where ``tie`` is the part of it that is equality: on a few hundred validation examples it is large.
What is judged is ``superiority = probability - tie / 2``, ties counted half (the probability of
superiority of Vargha & Delaney, 2000): the win share of the general optimizer, which is 1/2 for two
identical ones, with ties or without. It is tested, one-sided, as every pair is (`paired`), adjusted for
all inclusions of the workload by Holm's method, so that one of identical optimizers' inclusions is
falsely called violated on at most 5% of workloads.

The verdict of an edge is decided at one budget, that of `cells.comparison_budget`: K = 16, or N/5 where
that is smaller.

not enough trials
    K < 8, or fewer than 5 K counted trials of either. The claim is about *tuned* optimizers; the
    paper's curves level off at 2^3 to 2^4 trials, and below that a larger search space should lose.
violated
    the general optimizer wins less often than chance explains (``p_adjusted`` at most .05).
consistent
    otherwise: the trials do not contradict the inclusion. That is not proof of it, so beside it stands
    what they exclude: the general optimizer winning less than ``superiority_low`` of races. That bound,
    and ``superiority_high`` above, are one-sided at the level that the edge was tested at (95% or
    more); the upper one is under 1/2 exactly where the verdict is ``violated``.

The inclusions are statements about the paper's rules: where the resolved studies are known, a pair
that runs another under the name (``optimizer.rule=torch.optim.Adam``) has none, and ``gaps`` says what
the special optimizer's search space has and the general one's does not (`inclusions.gaps`): the
verdict is then as much about the spaces.

Error rates are simulated in tests/analysis/test_inclusion_verdicts.py (marked slow).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd

from harness.analysis import best_of_k, confidence
from harness.analysis.cells import LEAST_TRIALS, comparison_budget, needed
from harness.analysis.counting import centre, marked
from harness.analysis.paired import LEVEL, Paired, compare, holm
from harness.analysis.partners import Field, fields, partners
from harness.analysis.pooling import Studies
from harness.analysis.spaces import space_of
from harness.analysis.tuning_curves import doubling
from harness.study.inclusions import EDGES, Edge, gaps

CONSISTENT, VIOLATED, NOT_ENOUGH = "consistent", "violated", "not enough trials"
LEAST_BUDGET = 8
CURVE_SWAPS = 1_999  # of an interval that nothing is decided by
COLUMNS = (
    "workload", "special", "general", "special_trials", "general_trials", "verdict",
    "budget_trials", "probability", "tie", "superiority", "superiority_low", "superiority_high",
    "p_adjusted", "special_mean", "special_p95", "general_mean", "tuned", "gaps",
)  # fmt: skip
PROBABILITY_COLUMNS = (
    "workload", "special", "general", "budget_trials", "probability", "tie", "superiority",
    "superiority_low", "superiority_high",
)  # fmt: skip


class Pair(NamedTuple):
    """Both optimizers of an edge on one workload."""

    edge: Edge
    special: Field
    general: Field
    gaps: str = ""  # of the general optimizer's search space

    @property
    def names(self) -> dict[str, str]:
        """The columns that say whose row it is."""
        return {
            "workload": self.special.workload,
            "special": self.edge.special,
            "general": self.edge.general,
        }

    @property
    def least_trials(self) -> int:
        return min(len(self.special.sample.errors), len(self.general.sample.errors))

    def compared(self, budget: int, **options: Any) -> Paired:
        """The general optimizer against the special one."""
        return compare(*partners(self.general, self.special), budget, **options)


def verdicts(
    trials: pd.DataFrame,
    metric: str = "val_error",
    *,
    studies: Studies | None = None,
    budget: int | None = None,
    max_budget: int | None = None,
) -> pd.DataFrame:
    """One row per inclusion whose two optimizers the table holds, on every workload.

    Args:
        trials: a checked table, one study per workload and optimizer.
        metric: the column that is lowest in the best trial.
        studies: the resolved studies, for ``gaps``, and for which trials are partners.
        budget, max_budget: see `cells.comparison_budget`.

    Columns (``inclusions.csv``): ``verdict`` with the ``budget_trials`` at which it was decided and what
    it rests on, empty where there are not enough trials. Beside it, issued without any test, ``tuned``:
    how the general optimizer's mean best-of-K lies to the special's: ``at or under`` it, ``within
    band`` (above it, and not above the special's 95th percentile), or ``above``. Where every trial
    counts, medians stand for the means, which are mostly infinite.
    """
    budgets = comparison_budget(trials, max_budget, budget=budget)
    rows: list[dict[str, Any]] = []
    found = itertools.groupby(
        _pairs(trials, metric, studies or {}), key=lambda pair: pair.special.workload
    )
    for workload, own in found:
        rows += _of_workload(list(own), int(budgets.get(workload, 0)), centre(trials))
    return marked(pd.DataFrame(rows, columns=list(COLUMNS)), trials)


def probabilities(
    trials: pd.DataFrame,
    metric: str = "val_error",
    budgets: Sequence[int] | None = None,
    *,
    studies: Studies | None = None,
) -> pd.DataFrame:
    """The chances of `verdicts` against K, up to K = N/5: one row per edge and budget.

    ``superiority_low`` and ``superiority_high`` are 90% intervals at each budget by itself, 95% on one
    side. Budgets: 1, 2, 4, …, unless given. An edge with fewer than 40 trials of either has no row: no
    share is told without an interval.
    """
    rows: list[dict[str, Any]] = []
    for pair in _pairs(trials, metric, studies or {}):
        last = pair.least_trials // confidence.TRUSTED_SHARE
        if pair.least_trials < LEAST_TRIALS:
            continue
        for k in (k for k in budgets or doubling(last) if k <= last):
            shares = _shares(pair.compared(k, swaps=CURVE_SWAPS), LEVEL)
            rows.append(pair.names | {"budget_trials": k} | shares)
    return marked(pd.DataFrame(rows, columns=list(PROBABILITY_COLUMNS)), trials)


def against_budget(
    trials: pd.DataFrame,
    metric: str = "val_error",
    *,
    budget: int | None = None,
    max_budget: int | None = None,
    studies: Studies | None = None,
) -> pd.DataFrame:
    """The rows of `probabilities` with the edge's ``verdict`` and the K it was ``decided_at``.

    An edge with too few trials has one row, of its verdict alone.
    """
    keys = ["workload", "special", "general"]
    decided = verdicts(trials, metric, studies=studies, budget=budget, max_budget=max_budget)
    decided = decided[[*keys, "verdict", "budget_trials"]]
    most = max_budget or int(trials.groupby(["workload", "optimizer"]).size().max())
    budgets = sorted({*doubling(most), *decided["budget_trials"]} - {0})
    chances = probabilities(trials, metric, budgets, studies=studies)
    renamed = decided.rename(columns={"budget_trials": "decided_at"})
    return marked(
        renamed.merge(chances, how="left", on=keys)[[*chances, "verdict", "decided_at"]], trials
    )


def _pairs(trials: pd.DataFrame, metric: str, studies: Studies) -> Iterator[Pair]:
    found = {
        (field.workload, field.optimizer): field
        for field in fields(trials, metric, studies)
        if not _another_rule(field, studies)
    }
    for workload in dict.fromkeys(workload for workload, _ in found):
        for edge in EDGES:
            special = found.get((workload, edge.special))
            general = found.get((workload, edge.general))
            if special is not None and general is not None:
                yield Pair(edge, special, general, _gaps(edge, special, general, studies))


def _another_rule(field: Field, studies: Studies) -> bool:
    """Whether these trials ran something else than the paper's rule of that name."""
    ran = [
        studies[name].config.get("optimizer", {}).get("rule")
        for name in field.rows["study"].unique()
        if name in studies
    ]
    return any(rule not in (None, field.optimizer) for rule in ran)


def _gaps(edge: Edge, special: Field, general: Field, studies: Studies) -> str:
    here, there = (space_of(field.rows, studies) for field in (special, general))
    return "; ".join(gaps(edge, here, there)) if here and there else ""


def _of_workload(own: list[Pair], k: int, middle: str) -> list[dict[str, Any]]:
    judged = [pair for pair in own if k >= LEAST_BUDGET and pair.least_trials >= needed(k)]
    tests = [pair.compared(k) for pair in judged]
    adjusted, levels = holm([test.p_worse() for test in tests])
    decided = {
        (pair.edge.special, pair.edge.general): _decision(test, float(p), float(level))
        for pair, test, p, level in zip(judged, tests, adjusted, levels, strict=True)
    }
    return [
        {
            **pair.names,
            "special_trials": len(pair.special.sample.errors),
            "general_trials": len(pair.general.sample.errors),
            "gaps": pair.gaps,
            "budget_trials": k,
            "verdict": NOT_ENOUGH,
            **decided.get((pair.edge.special, pair.edge.general), {}),
            **_tuned(pair, k, middle),
        }
        for pair in own
    ]


def _decision(test: Paired, p: float, level: float) -> dict[str, Any]:
    return {"verdict": VIOLATED if p <= LEVEL else CONSISTENT, "p_adjusted": p} | _shares(
        test, level
    )


def _shares(test: Paired, level: float) -> dict[str, Any]:
    low, high = test.one_sided(level)
    return {
        "probability": test.win + test.tie / 2,
        "tie": test.tie,
        "superiority": test.win,
        "superiority_low": low,
        "superiority_high": high,
    }


def _tuned(pair: Pair, k: int, middle: str) -> dict[str, Any]:
    if not 0 < k <= pair.least_trials:
        return {"tuned": "no trials" if pair.least_trials == 0 else NOT_ENOUGH}
    special, general = (
        best_of_k.without_replacement(field.sample.errors, [k])
        for field in (pair.special, pair.general)
    )
    special_mean, general_mean = (getattr(curve, middle)[0] for curve in (special, general))
    if general_mean <= special_mean * (1 + best_of_k.TIED):
        tuned = "at or under"
    elif general_mean <= special.p95[0]:
        tuned = "within band"
    else:
        tuned = "above"
    return {
        "special_mean": special_mean,
        "special_p95": special.p95[0],
        "general_mean": general_mean,
        "tuned": tuned,
    }
