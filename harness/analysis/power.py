"""How many trials does it take, and what can those at hand tell? The power of the paired test, beforehand.

Model: one optimizer wins ``odds`` races for each it loses at every budget (its share of trials above any
error is the other's to the ``odds``), so its win share is ``odds / (1 + odds)``. Trials that share points
and weights are alike: the ranks of a pair are those of two correlated normal variables (a Gaussian copula),
with the correlation at which the win share of identical optimizers varies ``shared`` times as much as that of
independent trials. The power is that of the test itself on simulated tables of the model, `TABLES` of
them, which is good to .02; a formula by the delta method missed by up to .16, for the best of 16 rests on
few blocks. How many trials, or how large a win share, is solved for on the scale on which power is
nearly a line: its normal quantile against √N, and against arcsin √win.

``shared`` is known once there are trials. Among the 60 pairs of this project's first committed results it
is .08 (Adam and NAdam on the digits) to 1, and .74 in the middle; independent trials are the worst case.
Agreement with fresh simulations, also of optimizers that share a surface: within .05, but for as few trials as
5 K; tests/analysis/test_power.py, marked slow.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from harness.analysis.cells import needed
from harness.analysis.paired import HALF, LEVEL, Sample, compare

TYPICAL = 0.75  # of `shared`
TABLES = 400  # simulated
NODES = 100  # of a quadrature
ROUNDS = 4  # the first goes near the solution, the mean of the others is taken
MOST_SIMULATED = 4_000  # trials; beyond, power grows as √N does
MOST_TRIALS = 100_000
LARGEST_WIN = 0.99


class Question(NamedTuple):
    """A win share to be found at a budget, by a test at a level."""

    win: float
    budget: int
    level: float = LEVEL

    @property
    def odds(self) -> float:
        return self.win / (1 - self.win)


@functools.lru_cache(maxsize=256)
def power(question: Question, num_trials: int, shared: float = 1.0) -> float:
    """The chance that the test with that many trials of each finds the difference.

    The same arguments give the same answer. 256 trials take a second.

    >>> question = Question(win=0.75, budget=16)
    >>> power(question, 64) < 0.5 < power(question, 256)
    True
    """
    rng = np.random.default_rng([num_trials, question.budget])
    swaps = max(199, math.ceil(4 / question.level))
    rejected = sum(
        compare(*simulated(rng, question, num_trials, shared), question.budget, swaps=swaps).p_value()
        <= question.level
        for _ in range(TABLES)
    )  # fmt: skip
    return rejected / TABLES


def simulated(
    rng: np.random.Generator, question: Question, num_trials: int, shared: float
) -> tuple[Sample, Sample]:
    """Tables of the model, the better optimizer's first."""
    together = _correlation(shared, question.budget)
    one, luck = rng.standard_normal((2, num_trials))
    other = together * one + math.sqrt(1 - together**2) * luck
    places = np.arange(num_trials)
    above = stats.norm.sf(one) ** (1 / question.odds)
    return Sample(1 - above, places), Sample(stats.norm.cdf(other), places)


@functools.lru_cache(maxsize=256)
def _correlation(shared: float, budget: int) -> float:
    """Of the two normal variables of the model."""
    x, weight = np.polynomial.hermite_e.hermegauss(NODES)
    weight /= weight.sum()
    mean, own = weight @ _influence(x, budget), weight @ _influence(x, budget) ** 2

    def left(together: float) -> float:
        other = together * x[:, None] + math.sqrt(1 - together**2) * x
        covariance = weight @ (_influence(x, budget)[:, None] * _influence(other, budget)) @ weight
        return float(1 - (covariance - mean**2) / (own - mean**2))

    return 0.0 if shared >= 1 else float(optimize.brentq(lambda r: left(r) - shared, 0.0, 1.0))


def _influence(rank: NDArray[np.float64], budget: int) -> NDArray[np.float64]:
    """Of a trial on the win share of identical optimizers, up to a constant and a factor."""
    above: NDArray[np.float64] = stats.norm.sf(rank)
    return above ** (2 * budget - 1)


def trials_for(question: Question, wanted: float, shared: float = 1.0) -> int | None:
    """About how many trials of each the test needs for that power, to two digits; never fewer than it
    asks for at all. None for more than `MOST_TRIALS`.
    """
    least = needed(question.budget)
    if power(question, least, shared) >= wanted:
        return least
    root = _solved(
        lambda root: power(question, min(round(root**2), MOST_SIMULATED), shared),
        wanted,
        question.level,
        start=math.sqrt(least),
        most=math.sqrt(MOST_SIMULATED),
    )
    count = max(least, root**2)
    digits = 10 ** max(0, math.floor(math.log10(count)) - 1)
    rounded = math.ceil(count / digits - 1e-9) * digits
    return None if rounded > MOST_TRIALS else rounded


def least_win(
    num_trials: int, budget: int, wanted: float, shared: float = 1.0, level: float = LEVEL
) -> float:
    """About the smallest win share over one half that the test finds with that power, 1.0 where none."""
    if num_trials < needed(budget):
        return 1.0
    most = _away(LARGEST_WIN)
    away = _solved(
        lambda away: power(
            Question(math.sin(HALF + min(away, most)) ** 2, budget, level),
            min(num_trials, MOST_SIMULATED),
            shared,
        ),
        wanted,
        level,
        start=_away(0.75) * min(1.0, math.sqrt(256 / num_trials)),
        most=most,
    )
    if num_trials > MOST_SIMULATED:
        away *= math.sqrt(MOST_SIMULATED / num_trials)
    return 1.0 if away > most else math.sin(HALF + away) ** 2


def _away(win: float) -> float:
    return math.asin(math.sqrt(win)) - HALF


def _solved(
    power_at: Callable[[float], float], wanted: float, level: float, *, start: float, most: float
) -> float:
    """Where the power is the one wanted: its normal quantile is a line from that of level/2 at 0.

    Beyond ``most`` nothing is simulated, and the line goes on.
    """
    foot = stats.norm.ppf(level / 2)
    aim = stats.norm.ppf(wanted) - foot
    at, solutions = min(start, most), []
    for _ in range(ROUNDS):
        found = np.clip(power_at(at), max(level, 2 / TABLES), 1 - 1 / TABLES)
        solutions.append(at * float(aim / (stats.norm.ppf(found) - foot)))
        at = min(solutions[-1], most)
    return float(np.mean(solutions[1:]))


def shared_variance(a: Sample, b: Sample, budget: int) -> float:
    """How much less the win share of these trials varies than that of independent ones, at most 1.

    By the delta method, from the ranks of each among its own: which of the two is better does not matter. Of
    few trials, such as 5 K, it is measured too large, and a plan is cautious. 1 where all of one are tied.
    """
    _, in_a, in_b = np.intersect1d(a.places, b.places, return_indices=True)
    one, other = (
        _influence(stats.norm.ppf((stats.rankdata(s.errors) - 0.5) / len(s.errors)), budget)[pairs]
        for s, pairs in ((a, in_a), (b, in_b))
    )
    if not one.size or np.ptp(one) == 0 or np.ptp(other) == 0:
        return 1.0
    return float(np.clip(1 - np.corrcoef(one, other)[0, 1], 0.01, 1.0))
