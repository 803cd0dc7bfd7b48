"""How many trials does it take, and what can those at hand tell? The power of the paired test, beforehand.

Model: one optimizer wins ``odds`` races for each it loses at every budget (its share of trials above any
error is the other's to the ``odds``), so its win share is ``odds / (1 + odds)``. Trials that share points
and weights are alike: a share ``1 - shared`` of the pairs both optimizers rank the same, the others have
nothing in common, so that the win share of identical optimizers varies ``shared`` times as much as of
independent trials. The power is that of the test itself on simulated tables of the model, `TABLES` of
them, which is good to .02; a formula by the delta method missed by up to .16, for the best of 16 rests on
few blocks. How many trials, or how large a win share, is solved for on the scale on which power is
nearly a line: its normal quantile against √N, and against arcsin √win.

``shared`` is known once there are trials. Among the 75 pairs of this project's first committed results it
is .02 (Adam and NAdam on CIFAR-10) to 1, and .74 in the middle (.41 on the digits with 256 trials);
independent trials are the worst case. Agreement with fresh simulations, also of optimizers that share a
surface: tests/analysis/test_power.py, marked slow.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from harness.analysis.cells import needed
from harness.analysis.paired import HALF, LEVEL, Paired, Sample, compare

TYPICAL = 0.75  # of `shared`
TABLES = 400  # simulated
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
        compare(*_simulated(rng, question, num_trials, shared), question.budget, swaps=swaps).p_value()
        <= question.level
        for _ in range(TABLES)
    )  # fmt: skip
    return rejected / TABLES


def _simulated(
    rng: np.random.Generator, question: Question, num_trials: int, shared: float
) -> tuple[Sample, Sample]:
    mine, luck = rng.random((2, num_trials))
    theirs = np.where(rng.random(num_trials) < shared, luck, mine)
    places = np.arange(num_trials)
    return Sample(1 - (1 - mine) ** (1 / question.odds), places), Sample(theirs, places)


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


def shared_variance(found: Paired, a: Sample, b: Sample, budget: int) -> float:
    """How much less the win share of these trials varies than that of independent ones, at most 1.

    From the spread of the swapped tables, less what their difference adds to it.
    """
    independent = null_variance(budget) * (1 / len(a.errors) + 1 / len(b.errors))
    spread = float(np.mean(found.swapped**2)) - found.away**2 / max(found.blocks, 1)
    return float(np.clip(spread / independent, 0.01, 1.0))


def null_variance(budget: int) -> float:
    """Of one trial's influence on the win share of identical optimizers, by the delta method."""
    return budget**2 / (4 * (4 * budget - 1))
