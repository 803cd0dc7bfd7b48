"""How many trials does it take, and what can those at hand tell? The power of the paired test, beforehand.

Model: one optimizer wins ``odds`` races for each it loses at every budget (its share of trials above any
error is the other's to the ``odds``), so its win share is ``odds / (1 + odds)``. To first order the win
share of N trials of each is a mean of N terms, an influence for each trial, so its standard error is

    sqrt(variance(K, odds) / N)

of independent trials, and less of trials that share points and weights: of a share ``1 - shared`` of the
trials both optimizers rank alike, so that of identical ones the variance is ``shared`` times as large.
Swapped tables (`paired`) spread as much about one half, and further by the difference found, for a swap
moves whole blocks, of which there are 16 to 31. The test rejects where the win share, on its scale
φ = arcsin √win, lies beyond the quantile of that.

``shared`` is known once there are trials. Among the 75 pairs of this project's first committed results it
is .02 (Adam and NAdam on CIFAR-10) to 1, and .74 in the middle (.41 on the digits with 256 trials);
independent trials are the worst case. Powers agree with simulated ones within .05
(tests/analysis/test_power.py, marked slow).
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from scipy import stats

from harness.analysis.cells import needed
from harness.analysis.paired import HALF, LEVEL, Array, Paired, Sample, block_width

TYPICAL = 0.75  # of `shared`
MOST_TRIALS = 1_000_000
RANKS = (np.arange(20_000) + 0.5) / 20_000  # of a trial among its optimizer's, 1 the best


class Question(NamedTuple):
    """A win share to be found at a budget, by a test at a level."""

    win: float
    budget: int
    level: float = LEVEL

    @property
    def odds(self) -> float:
        return self.win / (1 - self.win)


def power(question: Question, num_trials: int, shared: float = 1.0) -> float:
    """The chance that the test with that many trials of each finds the difference.

    >>> question = Question(win=0.75, budget=16)
    >>> [round(power(question, n), 2) for n in (64, 256, 1024)], round(power(question, 64, 0.2), 2)
    ([0.27, 0.74, 1.0], 0.56)
    """
    variance, apart, swapped = _moments(question, shared)
    blocks = num_trials / block_width(num_trials)
    win = question.win
    slope = 1 / (2 * math.sqrt(win * (1 - win)))  # of φ
    bend = (2 * win - 1) / (4 * (win * (1 - win)) ** 1.5)
    away = math.asin(math.sqrt(win)) - HALF
    further = (apart / away) ** 2 / blocks  # of away², what a difference adds to the spread
    away += bend / 2 * variance / num_trials
    error = slope * math.sqrt(variance / num_trials)
    # The test rejects where what is found is beyond ``reach``, which grows with it and is noisy itself.
    quantile = float(stats.norm.ppf(1 - question.level / 2))
    reach = quantile * math.sqrt(swapped / num_trials + further * (away**2 + error**2))
    error *= 1 - quantile**2 * further * away / reach
    noise = reach / math.sqrt(2 * blocks)
    return float(stats.norm.sf((reach - away) / math.hypot(error, noise)))


def trials_for(question: Question, wanted: float, shared: float = 1.0) -> int | None:
    """How many trials of each the test needs for that power; at least as many as it asks for at all.

    None for more than `MOST_TRIALS`.

    >>> trials_for(Question(win=0.75, budget=16), 0.8)
    286
    """
    low, high = 1, needed(question.budget)
    while power(question, high, shared) < wanted:
        low, high = high, 2 * high
        if high > MOST_TRIALS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(question, middle, shared) >= wanted else (middle, high)
    return max(high, needed(question.budget))


def least_win(
    num_trials: int, budget: int, wanted: float, shared: float = 1.0, level: float = LEVEL
) -> float:
    """The smallest win share over one half that the test finds with that power, 1.0 where none.

    >>> round(least_win(256, 16, 0.8), 2)
    0.77
    """
    low, high = 0.5, 0.99
    if (
        num_trials < needed(budget)
        or power(Question(high, budget, level), num_trials, shared) < wanted
    ):
        return 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        found = power(Question(middle, budget, level), num_trials, shared) >= wanted
        low, high = (low, middle) if found else (middle, high)
    return high


def shared_variance(found: Paired, a: Sample, b: Sample, budget: int) -> float:
    """How much less the win share of these trials varies than that of independent ones, at most 1.

    From the spread of the swapped tables, less what their difference adds to it.
    """
    independent = null_variance(budget) * (1 / len(a.errors) + 1 / len(b.errors))
    spread = float(np.mean(found.swapped**2)) - found.away**2 / max(found.blocks, 1)
    return float(np.clip(spread / independent, 0.01, 1.0))


def null_variance(budget: int) -> float:
    """Of one trial's influence on the win share of identical optimizers."""
    return budget**2 / (4 * (4 * budget - 1))


@functools.lru_cache(maxsize=64)
def _moments(question: Question, shared: float) -> tuple[float, float, float]:
    """N times the variance of the win share; and on tables swapped at random by how much the two
    optimizers' influences differ, and N times their variance.

    An influence is what a trial adds to the win share. With S the share of the other's trials above an
    error, and so S^odds the winner's, it is a power of S on the tables as they are.
    """
    k, c = question.budget, question.odds
    winners, others = RANKS ** (1 / c), RANKS  # S of the trials of either
    mine = c * k**2 / (k * (1 + c) - 1) * _power_of(others, k * (1 + c) - 1)
    theirs = k**2 / (k + c * (k - 1)) * _power_of(winners, k + c * (k - 1))
    grid = np.linspace(0.0, 1.0, 20_001)
    above = (grid + grid**c) / 2  # of both optimizers' trials together
    steps = np.gradient(above, grid) * above ** (2 * k - 2)
    steps = np.diff(grid) * (steps[1:] + steps[:-1]) / 2
    swapped = k**2 * np.concatenate([[0.0], np.cumsum(steps)])
    one, other = (np.interp(ranks, grid, swapped) for ranks in (winners, others))
    return (
        _variance_of_the_difference(mine, theirs, shared),
        float(one.mean() - other.mean()),
        _variance_of_the_difference(one, other, shared),
    )


def _power_of(values: Array, exponent: float) -> Array:
    return np.asarray(values**exponent)


def _variance_of_the_difference(one: Array, other: Array, shared: float) -> float:
    """Over pairs of which a share ``1 - shared`` have the same rank, and the others nothing in common."""
    together = np.mean(one * other) - one.mean() * other.mean()
    return float(one.var() + other.var() - 2 * (1 - shared) * together)
