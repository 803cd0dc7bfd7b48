"""What a pruned sweep says of best-of-K, and how sure that is.

Pruned trials count as worse than all that passed: as diverged ones, and every trial counts. So the
lower tail is seen but for the share x of it that pruning lost, the trials that would have been among
the best, had they been trained on. It moves the tuning curve at K to about K (1 - x). Where nothing was
pruned x is 0, and curves, intervals and verdicts are those of `tuning_curves` and `pairs`.

**What is lost** is measured by the audit: a seeded share π of all trials is trained to the end whatever
its rungs say. Of those who failed a rung, A end in the best q = 1 - 0.5^(1/K) beside S who passed; A is
Poisson, A/π of the best fail a rung, all but the audited share of them are lost: x = (1 - π) (A/π) /
(S + A/π). Taken over the optimizers of a workload together.

**The interval of the median** has its upper rank from the errors seen, which the unseen could only
lower: Binomial(N, q), as where nothing is pruned. Its lower rank is that of Binomial(N, q (1 - x)), as
so many of the tail are seen; x is the median-unbiased estimate (A + 0.7 roughly, in place of A).
Coverage at a nominal .90, simulated for ranks at two rungs that correlate with the final ones by
(.9, .95), (.73, .85), (.6, .8) and (.3, .7), half passing each, cohorts of 32, K = 8 to 32, N = 64 to
256, a tenth audited: .94 or more for each K by itself (tests/analysis/test_censored.py, marked slow);
with x = 0 it is as low as .60. Those of a curve are simultaneous, see `confidence`.

**A verdict** is refused while the audit is too small to certify that x is at most what is declared:
fewer than three of a tail that lost so much would have been audited, π N m < 3 / (x ln 2 / K) for m
optimizers. It also must outlive a different loss of the two sides: of two identical optimizers the one
that lost x of its tail wins (1 - x) / (2 - x) of the races, not half, so the interval of the win share
has to exclude all from that to its mirror image, at the 95 % upper limit of x.

**The mean** needs more than the lower tail: it is over the searches that select a trial that passed, and
is not given where more than 1 % select none. Audited trials that failed a rung are left out of it: a few
bad ones in place of ten times as many would stand for searches that had better ones to choose from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from harness.analysis import best_of_k, confidence
from harness.analysis import pairs as pairs_of_all
from harness.analysis import tuning_curves as curves_of_all
from harness.analysis.cells import DECISION_BUDGET, needed, trusted
from harness.analysis.cohorts import Side, as_last
from harness.analysis.pairs import BETTER, WORSE
from harness.analysis.pooling import Studies

Array = NDArray[np.float64]

DECLARED = 0.1  # the loss that an audit is to certify, where none other is declared
SURE = 0.95  # of the upper limit of x
UNSEEN = 0.01  # a mean is given while no more of the searches select a trial that was not seen
REFUSED = "refused"
CURVES = (
    "workload", "optimizer", "budget_trials", "trials", "pruned", "lost", "mean", "p50", "median_low",
    "median_high", "unseen_share", "trusted",
)  # fmt: skip
PAIRS = (*pairs_of_all.COLUMNS, "lost_upper", "why")


class Loss(NamedTuple):
    """What pruning lost of the best q of several optimizers' trials."""

    budget: int
    seen: int  # A: audited, failed a rung, and among the best q
    passed: int  # S: passed, and among the best q
    audit: float  # π
    trials: int  # of all sides together
    lost: float  # x, median-unbiased
    upper: float  # 95% sure

    def certifies(self, declared: float = DECLARED) -> bool:
        """Whether three of a tail that lost so much would have been seen."""
        return self.audit >= self.needed(declared)

    def needed(self, declared: float = DECLARED) -> float:
        """The audit share from which it certifies."""
        return 3 * self.budget / (declared * math.log(2) * self.trials)


def lost_share(sides: Sequence[Side], budget: int = DECISION_BUDGET) -> Loss:
    """What was lost of the tail that the best of K needs; nothing where nothing was pruned."""
    sides = [side for side in sides if side.trials]
    trials = sum(side.trials for side in sides)
    if not any(side.pruned.any() for side in sides):
        return Loss(budget, 0, 0, 1.0, trials, 0.0, 0.0)
    audit = sum(side.audit * side.trials for side in sides) / trials
    seen = passed = 0
    for side in sides:
        rank = math.ceil(side.trials * (1 - 0.5 ** (1 / budget)) - 1e-9)
        best = side.errors <= np.sort(side.errors)[rank - 1]
        best &= np.isfinite(side.errors)
        seen += int((best & side.audited).sum())
        passed += int((best & ~side.out).sum())
    shares = (_lost(seen, passed, audit, level) for level in (0.5, SURE))
    return Loss(budget, seen, passed, audit, trials, *shares)


def _lost(seen: int, passed: int, audit: float, level: float) -> float:
    if audit == 0:
        return 1.0  # nobody looked
    failed = float(stats.chi2.ppf(level, 2 * (seen + 1))) / 2 / audit
    return (1 - audit) * failed / (passed + failed)


def median_interval(
    errors: ArrayLike, budgets: ArrayLike, lost: ArrayLike, *, simultaneous: bool = False
) -> tuple[Array, Array]:
    """`confidence.median_interval` where a share ``lost`` of the tail is unseen, one or a budget each.

    >>> errors = np.arange(1, 101) / 100
    >>> [end.tolist() for end in median_interval(errors, [10], lost=0.0)]
    [[0.03], [0.12]]
    >>> [end.tolist() for end in median_interval(errors, [10], lost=0.5)]
    [[0.01], [0.12]]
    """
    ranked = np.sort(np.asarray(errors, dtype=float))
    k = np.atleast_1d(np.asarray(budgets, dtype=float))
    _, upper = confidence.median_interval(ranked, k, simultaneous=simultaneous)
    tail = confidence.tail(len(ranked), k, simultaneous=simultaneous)
    seen = (1 - 0.5 ** (1 / k)) * (1 - np.asarray(lost, dtype=float))
    rank = stats.binom(len(ranked), seen).ppf(tail).astype(int)
    return np.concatenate([[-np.inf], ranked])[rank], upper


