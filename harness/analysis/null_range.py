"""How far two *identical* optimizers may seem apart, each measured by N trials: the null range.

``P(A's best of K < B's best of K)`` is estimated from N trials of each, and the estimate varies with
the draw. Its distribution when both come from one continuous distribution depends on ranks alone, so
on N and K only; the null range is the middle part of it. The middle 90% is [.24, .76] at N = 500,
K = 100; the standard deviation tends to ``sqrt(K / 16 · (1/N_a + 1/N_b))`` for large K and larger N.

It is the range of two tables drawn *independently*. Tables that share points and initial weights vary
less against each other; the verdicts of a report are those of the paired test (`paired`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.analysis import best_of_k, confidence

Array = NDArray[np.float64]

MOST_SIMULATED = 4_000  # trials


def null_range(
    trials_a: int,
    trials_b: int,
    budgets: Sequence[float],
    *,
    share: float = confidence.CONFIDENCE,
) -> tuple[Array, Array]:
    """The middle ``share`` of ``P(A's best < B's best)`` between identical optimizers: two ``[budgets]``.

    Simulated on uniforms (the probability depends on ranks alone) with 10,000 pairs of tables, fewer
    above N = 400: the limits are good to .01. Both N are rounded down to six binary digits, so that
    tables of nearly one size share a simulation; that widens the range by 1.6% at most. Above N = 4,000
    it is the normal law for K up to N/50, else that of tables and budgets smaller in proportion, 4,000
    trials at most. The same arguments give the same limits.

    >>> low, high = null_range(500, 500, [100])
    >>> round(float(low[0]), 1), round(float(high[0]), 1)
    (0.2, 0.8)
    """
    counts = (_six_binary_digits(trials_a), _six_binary_digits(trials_b))
    limits = np.array([_limits(*counts, float(k), share) for k in budgets])
    return limits[:, 0], limits[:, 1]


def _limits(trials_a: int, trials_b: int, budget: float, share: float) -> tuple[float, float]:
    most, fewest = max(trials_a, trials_b), min(trials_a, trials_b)
    if most <= MOST_SIMULATED:
        return _null_limits(trials_a, trials_b, budget, share)
    if budget * 50 <= fewest:
        deviation = math.sqrt(budget**2 / (4 * (4 * budget - 1)) * (1 / trials_a + 1 / trials_b))
        reach = float(stats.norm.ppf((1 + share) / 2)) * deviation
        return 0.5 - reach, 0.5 + reach
    scale = min(1.0, MOST_SIMULATED / fewest)
    smaller = (min(MOST_SIMULATED, round(count * scale)) for count in (trials_a, trials_b))
    return _null_limits(*smaller, budget * scale, share)


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
    simulations = min(4_000_000 // max(trials_a, trials_b), 10_000)
    below = np.empty((simulations, trials_a), dtype=np.int32)
    for row in below:
        row[:] = np.searchsorted(np.sort(rng.random(trials_b)), np.sort(rng.random(trials_a)))
    return below
