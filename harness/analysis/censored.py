"""What a pruned sweep says of best-of-K, and how sure that is.

Pruned trials count as worse than all that passed. So the lower tail is seen but for the share x of it
that pruning lost: the trials that would have been among the best, had they been trained on. It moves
the tuning curve at K to about K (1 - x).

**What is lost** is measured by the audit: a seeded share π of all trials is trained to the end whatever
its rungs say. Of those who failed a rung, A end in the best q = 1 - 0.5^(1/K) beside S who passed; A is
Poisson, A/π are lost, and x = (A/π) / (S + A/π). Taken over the optimizers of a workload together.

**The interval of the median** has its upper rank from the errors seen, which the unseen could only
lower: Binomial(N, q), as where nothing is pruned. Its lower rank is that of Binomial(N, q (1 - x)), as
so many of the tail are seen; x is the median-unbiased estimate (A + 0.7 roughly, in place of A).
Coverage at a nominal .90, simulated for ranks at two rungs that correlate with the final ones by
(.9, .95), (.73, .85), (.6, .8) and (.3, .7), half passing each, cohorts of 32, K = 8 to 32, N = 64 to
256: .93 or more (tests/analysis/test_censored.py, marked slow); with x = 0 it is as low as .60.
Nothing pruned, x = 0: `confidence.median_interval`.

**A verdict** is refused while the audit is too small to certify that x is at most `DECLARED`: fewer
than three of a tail that lost so much would have been audited, π N m < 3 / (x ln 2 / K). It also
must outlive a different loss of the two sides: of two identical optimizers the one that lost x of its
tail wins (1 - x) / (2 - x) of the races, not half.

**The mean** needs more than the lower tail: it is over the searches that select a trial that was seen,
and is not given where more than 1 % select none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from harness.analysis import best_of_k, confidence
from harness.analysis.cohorts import Side
from harness.analysis.null_range import null_range
from harness.analysis.tuning_curves import doubling

Array = NDArray[np.float64]

DECLARED = 0.1  # the loss that an audit is to certify
SURE = 0.95  # of the upper limit of x
UNSEEN = 0.01  # a mean is given while no more of the searches select a trial that was not seen
BUDGET = 16
BETTER, WORSE, CANT_TELL, REFUSED = "better", "worse", "can't tell", "refused"
CURVES = (
    "workload", "optimizer", "budget_trials", "trials", "pruned", "mean", "p50", "median_low",
    "median_high", "unseen_share",
)  # fmt: skip
PAIRS = (
    "workload", "a", "b", "budget_trials", "win", "null_low", "null_high", "lost_upper", "verdict", "why",
)  # fmt: skip


class Loss(NamedTuple):
    """What pruning lost of the best q of several optimizers' trials."""

    budget: int
    seen: int  # A: audited, failed a rung, and among the best q
    passed: int  # S: passed, and among the best q
    audit: float  # π
    trials: int  # of all sides together
    lost: float  # x, median-unbiased
    upper: float  # 95% sure

    @property
    def certifies(self) -> bool:
        """Whether three of a tail that lost `DECLARED` would have been seen."""
        return self.audit * self.trials * DECLARED * math.log(2) / self.budget >= 3

    @property
    def needed(self) -> float:
        """The audit share from which it certifies."""
        return 3 * self.budget / (DECLARED * math.log(2) * self.trials)


def lost_share(sides: Sequence[Side], budget: int = BUDGET) -> Loss:
    """What was lost of the tail that the best of K needs; nothing where nothing was pruned."""
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
    lost = float(stats.chi2.ppf(level, 2 * (seen + 1))) / 2 / audit
    return lost / (passed + lost)


def median_interval(
    errors: ArrayLike, budgets: ArrayLike, lost: float, *, level: float = confidence.CONFIDENCE
) -> tuple[Array, Array]:
    """The interval of the median best-of-K of which a share ``lost`` of the tail is unseen.

    >>> from harness.analysis import confidence
    >>> errors = np.arange(1, 101) / 100
    >>> [end.tolist() for end in median_interval(errors, [10], lost=0.0)]
    [[0.03], [0.12]]
    >>> [end.tolist() for end in median_interval(errors, [10], lost=0.5)]
    [[0.01], [0.12]]
    """
    ranked = np.sort(np.asarray(errors, dtype=float))
    k = np.atleast_1d(np.asarray(budgets, dtype=float))
    _, upper = confidence.order_statistics(len(ranked), k, confidence=level)
    seen = (1 - 0.5 ** (1 / k)) * (1 - lost)
    lower = stats.binom(len(ranked), seen).ppf((1 - level) / 2).astype(int)
    with_ends = np.concatenate([[-np.inf], ranked, [np.inf]])
    return with_ends[lower], with_ends[upper]


