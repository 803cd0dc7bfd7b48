"""The points of a search space: trial ``i`` is a function of (space, sampler, seed, i) alone.

But for the samplers that ask (`ASKING`): their points depend on what earlier trials found, see `asking`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.errors import ConfigError, unknown
from harness.study.space import Axis, Choices, Range, Space, Value

HALTON, UNIFORM, GRID, TPE, GP = "halton", "uniform", "grid", "tpe", "gp"
ASKING = (TPE, GP)
SAMPLERS = (HALTON, UNIFORM, GRID, *ASKING)
SETTINGS = {GRID: ("points",), TPE: ("startup", "parallel"), GP: ("startup", "parallel")}
"""By sampler what it takes beside ``name`` and ``seed``, whole numbers of 1 or more."""
MOST_OF_A_GRID = 10**6


def sample(space: Space, sampler: Mapping[str, Any], seed: int, trial: int) -> dict[str, Value]:
    """Point ``trial`` of the sequence: a value for every axis, constants included.

    Halton appends cleanly: a further axis leaves the coordinates of the earlier ones as they were.
    Source of the scrambling: Owen (2017), *A randomized Halton algorithm in R*, as in scipy.

    Args:
        sampler: a study's: its name, and what `SETTINGS` say; one of `ASKING` begins with Halton points.

    Raises:
        ConfigError: a trial beyond a grid's last point.
    """
    name = sampler["name"]
    if name == GRID:
        return grid_point(space, sampler["points"], seed, trial)
    searched = [name for name, axis in space.items() if axis.searched]
    name = HALTON if name in ASKING else name
    u = dict(zip(searched, unit_point(name, len(searched), seed, trial), strict=True))
    return {name: axis.value_at(u.get(name, 0.0)) for name, axis in space.items()}


def sample_many(
    space: Space, sampler: Mapping[str, Any], seed: int, trials: Sequence[int]
) -> list[dict[str, Value]]:
    """`sample` of many trials, the same bits; of consecutive ones in a tenth of the time."""
    searched = [name for name, axis in space.items() if axis.searched]
    consecutive = list(trials) == list(range(trials[0], trials[0] + len(trials)))
    if sampler["name"] != HALTON or not searched or not consecutive:
        return [sample(space, sampler, seed, trial) for trial in trials]
    unit = _halton(len(searched), seed).fast_forward(trials[0]).random(len(trials))
    return [
        {name: axis.value_at(row.get(name, 0.0)) for name, axis in space.items()}
        for row in (dict(zip(searched, map(float, u), strict=True)) for u in unit)
    ]


def _halton(dimensions: int, seed: int) -> Any:
    from scipy.stats import qmc  # 0.3 s to import; --help does without

    return qmc.Halton(dimensions, scramble=True, rng=np.random.default_rng(seed))


def unit_point(sampler: str, dimensions: int, seed: int, trial: int) -> list[float]:
    """Point ``trial`` in the unit cube [0, 1)^dimensions, a function of its arguments alone."""
    if dimensions == 0:
        return []
    if sampler == HALTON:
        return [float(u) for u in _halton(dimensions, seed).fast_forward(trial).random(1)[0]]
    if sampler == UNIFORM:
        return [float(u) for u in np.random.default_rng([seed, trial]).random(dimensions)]
    raise unknown("sampler", sampler, SAMPLERS)


def grid_point(space: Space, points: int, seed: int, trial: int) -> dict[str, Value]:
    """Trial ``i``'s point of the grid, whose points come in an order drawn from the seed.

    So the first of them are spread as any of them are. Every range has as many values, even on its
    scale, with its ends among them; of choices and whole numbers each is one.

    Raises:
        ConfigError: the grid has fewer points, or more than can be numbered.
    """
    values = {name: _values(axis, points) for name, axis in space.items()}
    sizes = [len(each) for each in values.values()]
    total = math.prod(sizes)
    if total > MOST_OF_A_GRID:
        raise ConfigError(
            f"the grid has {total:,} points, more than {MOST_OF_A_GRID:,}; give a smaller sampler.points"
        )
    if trial >= total:
        raise ConfigError(
            f"the grid has {total} points ({' x '.join(str(n) for n in sizes if n > 1)}), and trial"
            f" {trial} is none of them; ask for num_trials={total} at most, or give sampler.points"
        )
    place = int(np.random.default_rng(seed).permutation(total)[trial])
    places = np.unravel_index(place, sizes)
    return {name: each[int(at)] for (name, each), at in zip(values.items(), places, strict=True)}


def _values(axis: Axis, points: int) -> list[Value]:
    if isinstance(axis, Choices):
        return list(axis.choices)
    if not isinstance(axis, Range):
        return [axis.value_at(0.0)]
    if axis.integer and axis.high - axis.low < points:
        return [float(value) for value in range(int(axis.low), int(axis.high) + 1)]
    ends = np.linspace(axis.coordinate(axis.low), axis.coordinate(axis.high), points)
    inside = [
        axis.value(float(each))
        for each in (
            ends[1:-1]
            if points > 1
            else [float(axis.coordinate(axis.low) + axis.coordinate(axis.high)) / 2]
        )
    ]
    found = [axis.low, *inside, axis.high] if points > 1 else inside
    return list(dict.fromkeys(float(round(each)) if axis.integer else each for each in found))
