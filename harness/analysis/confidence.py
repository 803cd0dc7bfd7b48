"""How sure we are of the median best-of-K: a distribution-free interval from order statistics.

The 5th-95th percentile band of a tuning curve is the *spread* of tuning runs; it shrinks to nothing
as K approaches N however little is known. This is the *confidence*. The median of the best of K
draws is the population quantile at ``q = 1 - 0.5^(1/K)``, for ``P(best > x) = (1 - F(x))^K``; and the
number of N trials at or below that quantile is Binomial(N, q) whatever F is, so two order
statistics bracket it with a known chance (David & Nagaraja, *Order Statistics*, section 7.1).

The lower end is minus infinity while even the best trial may lie above the quantile, which at 90%
is ``0.5^(N/K) > 0.05``, K > N / 4.3: such a budget is beyond what N trials can vouch for, and
figures draw it dashed from N / 5.

Coverage at a nominal 0.90, the share of 20,000 simulated tables of N trials whose interval held the
true median (tests/analysis/test_confidence.py, marked slow; good to .002):

             K = 1     4    16   N/5   N/2
    N =  50   .936  .922  .982  .922  .953
    N = 100   .912  .927  .960  .949  .950
    N = 500   .901  .911  .924  .942  .986

It is never below nominal, and above where the binomial is coarse or the lower end infinite; ties
only raise it (.955, .984 and 1.000 at K = N/5 with errors in steps of 0.02).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

CONFIDENCE = 0.90
TRUSTED_SHARE = 5  # a budget is trusted up to N / 5: there the interval still has both ends


def median_interval(
    errors: ArrayLike, budgets: ArrayLike, *, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper end of the interval for the median best-of-K: two ``[budgets]``.

    Args:
        errors: ``[trials]``, lower is better; infinite for diverged trials that count.
        budgets: ``[budgets]``, the values of K.

    >>> low, high = median_interval(np.arange(1, 101) / 100, budgets=[1, 10, 50])
    >>> low.tolist(), high.tolist()
    ([0.42, 0.03, -inf], [0.59, 0.12, 0.04])
    """
    ranked = np.sort(np.asarray(errors, dtype=float))
    lower, upper = order_statistics(len(ranked), budgets, confidence=confidence)
    with_ends = np.concatenate([[-np.inf], ranked, [np.inf]])
    return with_ends[lower], with_ends[upper]


def order_statistics(
    num_trials: int, budgets: ArrayLike, *, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ranks l and u, counted from 1, whose order statistics are the ends: two ``[budgets]``.

    l = 0 and u = N + 1 stand for minus and plus infinity. With B ~ Binomial(N, q) the trials at or
    below the quantile: ``P(x_(l) > quantile) = P(B < l)`` and ``P(x_(u) <= quantile) = P(B >= u)``;
    each is kept at or under half of what the confidence leaves.
    """
    tail = (1 - confidence) / 2
    at_or_below = stats.binom(num_trials, 1 - 0.5 ** (1 / np.asarray(budgets, dtype=float)))
    lower = at_or_below.ppf(tail).astype(int)  # P(B <= l - 1) < tail
    upper = at_or_below.ppf(1 - tail).astype(int) + 1  # P(B >= u) = 1 - P(B <= u - 1) <= tail
    return lower, upper
