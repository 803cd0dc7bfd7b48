"""Is A better than B? The paired test of two optimizers, and the interval that agrees with it.

The **win share** is the chance that A's best of K trials beats B's, both of K different trials drawn
from those at hand, ties counted half: unbiased, whatever the two numbers of trials are.

Trial i of one optimizer and trial i of another have the same Halton point on the axes they share, the
same initial weights and the same order of the data. So they are compared as pairs: were the two
optimizers one, swapping their names over a whole block of consecutive indices would leave the joint
distribution as it is. The win share is computed anew under
random swaps of all blocks; how often that is as far from one half is the p-value, and it is exact: no
approximation for few trials, no assumption on errors. Where seeds or samplers differ trials pair by
their order, for independent draws can be exchanged as well.

Blocks, because a Halton sequence covers the space evenly: consecutive trials depend on each other
through the axes that one optimizer alone has. A block is as wide as the largest power of two that
leaves 16 blocks or more of the trials that both have, so it is fixed before anything is seen. A trial
without a partner (the other's diverged, or was never run) stays where it is.

The **interval** is the test inverted on the scale φ = arcsin √win, on which a share spreads alike
wherever it lies: all win shares within the spread of the swapped ones. It excludes one half exactly
where the test rejects.

Simulated (tests/analysis/test_paired.py, marked slow): see `SIMULATED`.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.analysis import best_of_k

Array = NDArray[np.float64]
Places = NDArray[np.int64]

LEVEL = 0.05  # of false claims, on a workload whose optimizers are all alike
LEAST_BLOCKS = 16
SWAPS = 9_999
CELLS = 128  # of equal chance to hold the best; errors in one cell count as tied
AT_ONCE = 100_000  # numbers of one array: a few such fit a processor's cache
HALF = math.pi / 4  # a win share of one half, on the scale of the interval
ROUNDING = 1e-9


class Sample(NamedTuple):
    """The counted trials of one optimizer; those of equal place are a pair."""

    errors: Array  # [trials], infinite for a diverged trial that counts
    places: Places  # [trials]


class Paired(NamedTuple):
    """The win share of A over B, and what random swaps made of it.

    ``win`` is as `best_of_k.probability_better`; ``swapped`` are φ - π/4 of the swapped tables, sorted.
    """

    win: float
    tie: float
    swapped: Array
    blocks: int

    @property
    def away(self) -> float:
        """φ - π/4 of the win share itself: above 0 where A wins more often."""
        return _phi(self.win) - HALF

    def p_value(self) -> float:
        """The chance, were they alike, of a win share as far from one half, either way."""
        return self._share(np.abs(self.swapped), abs(self.away))

    def p_worse(self) -> float:
        """The chance, were they alike, of a win share of A as low or lower; small only under one half."""
        chance = self._share(-self.swapped, -self.away)
        return chance if self.away < 0 else max(chance, 0.5)

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """The win shares that the two-sided test at this level does not exclude."""
        reach = self._reach(np.sort(np.abs(self.swapped)), level)
        return _win(_phi(self.win) - reach), _win(_phi(self.win) + reach)

    def one_sided(self, level: float = LEVEL) -> tuple[float, float]:
        """The least and the largest win share, each as a one-sided test at this level leaves it.

        The largest is under one half exactly where `p_worse` is at most the level.
        """
        down, up = self._reach(self.swapped, level), self._reach(-self.swapped[::-1], level)
        return _win(_phi(self.win) - max(down, 0)), _win(_phi(self.win) + max(up, 0))

    @staticmethod
    def _share(swapped: Array, away: float) -> float:
        return float((1 + np.count_nonzero(swapped >= away - ROUNDING)) / (1 + len(swapped)))

    @staticmethod
    def _reach(ordered: Array, level: float) -> float:
        """How far from one half a share may lie before the test rejects it; infinite: any distance."""
        above = math.floor(level * (1 + len(ordered)) + ROUNDING) - 1  # as many may be as far
        return math.inf if above < 0 else float(ordered[-1 - above])


def compare(a: Sample, b: Sample, budget: int, *, swaps: int = SWAPS) -> Paired:
    """Compare the best of K trials of A with B's.

    The same arguments give the same answer. 256 trials of each take 0.1 s, 100,000 0.3 s and 40 MB.

    Raises:
        ValueError: a budget above either number of trials, or an error that is NaN.

    >>> rng = np.random.default_rng(0)
    >>> adam = Sample(rng.random(100), np.arange(100))
    >>> mine = Sample(adam.errors - 0.1, adam.places)
    >>> found = compare(mine, adam, budget=16)
    >>> round(found.win, 2), found.p_value() < 0.001, [round(end, 2) for end in found.interval()]
    (0.91, True, [0.68, 1.0])
    """
    win, tie = best_of_k.win_and_tie(a.errors, b.errors, [budget], replacement=False)
    fixed, pairs = _blocks(a, b, budget)
    swapped = np.sort(
        _phis(_win_shares(fixed, pairs, random_swaps(swaps, len(pairs)), budget)) - HALF
    )
    return Paired(float(win[0] + tie[0] / 2), float(tie[0]), swapped, len(pairs))


@functools.lru_cache(maxsize=4)
def random_swaps(swaps: int, blocks: int) -> NDArray[np.bool_]:
    """Which blocks are swapped: ``[swaps, blocks]``, the same for every pair of so many blocks."""
    rng = np.random.default_rng([0, blocks])
    drawn = np.empty((swaps, blocks), dtype=bool)
    rows = max(1, AT_ONCE // max(blocks, 1))
    for first in range(0, swaps, rows):
        some = drawn[first : first + rows]
        np.less(rng.random(some.shape), 0.5, out=some)
    return drawn


def block_width(pairs: int) -> int:
    """The largest power of two that leaves `LEAST_BLOCKS` blocks of that many pairs, or 1.

    >>> [block_width(pairs) for pairs in (15, 31, 32, 64, 100, 256)]
    [1, 1, 2, 4, 4, 16]
    """
    return 1 << max(0, (pairs // LEAST_BLOCKS).bit_length() - 1)


def _blocks(a: Sample, b: Sample, budget: int) -> tuple[Array, Array]:
    """Counts of trials by cell: ``[2, cells]`` of those without a partner, ``[blocks, 2, cells]`` of pairs."""
    cells, count = _cells(a.errors, b.errors, budget)
    common = np.intersect1d(a.places, b.places)
    blocks = common // block_width(len(common))
    names, block_of = np.unique(blocks, return_inverse=True)
    fixed, paired = np.zeros((2, count)), np.zeros((len(names), 2, count))
    for side, (sample, cell) in enumerate(zip((a, b), cells, strict=True)):
        at = np.searchsorted(common, sample.places)
        with_partner = np.isin(sample.places, common)
        np.add.at(paired[:, side], (block_of[at[with_partner]], cell[with_partner]), 1.0)
        np.add.at(fixed[side], cell[~with_partner], 1.0)
    return fixed, paired


def _cells(a: Array, b: Array, budget: int) -> tuple[list[Places], int]:
    """The cell of every error, best first, and how many cells there are: a value each, of many values
    as many as `CELLS` that hold the best of K with the same chance."""
    pooled = np.concatenate(best_of_k.snapped(a, b))
    values, cell = np.unique(pooled, return_inverse=True)
    if len(values) > CELLS:
        middle = (np.searchsorted(np.sort(pooled), values, "left") + 0.5) / len(pooled)
        coarse = np.floor(CELLS * (1 - (1 - np.minimum(middle, 1.0)) ** budget))
        cell = np.unique(coarse, return_inverse=True)[1][cell]
    return np.split(cell, [len(a)]), int(cell.max()) + 1


def _win_shares(fixed: Array, paired: Array, swap: NDArray[np.bool_], budget: int) -> Array:
    """A's win share in each swapped table: ``[swaps]``."""
    below = np.cumsum(np.concatenate([fixed[None], paired]), axis=2).astype(np.float32)
    moves = below[1:, 1] - below[1:, 0]  # [blocks, cells]
    up_to_a, up_to_b = below.sum(axis=0)
    # A swap moves as many trials out as in, so N stays.
    missed_a, missed_b = (_missed(int(count[-1]), budget) for count in (up_to_a, up_to_b))
    shares = np.empty(len(swap))
    rows = max(1, AT_ONCE // len(up_to_a))
    for first in range(0, len(swap), rows):
        some = slice(first, first + rows)
        moved = swap[some].astype(np.float32) @ moves  # [swaps, cells], whole numbers
        # intp: numpy looks up a third as fast by any other whole numbers.
        a = missed_a[(up_to_a + moved).astype(np.intp)]
        b = missed_b[(up_to_b - moved).astype(np.intp)]
        # The sum over cells of (a_before - a_after) (b_before + b_after), telescoped.
        turns = np.einsum("ij,ij->i", a[:, :-1], b[:, 1:])
        turns -= np.einsum("ij,ij->i", a[:, 1:], b[:, :-1])
        shares[some] = (1 + b[:, 0] - a[:, 0] + turns).astype(float) / 2
    return shares


@functools.lru_cache(maxsize=4)
def _missed(num_trials: int, budget: int) -> NDArray[np.float32]:
    """P(the best of K lies beyond the first i trials), for i = 0 … N."""
    return best_of_k.survival(num_trials, [budget], replacement=False)[0].astype(np.float32)


def _phi(win: float) -> float:
    return math.asin(math.sqrt(min(max(win, 0.0), 1.0)))


def _phis(wins: Array) -> Array:
    return np.arcsin(np.sqrt(np.clip(wins, 0.0, 1.0)))


def _win(phi: float) -> float:
    return math.sin(min(max(phi, 0.0), math.pi / 2)) ** 2


# --- several at once ------------------------------------------------------------------------------


def holm(p_values: ArrayLike) -> tuple[Array, Array]:
    """Holm's adjusted p-values, and the level that each was tested at: two ``[tests]``.

    Adjusted p-values at most `LEVEL` are claims of which any is false with that chance at most. Tests
    are made from the smallest p-value on, at level/m, level/(m - 1), …, up to the first that does not
    reject; that one's level holds for all after it. An interval at a test's level so agrees with it.

    >>> adjusted, levels = holm([0.04, 0.01, 0.03])
    >>> adjusted.round(3).tolist(), levels.round(4).tolist()
    ([0.06, 0.03, 0.06], [0.025, 0.0167, 0.025])
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    left = len(p) - np.arange(len(p))  # tests not made before
    adjusted = np.minimum(np.maximum.accumulate(p[order] * left), 1.0)
    rejected = adjusted <= LEVEL
    last = min(int(np.count_nonzero(rejected)), max(len(p) - 1, 0))
    levels = LEVEL / np.maximum(left, left[last] if len(p) else 1)
    result = np.empty((2, len(p)))
    result[0, order], result[1, order] = adjusted, levels
    return result[0], result[1]
