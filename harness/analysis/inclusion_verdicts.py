"""Does the general optimizer do at least as well as the special one it can approximate?

For an inclusion ``special ⊆ general`` (Choi et al., section 3.2) the question at budget K is

    probability = P(general's best of K <= special's best of K + margin),

where ``tie`` is the part of it that is equality: on a few hundred validation examples it is large.
What is judged is ``superiority = probability - tie / 2``, ties counted half (the probability of
superiority of Vargha & Delaney, 2000): two identical optimizers have 1/2 of it on average, with ties
or without. But each was measured by N trials, and the value estimated from them varies with the draw.
Its distribution when both come from one continuous distribution depends on ranks alone, so on N and K
only: the *null range* is the middle part of it (the middle 90% is [.24, .76] at N = 500, K = 100; the
standard deviation tends to ``sqrt(K / 16 · (1/N_special + 1/N_general))`` for large K and larger N).
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
    ``superiority`` is under the null range: the special optimizer is better, by more than the margin,
    more often than chance and N trials explain.
consistent
    otherwise: the trials do not contradict the inclusion. That is not proof of it; a value near the
    lower limit and a wide range say how little was excluded.

The inclusions are statements about the paper's rules: where the resolved studies are known, a pair
that runs another under the name (``optimizer.rule=torch.optim.Adam``) has none, and ``gaps`` says what the special optimizer's search space has and
the general one's does not (`harness.inclusions.gaps`): the verdict is then as much about the spaces.

Error rates, simulated (tests/analysis/test_inclusion_verdicts.py, marked slow), six optimizers, five
inclusions, N = 50, 100, 500 trials each. Identical optimizers: an inclusion is called violated in
1.4, 0.9, 1.1% of experiments, any of the five in 6.4, 4.5, 5.5%; with the ties of 180 validation
images, N = 64, an inclusion in 1.2%, with those of 360, N = 256, in 0.4%. A general optimizer that
truly loses to the special one 9 times in 10 at every budget is called violated in 76, 73, 72%, one
that loses 3 times in 4 in 30, 26, 31%: the ratio N/K decides that, and up to K = 100 more trials buy
a larger K, not more power.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import best_of_k, borders, confidence, table
from harness.analysis.table import Studies
from harness.analysis.tuning_curves import doubling
from harness.study.inclusions import EDGES, Edge, gaps
from harness.study.space import parse

Array = NDArray[np.float64]

CONSISTENT, VIOLATED, NOT_ENOUGH = "consistent", "violated", "not enough trials"
LEAST_BUDGET, LARGEST_BUDGET = 8, 100
TUNED_BUDGET = 16
COLUMNS = (
    "workload", "special", "general", "special_trials", "general_trials", "verdict",
    "budget_trials", "probability", "tie", "superiority", "null_low", "null_high", "null_share", "margin",
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


def gap_sentence(edges: pd.DataFrame) -> str:
    """Which inclusions the search spaces cannot test whole, and what they lack; empty if none."""
    lacking = [
        f"{row['special']} ⊆ {row['general']} ({row['gaps']})"
        for row in edges[edges["gaps"] != ""].to_dict("records")
    ]
    if not lacking:
        return ""
    return (
        "The general optimizer's search space does not hold all of the special one's in"
        f" {', '.join(lacking)}: what is said of these is said of the spaces too."
    )


def verdicts(
    trials: pd.DataFrame,
    metric: str = "val_error",
    *,
    margin: float = 0.0,
    feasible_only: bool = True,
    studies: Studies | None = None,
) -> pd.DataFrame:
    """One row per inclusion whose two optimizers the table holds, on every workload.

    Args:
        trials: a checked table, one study per workload and optimizer.
        metric: the column that is lowest in the best trial.
        margin: how much worse the general optimizer may be, in the units of the metric.
        feasible_only: see `tuning_curves.tuning_curves`.
        studies: the resolved studies, for ``gaps``.

    Columns (``inclusions.csv``): ``verdict`` with the ``budget_trials`` at which it was decided, the
    ``superiority`` there and its null range (empty where an optimizer has no counted trial). Beside
    it, issued without any test, ``tuned``: how the general optimizer's mean best-of-K lies to the
    special's at ``tuned_budget`` (that budget, 16 at most): ``at or under`` it, ``within band``
    (above it, by no more than the margin or not above the special's 95th percentile), or ``above``.
    """
    pairs = list(_pairs(trials, metric, feasible_only, studies or {}))
    rows = [_verdict(pair, margin, null_share(pair, pairs)) for pair in pairs]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def probabilities(
    trials: pd.DataFrame,
    metric: str = "val_error",
    budgets: Sequence[int] | None = None,
    *,
    margin: float = 0.0,
    feasible_only: bool = True,
    studies: Studies | None = None,
) -> pd.DataFrame:
    """The chances of `verdicts` against K with their null range: one row per edge and budget.

    ``trusted`` is whether K is at most a fifth of both numbers of trials. Budgets: 1, 2, 4, … and
    the smaller number of trials, unless given.
    """
    parts = []
    pairs = list(_pairs(trials, metric, feasible_only, studies or {}))
    for pair in pairs:
        k = [b for b in budgets or doubling(pair.least_trials) if b <= pair.least_trials]
        if not k:
            continue
        share = null_share(pair, pairs)
        low, high = _null_range(pair, k, share)
        columns = {
            "budget_trials": k,
            **_chances(pair, k, margin),
            "null_low": low,
            "null_high": high,
            "null_share": share,
            "trusted": np.asarray(k) <= pair.least_trials // confidence.TRUSTED_SHARE,
        }
        parts.append(pd.DataFrame(pair.names | columns))
    if not parts:
        return pd.DataFrame(columns=list(PROBABILITY_COLUMNS))
    return pd.concat(parts, ignore_index=True)


def null_share(pair: Pair, pairs: Sequence[Pair]) -> float:
    """The share of identical pairs in one null range, for all of a workload's to hold together."""
    on_workload = sum(other.workload == pair.workload for other in pairs)
    return 1 - (1 - confidence.CONFIDENCE) / on_workload


def null_range(
    trials_a: int,
    trials_b: int,
    budgets: Sequence[float],
    *,
    share: float = confidence.CONFIDENCE,
) -> tuple[Array, Array]:
    """The middle ``share`` of ``P(A's best < B's best)`` between identical optimizers: two ``[budgets]``.

    Simulated on uniforms (the probability depends on ranks alone) with 10,000 pairs of tables, fewer
    above N = 400 and 1,000 above N = 4,000: the limits are good to .01. Both N are rounded down to
    six binary digits, so that tables of nearly one size share a simulation; that widens the range
    by 1.6% at most. The same arguments give the same limits.

    >>> low, high = null_range(500, 500, [100])
    >>> round(float(low[0]), 1), round(float(high[0]), 1)
    (0.2, 0.8)
    """
    counts = (_six_binary_digits(trials_a), _six_binary_digits(trials_b))
    limits = np.array([_null_limits(*counts, float(k), share) for k in budgets])
    return limits[:, 0], limits[:, 1]


def _six_binary_digits(count: int) -> int:
    """Rounded down to a multiple of the 32nd part of the power of two below it.

    >>> _six_binary_digits(63), _six_binary_digits(65), _six_binary_digits(1023)
    (63, 64, 1008)
    """
    unit = 1 << max(0, count.bit_length() - 6)
    return count // unit * unit


@functools.cache
def _null_limits(trials_a: int, trials_b: int, budget: float, share: float) -> tuple[float, float]:
    above_a, above_b = (best_of_k.survival(count, [budget])[0] for count in (trials_a, trials_b))
    selected = above_a[:-1] - above_a[1:]  # w_i(K) of A's trials in order: no ties
    last = min(trials_a, math.ceil(25 * trials_a / budget))  # P(none of these selected) < e^-25
    probability = above_b[_positions(trials_a, trials_b)[:, :last]] @ selected[:last]
    low, high = np.quantile(probability, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


@functools.lru_cache(maxsize=8)  # of 16 MB each
def _positions(trials_a: int, trials_b: int) -> NDArray[np.int32]:
    """How many of B's trials lie below each of A's sorted ones: ``[simulations, trials]``."""
    rng = np.random.default_rng([0, trials_a, trials_b])
    simulations = int(np.clip(4_000_000 // max(trials_a, trials_b), 1000, 10_000))
    below = np.empty((simulations, trials_a), dtype=np.int32)
    for row in below:
        row[:] = np.searchsorted(np.sort(rng.random(trials_b)), np.sort(rng.random(trials_a)))
    return below


def _null_range(pair: Pair, budgets: Sequence[int], share: float) -> tuple[Array, Array]:
    general, special = len(pair.general_errors), len(pair.special_errors)
    return null_range(general, special, budgets, share=share)


def _chances(pair: Pair, budgets: Sequence[int], margin: float) -> dict[str, Array]:
    """The columns probability, tie and superiority: ``[budgets]`` each."""
    special_ahead, tie = best_of_k.win_and_tie(
        pair.special_errors, pair.general_errors, budgets, margin=margin
    )
    return {
        "probability": 1 - special_ahead,
        "tie": tie,
        "superiority": 1 - special_ahead - tie / 2,
    }


def _pairs(
    trials: pd.DataFrame, metric: str, feasible_only: bool, studies: Studies
) -> Iterator[Pair]:
    errors, spaces = {}, {}
    for workload, optimizer, rows in table.groups(trials):
        if _another_rule(optimizer, rows, studies):
            continue
        counted = table.counted(rows, feasible_only=feasible_only)
        errors[workload, optimizer] = table.values(counted, metric)
        spaces[workload, optimizer] = borders.search_space(rows, studies)
    for workload in dict.fromkeys(workload for workload, _ in errors):
        for edge in EDGES:
            special, general = (workload, edge.special), (workload, edge.general)
            if special in errors and general in errors:
                lacking = _gaps(edge, spaces[special], spaces[general])
                yield Pair(workload, edge, errors[special], errors[general], lacking)


def _another_rule(optimizer: str, rows: pd.DataFrame, studies: Studies) -> bool:
    """Whether these trials ran something else than the paper's rule of that name."""
    ran = [
        studies[name].get("optimizer", {}).get("rule")
        for name in rows["study"].unique()
        if name in studies
    ]
    return any(rule not in (None, optimizer) for rule in ran)


def _gaps(edge: Edge, special: Mapping[str, Any], general: Mapping[str, Any]) -> str:
    return "; ".join(gaps(edge, parse(special), parse(general))) if special and general else ""


def _verdict(pair: Pair, margin: float, share: float) -> dict[str, object]:
    row: dict[str, object] = {
        **pair.names,
        "special_trials": len(pair.special_errors),
        "general_trials": len(pair.general_errors),
        "margin": margin,
        "gaps": pair.gaps,
    }
    if pair.least_trials == 0:
        return row | {"verdict": NOT_ENOUGH, "budget_trials": 0, "tuned": "no trials"}
    trusted = pair.least_trials // confidence.TRUSTED_SHARE
    k = min(max(trusted, 1), LARGEST_BUDGET)
    chances = {name: column[0] for name, column in _chances(pair, [k], margin).items()}
    low, high = (limit[0] for limit in _null_range(pair, [k], share))
    if trusted < LEAST_BUDGET:
        verdict = NOT_ENOUGH
    else:
        verdict = VIOLATED if chances["superiority"] < low else CONSISTENT
    row |= {"verdict": verdict, "budget_trials": k, **chances}
    row |= {"null_low": low, "null_high": high, "null_share": share}
    return row | _tuned(pair, min(k, TUNED_BUDGET), margin)


def _tuned(pair: Pair, k: int, margin: float) -> dict[str, object]:
    special = best_of_k.curve(pair.special_errors, [k])
    general = best_of_k.curve(pair.general_errors, [k])
    if general.mean[0] <= special.mean[0]:
        tuned = "at or under"
    elif general.mean[0] <= max(special.p95[0], special.mean[0] + margin):
        tuned = "within band"
    else:
        tuned = "above"
    return {
        "tuned_budget": k,
        "special_mean": special.mean[0],
        "special_p95": special.p95[0],
        "general_mean": general.mean[0],
        "tuned": tuned,
    }
