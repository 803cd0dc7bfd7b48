"""Where the best settings of an optimizer lie, over all of its axes together: a box for its next search.

A Gaussian process (squared exponentials with a length for each axis, and noise) is fitted to the normal
scores of the errors' ranks; diverged and pruned trials are tied as the worst. It gives each of 2,048 points
of the space the chance that it is in the best tenth of the space: its share of the *good chance*. From
the whole space ends are cut off, an end of an axis at a time, where that loses least of the good chance for the
volume, for as long as 85 % of it stay. That is the peeling of Friedman and Fisher's patient rule
induction (1999, doi:10.1023/A:1008894516817), on a model of the trials instead of the trials themselves:
some fifty trials in six dimensions leave too few in a box to peel by. What that is worth on trials that
were not fitted: results/refining.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, optimize, stats
from scipy.spatial import distance

from harness.analysis.counting import finished, values
from harness.study.space import Axis, Choices, Range

Array = NDArray[np.float64]
Ends = tuple[float, float]

GOOD = 0.1  # of the space: what is looked for
HELD = 0.85  # of the good chance: what a box keeps; of held-out good trials it keeps some .78 (results/refining)
CUT = 0.1  # of the points in the box: what a cut takes
WORTH = (
    0.75  # at most: the logarithm of what a cut leaves of the good chance over that of the volume
)
NARROWEST = 0.2  # of an axis
POINTS = 2048
LEFT_OUT = 0.9  # the mean square error of left-out trials' scores, in their variance, from which on nothing is known
MOST_TRIALS = 400  # the model's cost grows with their third power
LENGTH, SIGNAL, NOISE = (
    0.7,
    1.0,
    0.3,
)  # where the priors have their middle: of an axis, of the scores' variance
FARTHEST = 20.0  # deviations from that middle, beyond which a line search would leave the floats


class Expected(NamedTuple):
    """Points spread evenly over a space, and where a model of the trials expects the best settings."""

    axes: tuple[Axis, ...]
    points: Array  # [points, axes], each from 0 to 1 along its axis
    chance: Array  # [points], adding up to 1

    def values(self, name: str) -> Array:
        """The values ``[points]`` of a range."""
        place = [axis.name for axis in self.axes].index(name)
        axis = self.axes[place]
        assert isinstance(axis, Range)
        low, high = axis.coordinate(axis.ends)
        along = low + self.points[:, place] * (high - low)
        return np.array([axis.value(each) for each in along])


def expected(rows: pd.DataFrame, axes: Mapping[str, Axis], share: float = GOOD) -> Expected:
    """Where the best settings are expected to lie.

    Args:
        rows: trials of one study; those that diverged count as the worst.
        axes: the searched axes of numbers, ranges and choices, each with a column ``hp.NAME``.
        share: of the space, how much of it counts as good.
    """
    rows = finished(rows)
    if len(rows) > MOST_TRIALS:
        rows = rows.sample(MOST_TRIALS, random_state=0)
    given = np.stack([_position(axis, rows[f"hp.{name}"]) for name, axis in axes.items()], axis=1)
    scores = _scores(values(rows, "val_error"))
    points = stats.qmc.Sobol(len(axes), rng=np.random.default_rng(0)).random(POINTS)
    for place, axis in enumerate(axes.values()):
        if isinstance(axis, Choices):
            count = len(axis.choices)
            points[:, place] = (np.floor(points[:, place] * count) + 0.5) / count
    chance = np.ones(POINTS) if np.ptp(scores) == 0 else _chance(given, scores, points, share)
    return Expected(tuple(axes.values()), points, chance / chance.sum())


def _position(axis: Axis, column: pd.Series) -> Array:
    found = column.to_numpy(float)
    if isinstance(axis, Choices):
        ranked = np.sort(np.array(axis.choices, dtype=float))
        nearest: Array = np.abs(found[:, None] - ranked).argmin(axis=1) + 0.5
        return nearest / len(ranked)
    assert isinstance(axis, Range)
    return axis.position(found)


def _scores(errors: Array) -> Array:
    """The normal scores of the ranks, the best one lowest: ``[trials]``."""
    scores = stats.norm.ppf((stats.rankdata(errors) - 0.5) / len(errors))
    centred: Array = scores - scores.mean()
    return centred / (centred.std() or 1.0)


def _chance(given: Array, scores: Array, points: Array, share: float) -> Array:
    """Of each point that its score, without noise, is below the ``share`` quantile of the model's mean.

    The same everywhere where the model explains less than a tenth of the variance of trials left out.
    """
    inverse, signal, noise = _fitted(given, scores)
    known = signal * _correlation(given, given, inverse) + noise * np.eye(len(given))
    root = linalg.cholesky(known, lower=True)
    precision = linalg.cho_solve((root, True), np.eye(len(given)))
    missed = (precision @ scores) / np.diag(precision)  # Rasmussen and Williams (2006), 5.4.2
    if (missed**2).mean() >= LEFT_OUT:
        return np.ones(len(points))
    across = signal * _correlation(points, given, inverse)
    mean = across @ linalg.cho_solve((root, True), scores)
    told = linalg.solve_triangular(root, across.T, lower=True)
    deviation = np.sqrt(np.maximum(signal - (told**2).sum(axis=0), 1e-12))
    chance: Array = stats.norm.cdf((np.quantile(mean, share) - mean) / deviation)
    return chance


def _correlation(a: Array, b: Array, inverse: Array) -> Array:
    """exp(-|a - b|²/2), each axis in units of its length: ``[of a, of b]``."""
    found: Array = np.exp(-0.5 * distance.cdist(a * inverse, b * inverse, "sqeuclidean"))
    return found


def _fitted(given: Array, scores: Array) -> tuple[Array, float, float]:
    """One over the length along each axis, the signal's variance and the noise's: of the largest posterior.

    Their logarithms have normal priors of deviation 1. Without priors, as scikit-learn has it, lengths are
    too sure of themselves: of the best tenth .69 were kept where .75 should have been, with these .75
    (fitted to half of the trials, 64 at most, of the tables that the settings above were chosen on).
    """
    apart = (given[:, None] - given[None]) ** 2  # [trials, trials, axes]
    start = np.log([*[LENGTH] * given.shape[1], SIGNAL, NOISE])

    def loss(logarithms: Array) -> tuple[float, Array]:
        near = np.clip(logarithms, start - FARTHEST, start + FARTHEST)
        squares, (signal, noise) = np.exp(-2 * near[:-2]), np.exp(near[-2:])
        smooth = signal * np.exp(-0.5 * apart @ squares)
        root = linalg.cholesky(smooth + noise * np.eye(len(scores)), lower=True)
        inverse = linalg.cho_solve((root, True), np.eye(len(scores)))
        solved = inverse @ scores
        slopes = np.outer(solved, solved) - inverse
        along = np.einsum("ij,ijk->k", slopes * smooth, apart) * squares
        gradient = np.array([*along, (slopes * smooth).sum(), noise * np.trace(slopes)])
        gradient[near != logarithms] = 0.0
        away = logarithms - start
        value = 0.5 * scores @ solved + np.log(np.diag(root)).sum() + 0.5 * away @ away
        return float(value), away - 0.5 * gradient

    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B").x
    return np.exp(-found[:-2]), float(np.exp(found[-2])), float(np.exp(found[-1]))


def box(
    found: Expected,
    *,
    within: Mapping[str, Ends] | None = None,
    holding: Mapping[str, Ends] | None = None,
) -> dict[str, Ends]:
    """The ends of the smallest box on the way down that keeps `HELD` of the good chance, by range.

    Args:
        within: the ends of axes that are settled, in positions: the box starts there and leaves them.
        holding: what the box must hold of an axis, in positions.

    Positions run from 0 to 1 along an axis. Choices, and axes that no cut is worth, keep theirs.
    """
    names = [axis.name for axis in found.axes]
    ends = np.array([(within or {}).get(name, (0.0, 1.0)) for name in names])
    held = np.array([(holding or {}).get(name, (1.0, 0.0)) for name in names])
    free = [
        place
        for place, axis in enumerate(found.axes)
        if isinstance(axis, Range) and axis.name not in (within or {})
    ]
    inside = _inside(found.points, ends)
    while True:
        cut = min(_cuts(found, inside, ends, held, free), default=None)
        if cut is None or cut.worth > WORTH:
            break
        smaller = ends.copy()
        smaller[cut.place] = cut.low, cut.high
        inside = _inside(found.points, smaller)
        if found.chance[inside].sum() < HELD:
            break
        ends = smaller
    return {names[place]: (float(ends[place, 0]), float(ends[place, 1])) for place in free}


def _inside(points: Array, ends: Array) -> NDArray[np.bool_]:
    return np.asarray(((points >= ends[:, 0]) & (points <= ends[:, 1])).all(axis=1))


class _Cut(NamedTuple):
    """An axis made shorter; compared by what that costs first."""

    worth: (
        float  # 0 where it loses nothing of the good chance, 1 where as much of it as of the volume
    )
    place: int
    low: float
    high: float


def _cuts(
    found: Expected, inside: NDArray[np.bool_], ends: Array, held: Array, free: Sequence[int]
) -> Iterator[_Cut]:
    """A tenth of the points off either end of each axis, where it allows that."""
    chance = found.chance[inside]
    for place in free:
        column = found.points[inside, place]
        low, high = ends[place]
        for new in ((np.quantile(column, CUT), high), (low, np.quantile(column, 1 - CUT))):
            share = (new[1] - new[0]) / (high - low)
            allowed = new[0] <= held[place, 0] and new[1] >= held[place, 1]
            kept = chance[(column >= new[0]) & (column <= new[1])].sum() / chance.sum()
            if allowed and new[1] - new[0] >= NARROWEST and share < 1 and kept > 0:
                yield _Cut(float(np.log(kept) / np.log(share)), place, *map(float, new))