def tuning_curves(sides: Sequence[Side], budgets: Sequence[int] | None = None) -> pd.DataFrame:
    """The best of K of every side, in `CURVES`: a row a budget.

    K counts trials that are started, pruned and diverged ones with them. ``p50`` is infinite where
    half of the searches select a trial that was not seen; ``unseen_share`` is how many do.
    """
    frames = []
    for workload, own in itertools.groupby(sides, key=lambda side: side.workload):
        together = list(own)
        for side in together:
            k = [b for b in budgets or doubling(side.trials) if b <= side.trials]
            if not k:
                continue
            low, high = zip(
                *(_ends(side, budget, lost_share(together, budget).lost) for budget in k),
                strict=True,
            )
            mean, unseen = _mean(side, k)
            frame = {
                "workload": workload, "optimizer": side.optimizer, "budget_trials": k,
                "trials": side.trials, "pruned": int(side.pruned.sum()), "mean": mean,
                "p50": best_of_k.curve(side.errors, k).p50, "median_low": low, "median_high": high,
                "unseen_share": unseen,
            }  # fmt: skip
            frames.append(pd.DataFrame(frame))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(CURVES))


def _ends(side: Side, budget: int, lost: float) -> tuple[float, float]:
    low, high = median_interval(side.errors, [budget], lost if side.pruned.any() else 0.0)
    return float(low[0]), float(high[0])


def _mean(side: Side, budgets: Sequence[int]) -> tuple[Array, Array]:
    weights = best_of_k.weights(side.errors, budgets)
    seen = np.isfinite(side.errors)
    unseen = weights[:, ~seen].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = weights[:, seen] @ side.errors[seen] / (1 - unseen)
    return np.where(unseen <= UNSEEN, mean, np.nan), unseen


def shift(lost: float) -> float:
    """How far from one half a loss of one side alone moves the win share of identical optimizers.

    >>> shift(0.0), round(shift(0.1), 4)
    (0.0, 0.0263)
    """
    return 0.5 - (1 - lost) / (2 - lost)


def pairs(sides: Sequence[Side], budget: int = BUDGET) -> pd.DataFrame:
    """Every pair of a workload's optimizers, in `PAIRS`: the verdict of a, or why there is none.

    By the null range of independent tables (`null_range`), wider by the `shift` of what may have
    been lost, and for all pairs of a workload together.
    """
    rows: list[dict[str, Any]] = []
    for workload, own in itertools.groupby(sides, key=lambda side: side.workload):
        together = list(own)
        both = list(itertools.combinations(together, 2))
        for a, b in both:
            k = min(budget, min(a.trials, b.trials) // confidence.TRUSTED_SHARE)
            row = {"workload": workload, "a": a.optimizer, "b": b.optimizer, "budget_trials": k}
            rows.append(row | _verdict(a, b, k, lost_share(together, max(k, 1)), len(both)))
    return pd.DataFrame(rows, columns=list(PAIRS))


def _verdict(a: Side, b: Side, k: int, loss: Loss, tests: int) -> dict[str, Any]:
    if k < 8:
        return {"verdict": REFUSED, "why": "fewer than 40 trials of either"}
    pruned = a.pruned.any() or b.pruned.any()
    win = float(best_of_k.probability_better(a.errors, b.errors, [k])[0])
    share = 1 - (1 - confidence.CONFIDENCE) / tests
    low, high = (float(end[0]) for end in null_range(a.trials, b.trials, [k], share=share))
    row: dict[str, Any] = {"win": win, "null_low": low, "null_high": high, "lost_upper": loss.upper}
    apart = BETTER if win > high else WORSE if win < low else CANT_TELL
    if not pruned:
        return row | {"lost_upper": 0.0, "verdict": apart, "why": ""}
    if not loss.certifies:
        return row | {"verdict": REFUSED, "why": too_small(loss)}
    most = shift(loss.upper)
    if apart != CANT_TELL and low - most <= win <= high + most:
        why = f"a loss of {loss.upper:.0%} on one side could turn it; carry on with pruning=none"
        return row | {"verdict": REFUSED, "why": why}
    return row | {"verdict": apart, "why": ""}


def too_small(loss: Loss) -> str:
    """Why an audit certifies nothing, and the remedy."""
    remedy = "carry the pruned on with pruning=none"
    if loss.needed < 1:
        remedy = f"give pruning.audit={math.ceil(100 * loss.needed) / 100:g}, or {remedy}"
    return (
        f"an audit of {loss.audit:.0%} of {loss.trials} trials cannot tell whether {DECLARED:.0%} of the best"
        f" were lost; {remedy}"
    )
