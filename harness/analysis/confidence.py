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

A curve shows intervals at many budgets, and such ones hold *all* its medians in 80% (N = 64) and 70%
(N = 256) of tables. So the intervals of a curve are **simultaneous**: the tail beyond each end is made
smaller, alike for all budgets, until all hold in 90% of tables. How often they do depends on N and the
budgets alone, and is simulated: of the counts at or below the medians each is a binomial part of the
one before.

The 5th percentile of the best of K is no better known than the least of N errors once the chance of
drawing that one is 5%, K > N/20: another tuning run goes under it with chance K / (N + K), a sixth at
K = N/5. So a band is vouched for up to `BAND_SHARE`.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

CONFIDENCE = 0.90
TRUSTED_SHARE = 5  # a budget is trusted up to N / 5: there the interval still has both ends
BAND_SHARE = 20  # a 5th percentile up to N / 20: there it is not yet the least of N errors
TABLES = 40_000  # simulated; a joint coverage is good to .002


def median_interval(
    errors: ArrayLike,
    budgets: ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    simultaneous: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper end of the interval for the median best-of-K: two ``[budgets]``.

    Args:
        errors: ``[trials]``, lower is better; infinite for diverged trials that count.
        budgets: ``[budgets]``, the values of K.
        simultaneous: whether all intervals up to K = N/5 hold together with that confidence.

    >>> low, high = median_interval(np.arange(1, 101) / 100, budgets=[1, 10, 50])
    >>> low.tolist(), high.tolist()
    ([0.42, 0.03, -inf], [0.59, 0.12, 0.04])
    """
    ranked = np.sort(np.asarray(errors, dtype=float))
    k = np.asarray(budgets, dtype=float)
    beyond = tail(len(ranked), k, confidence=confidence, simultaneous=simultaneous)
    lower, upper = order_statistics(len(ranked), k, confidence=1 - 2 * beyond)
    with_ends = np.concatenate([[-np.inf], ranked, [np.inf]])
    return with_ends[lower], with_ends[upper]


def tail(
    num_trials: int,
    budgets: ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    simultaneous: bool = False,
) -> float:
    """The chance left beyond each end of `median_interval`."""
    if not simultaneous:
        return (1 - confidence) / 2
    k = np.asarray(budgets, dtype=float)
    vouched = k[k * TRUSTED_SHARE <= num_trials]
    return joint_tail(num_trials, tuple(sorted(vouched.tolist())), confidence)


def order_statistics(
    num_trials: int, budgets: ArrayLike, *, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ranks l and u, counted from 1, whose order statistics are the ends: two ``[budgets]``.

    l = 0 and u = N + 1 stand for minus and plus infinity. With B ~ Binomial(N, q) the trials at or
    below the quantile: ``P(x_(l) > quantile) = P(B < l)`` and ``P(x_(u) <= quantile) = P(B >= u)``;
    each is kept at or under half of what the confidence leaves.
    """
    tail = (1 - confidence) / 2
    at_or_below = stats.binom(num_trials, _quantile(budgets))
    lower = at_or_below.ppf(tail).astype(int)  # P(B <= l - 1) < tail
    upper = at_or_below.ppf(1 - tail).astype(int) + 1  # P(B >= u) = 1 - P(B <= u - 1) <= tail
    return lower, upper


@functools.lru_cache(maxsize=256)
def joint_tail(
    num_trials: int, budgets: tuple[float, ...], confidence: float = CONFIDENCE
) -> float:
    """The tail beyond each end with which the intervals at all these budgets hold together.

    Simulated with a fixed seed. Never larger than that of one interval alone.

    >>> round(joint_tail(64, (1, 2, 4, 8, 12)), 3), round(joint_tail(256, (1, 2, 4, 8, 16, 32)), 3)
    (0.02, 0.015)
    """
    alone = (1 - confidence) / 2
    if len(budgets) < 2:
        return alone
    rng = np.random.default_rng([0, num_trials])
    below, share = np.full(TABLES, num_trials), 1.0
    outermost = np.ones(TABLES)  # of each table, the least tail that an end leaves the median in
    for q in _quantile(sorted(budgets)):
        below = rng.binomial(below, min(q / share, 1.0))
        share = q
        values = np.arange(below.min(), below.max() + 1)
        at_or_below = stats.binom(num_trials, q)
        tails = np.minimum(at_or_below.cdf(values), at_or_below.sf(values - 1))
        outermost = np.minimum(outermost, tails[below - values[0]])
    least = np.quantile(outermost, 1 - confidence, method="lower")
    return min(float(least) * (1 - 1e-9), alone)  # at the tail itself an end still holds the median


def _quantile(budgets: ArrayLike) -> NDArray[np.float64]:
    """Of the population, at the median best-of-K."""
    return 1 - 0.5 ** (1 / np.asarray(budgets, dtype=float))
