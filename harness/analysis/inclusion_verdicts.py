"""Does the general optimizer do at least as well as the special one it can approximate?

For an inclusion ``special ⊆ general`` (Choi et al., section 3.2) the question at budget K is

    probability = P(general's best of K <= special's best of K),

where ``tie`` is the part of it that is equality: on a few hundred validation examples it is large.
What is judged is ``superiority = probability - tie / 2``, ties counted half (the probability of
superiority of Vargha & Delaney, 2000): two identical optimizers have 1/2 of it on average, with ties
or without, and what N trials say of them lies in the `null_range`.
A workload has up to five inclusions, and five tests at 90% would accuse one workload of identical
optimizers in four; so with m inclusions on a workload the null range holds 1 - 0.1/m of the pairs
(98% for five), which leaves 5% for any false accusation. It is the column ``null_share``. It is the
range of two tables drawn independently. Here optimizers share points of their spaces' first axes,
initial weights and data order; what that ties together makes their difference vary less, not more.

The verdict of an edge is decided at one budget, so that nothing is fished for:

    K = min(N_special, N_general) / 5, rounded down, and at most 100

N/5 is as far as N trials vouch for the median of best-of-K (see `confidence`); 100 is the paper's
largest budget, and beyond it the null range only grows.

not enough trials
    K < 8, fewer than 40 counted trials of either. The claim is about *tuned* optimizers; the paper's
    curves level off at 2^3 to 2^4 trials, and below that a larger search space should lose.
violated
    ``superiority`` is under the null range: the special optimizer is better more often than chance and
    N trials explain.
consistent
    otherwise: the trials do not contradict the inclusion. That is not proof of it; a value near the
    lower limit and a wide range say how little was excluded.

The inclusions are statements about the paper's rules: where the resolved studies are known, a pair
that runs another under the name (``optimizer.rule=torch.optim.Adam``) has none, and ``gaps`` says what
the special optimizer's search space has and the general one's does not (`inclusions.gaps`): the
verdict is then as much about the spaces.

Error rates, simulated (tests/analysis/test_inclusion_verdicts.py, marked slow), six optimizers, five
inclusions, N = 50, 100, 500 trials each. Identical optimizers: an inclusion is called violated in
1.4, 0.9, 1.1% of experiments, any of the five in 6.4, 4.5, 5.5%; with the ties of 180 validation
images, N = 64, an inclusion in 1.2%, with those of 360, N = 256, in 0.4%. A general optimizer that
truly loses to the special one 9 times in 10 at every budget is called violated in 76, 73, 72%, one
that loses 3 times in 4 in 30, 26, 31%: the ratio N/K decides that, and up to K = 100 more trials buy
a larger K, not more power.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import best_of_k, confidence
from harness.analysis.counting import centre, counted, marked, values
from harness.analysis.null_range import null_range
from harness.analysis.pooling import Studies, groups
from harness.analysis.spaces import space_of
from harness.analysis.tuning_curves import doubling
from harness.study.inclusions import EDGES, Edge, gaps
from harness.study.space import Space

Array = NDArray[np.float64]

CONSISTENT, VIOLATED, NOT_ENOUGH = "consistent", "violated", "not enough trials"
LEAST_BUDGET, LARGEST_BUDGET = 8, 100
TUNED_BUDGET = 16
COLUMNS = (
    "workload", "special", "general", "special_trials", "general_trials", "verdict",
    "budget_trials", "probability", "tie", "superiority", "null_low", "null_high", "null_share",
    "tuned_budget", "special_mean", "special_p95", "general_mean", "tuned", "gaps",
)  # fmt: skip
PROBABILITY_COLUMNS = (
    "workload", "special", "general", "budget_trials", "probability", "tie", "superiority", "null_low",
    "null_high", "null_share", "trusted",
)  # fmt: skip


class Pair(NamedTuple):
    """The counted errors of both optimizers of an edge on one workload."""

    workload: str
    edge: Edge
    special_errors: Array  # [trials]
    general_errors: Array  # [trials]
    gaps: str = ""  # of the general optimizer's search space
    centre: str = "mean"  # of best-of-K: see `counting.centre`

    @property
    def names(self) -> dict[str, str]:
        """The columns that say whose row it is."""
        return {
            "workload": self.workload,
            "special": self.edge.special,
            "general": self.edge.general,
        }

    @property
    def least_trials(self) -> int:
        return min(len(self.special_errors), len(self.general_errors))


def verdicts(
    trials: pd.DataFrame, metric: str = "val_error", *, studies: Studies | None = None
) -> pd.DataFrame:
    """One row per inclusion whose two optimizers the table holds, on every workload.

    Args:
        trials: a checked table, one study per workload and optimizer.
        metric: the column that is lowest in the best trial.
        studies: the resolved studies, for ``gaps``.

    Columns (``inclusions.csv``): ``verdict`` with the ``budget_trials`` at which it was decided, the
    ``superiority`` there and its null range (empty where an optimizer has no counted trial). Beside
    it, issued without any test, ``tuned``: how the general optimizer's mean best-of-K lies to the
    special's at ``tuned_budget`` (that budget, 16 at most): ``at or under`` it, ``within band``
    (above it, and not above the special's 95th percentile), or ``above``. Where every trial counts,
    medians stand for the means, which are mostly infinite.
    """
    pairs = list(_pairs(trials, metric, studies or {}))
    rows = [_verdict(pair, null_share(pair, pairs)) for pair in pairs]
    return marked(pd.DataFrame(rows, columns=list(COLUMNS)), trials)


def probabilities(
    trials: pd.DataFrame,
    metric: str = "val_error",
    budgets: Sequence[int] | None = None,
    *,
    studies: Studies | None = None,
) -> pd.DataFrame:
    """The chances of `verdicts` against K with their null range: one row per edge and budget.

    ``trusted`` is whether K is at most a fifth of both numbers of trials. Budgets: 1, 2, 4, … and
    the smaller number of trials, unless given.
    """
    parts = []
    pairs = list(_pairs(trials, metric, studies or {}))
    for pair in pairs:
        k = [b for b in budgets or doubling(pair.least_trials) if b <= pair.least_trials]
        if not k:
            continue
        share = null_share(pair, pairs)
        low, high = _null_range(pair, k, share)
        columns = {
            "budget_trials": k,
            **_chances(pair, k),
            "null_low": low,
            "null_high": high,
            "null_share": share,
            "trusted": np.asarray(k) <= pair.least_trials // confidence.TRUSTED_SHARE,
        }
        parts.append(pd.DataFrame(pair.names | columns))
    if not parts:
        return pd.DataFrame(columns=list(PROBABILITY_COLUMNS))
    return marked(pd.concat(parts, ignore_index=True), trials)


def against_budget(
    trials: pd.DataFrame,
    metric: str = "val_error",
    *,
    max_budget: int | None = None,
    studies: Studies | None = None,
) -> pd.DataFrame:
    """The rows of `probabilities` with the edge's ``verdict`` and the K it was ``decided_at``."""
    keys = ["workload", "special", "general"]
    decided = verdicts(trials, metric, studies=studies)[[*keys, "verdict", "budget_trials"]]
    most = max_budget or int(trials.groupby(["workload", "optimizer"]).size().max())
    budgets = sorted({*doubling(most), *decided["budget_trials"]} - {0})
    chances = probabilities(trials, metric, budgets, studies=studies)
    return chances.merge(decided.rename(columns={"budget_trials": "decided_at"}), on=keys)


def null_share(pair: Pair, pairs: Sequence[Pair]) -> float:
    """The share of identical pairs in one null range, for all of a workload's to hold together."""
    on_workload = sum(other.workload == pair.workload for other in pairs)
    return 1 - (1 - confidence.CONFIDENCE) / on_workload


def _null_range(pair: Pair, budgets: Sequence[int], share: float) -> tuple[Array, Array]:
    general, special = len(pair.general_errors), len(pair.special_errors)
    return null_range(general, special, budgets, share=share)


def _chances(pair: Pair, budgets: Sequence[int]) -> dict[str, Array]:
    """The columns probability, tie and superiority: ``[budgets]`` each."""
    special_ahead, tie = best_of_k.win_and_tie(pair.special_errors, pair.general_errors, budgets)
    return {
        "probability": 1 - special_ahead,
        "tie": tie,
        "superiority": 1 - special_ahead - tie / 2,
    }


def _pairs(trials: pd.DataFrame, metric: str, studies: Studies) -> Iterator[Pair]:
    errors, spaces = {}, {}
    for workload, optimizer, rows in groups(trials):
        if not _another_rule(optimizer, rows, studies):
            errors[workload, optimizer] = values(counted(rows), metric)
            spaces[workload, optimizer] = space_of(rows, studies)
    for workload in dict.fromkeys(workload for workload, _ in errors):
        for edge in EDGES:
            special, general = (workload, edge.special), (workload, edge.general)
            if special in errors and general in errors:
                lacking = _gaps(edge, spaces[special], spaces[general])
                both = errors[special], errors[general]
                yield Pair(workload, edge, *both, lacking, centre(trials))


def _another_rule(optimizer: str, rows: pd.DataFrame, studies: Studies) -> bool:
    """Whether these trials ran something else than the paper's rule of that name."""
    ran = [
        studies[name].config.get("optimizer", {}).get("rule")
        for name in rows["study"].unique()
        if name in studies
    ]
    return any(rule not in (None, optimizer) for rule in ran)


def _gaps(edge: Edge, special: Space, general: Space) -> str:
    return "; ".join(gaps(edge, special, general)) if special and general else ""


def _verdict(pair: Pair, share: float) -> dict[str, object]:
    row: dict[str, object] = {
        **pair.names,
        "special_trials": len(pair.special_errors),
        "general_trials": len(pair.general_errors),
        "gaps": pair.gaps,
    }
    if pair.least_trials == 0:
        return row | {"verdict": NOT_ENOUGH, "budget_trials": 0, "tuned": "no trials"}
    trusted = pair.least_trials // confidence.TRUSTED_SHARE
    k = min(max(trusted, 1), LARGEST_BUDGET)
    chances = {name: column[0] for name, column in _chances(pair, [k]).items()}
    low, high = (limit[0] for limit in _null_range(pair, [k], share))
    if trusted < LEAST_BUDGET:
        verdict = NOT_ENOUGH
    else:
        verdict = VIOLATED if chances["superiority"] < low else CONSISTENT
    row |= {"verdict": verdict, "budget_trials": k, **chances}
    row |= {"null_low": low, "null_high": high, "null_share": share}
    return row | _tuned(pair, min(k, TUNED_BUDGET))


def _tuned(pair: Pair, k: int) -> dict[str, object]:
    special = best_of_k.curve(pair.special_errors, [k])
    general = best_of_k.curve(pair.general_errors, [k])
    special_mean, general_mean = (getattr(curve, pair.centre)[0] for curve in (special, general))
    if general_mean <= special_mean:
        tuned = "at or under"
    elif general_mean <= special.p95[0]:
        tuned = "within band"
    else:
        tuned = "above"
    return {
        "tuned_budget": k,
        "special_mean": special_mean,
        "special_p95": special.p95[0],
        "general_mean": general_mean,
        "tuned": tuned,
    }