def tuning_curves(
    trials: pd.DataFrame, sides: Sequence[Side], budgets: Sequence[int] | None = None
) -> pd.DataFrame:
    """The best of K of every side, in `CURVES`: a row a budget.

    K counts trials that are started, pruned and diverged ones with them. ``p50`` is infinite where
    half of the searches select a trial without an error; ``unseen_share`` is how many select one that
    was pruned or diverged, or would have been pruned. ``trusted``: N trials vouch for it, K = N/5.

    Args:
        trials, sides: a checked table, and `cohorts.sides` of it.
        budgets: values of K; None for 1, 2, 4, … and N.
    """
    frame = curves_of_all.tuning_curves(as_last(trials), budgets=budgets)
    parts = []
    for side in sides:
        own = (frame["workload"] == side.workload) & (frame["optimizer"] == side.optimizer)
        rows = frame[own].assign(trials=side.trials, pruned=int(side.pruned.sum()), lost=0.0)
        k = rows["budget_trials"].tolist()
        rows["unseen_share"] = _mean(side, k)[1] if k else []
        if side.pruned.any() and k:
            together = [each for each in sides if each.workload == side.workload]
            rows["lost"] = [lost_share(together, budget).lost for budget in k]
            ends = median_interval(side.errors, k, rows["lost"], simultaneous=True)
            rows["median_low"], rows["median_high"] = ends
            rows["mean"], rows["unseen_share"] = _mean(side, k)
        parts.append(rows)
    together = pd.concat(parts, ignore_index=True) if parts else frame
    return together.assign(trusted=trusted(together)).reindex(columns=list(CURVES))


def _mean(side: Side, budgets: Sequence[int]) -> tuple[Array, Array]:
    """Over the searches that select a trial that passed, NaN where `UNSEEN` and more do not; their share."""
    errors = np.where(side.out, np.inf, side.errors)
    weights = best_of_k.weights(errors, budgets, replacement=False)
    seen = np.isfinite(errors)
    unseen = weights[:, ~seen].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = weights[:, seen] @ errors[seen] / weights[:, seen].sum(axis=1)
    return np.where(unseen <= UNSEEN, mean, np.nan), unseen


def shift(lost: float) -> float:
    """How far from one half a loss of one side alone moves the win share of identical optimizers.

    >>> shift(0.0), round(shift(0.1), 4)
    (0.0, 0.0263)
    """
    return 0.5 - (1 - lost) / (2 - lost)


def pairs(
    trials: pd.DataFrame,
    sides: Sequence[Side],
    studies: Studies | None = None,
    *,
    declared: float = DECLARED,
) -> pd.DataFrame:
    """Every pair of a workload's optimizers, in `PAIRS`: the verdict of a, or why there is none.

    The paired test of `harness.analysis.pairs` with every trial counted; what of it a loss could turn
    is refused.

    Args:
        trials, sides: a checked table, and `cohorts.sides` of it.
        studies: resolved studies, whose seeds say which trials are partners.
        declared: the loss that the audit has to certify.
    """
    frame = pairs_of_all.pairs(as_last(trials), studies=studies)
    rows: list[dict[str, Any]] = []
    for row in frame.to_dict("records"):
        together = [side for side in sides if side.workload == row["workload"]]
        row |= {"lost_upper": 0.0, "why": ""}
        k = row["budget_trials"]
        if np.isnan(row["win"]):
            row["why"] = f"fewer than {needed(k)} trials of either"
        elif any(side.pruned.any() for side in together if side.optimizer in (row["a"], row["b"])):
            loss = lost_share(together, k)
            row["lost_upper"] = loss.upper
            if why := _refusal(row, loss, declared):
                row |= {"verdict": REFUSED, "why": why}
        rows.append(row)
    return pd.DataFrame(rows, columns=list(PAIRS))


def _refusal(row: dict[str, Any], loss: Loss, declared: float) -> str:
    if not loss.certifies(declared):
        return too_small(loss, declared)
    claimed = row["verdict"] in (BETTER, WORSE)
    if claimed and not outlives(row["win_low"], row["win_high"], loss.upper):
        return f"a loss of {loss.upper:.0%} on one side could turn it; carry on with pruning=none"
    return ""


def outlives(win_low: float, win_high: float, lost: float) -> bool:
    """Whether an interval of the win share excludes all that so different a loss makes of one half."""
    return win_low > 0.5 + shift(lost) or win_high < 0.5 - shift(lost)


def too_small(loss: Loss, declared: float = DECLARED) -> str:
    """Why an audit certifies nothing, and the remedy."""
    remedies = ["carry the pruned on with pruning=none"]
    if loss.needed(declared) < 1:
        remedies.insert(0, f"give pruning.audit={math.ceil(100 * loss.needed(declared)) / 100:g}")
    least = loss.audit and loss.needed(1.0) / loss.audit
    if 0 < least <= 0.5:
        remedies.insert(0, f"declare a larger loss by --lost={math.ceil(100 * least) / 100:g}")
    return (
        f"an audit of {loss.audit:.0%} of {loss.trials} trials cannot tell whether {declared:.0%} of the best"
        f" were lost; {', or '.join(remedies)}"
    )
