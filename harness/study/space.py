"""A search space, the points drawn from it, and what each point means for an optimizer.

An axis is a range on a log or linear scale, a list of choices, or a constant. Trial ``i`` is point
``i`` of a scrambled Halton sequence (or an independent uniform draw), a function of (seed, i) alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from harness.errors import ConfigError, unknown

SAMPLERS = ("halton", "uniform")


@dataclass(frozen=True)
class Range:
    """The interval [low, high], drawn uniformly on a ``log`` or ``linear`` scale."""

    low: float
    high: float
    scale: str = "log"

    def __post_init__(self) -> None:
        if self.scale not in ("log", "linear"):
            raise unknown("scale", self.scale, ("log", "linear"))
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ConfigError(f"a range must be finite, got low={self.low:g}, high={self.high:g}")
        if not self.low < self.high:
            raise ConfigError(
                f"a range must have low < high, got low={self.low:g}, high={self.high:g};"
                " give a plain number to hold it constant"
            )
        if self.scale == "log" and self.low <= 0:
            raise ConfigError(
                f"a log-scale range must be positive, got low={self.low:g}; raise low or use scale: linear"
            )

    def at(self, u: float) -> float:
        """The point a fraction ``u`` in [0, 1) of the way from low to high, on this scale."""
        if self.scale == "linear":
            return self.low + u * (self.high - self.low)
        return math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))


@dataclass(frozen=True)
class Choices:
    """A finite list of values, equally likely."""

    choices: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise ConfigError("choices must hold at least one value, got []")
        for value in self.choices:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError(f"choices must be numbers, got {value!r}")

    def at(self, u: float) -> float:
        return self.choices[int(u * len(self.choices))]


Axis = Range | Choices | float
Space = dict[str, Axis]


def parse(space: Mapping[str, Any]) -> Space:
    """The search space that a config node describes.

    Raises:
        ConfigError: an axis that is none of a number, ``{low, high, scale}`` or ``{choices}``, or an
            empty or negative range; the message leads with the axis's name.
    """
    if not space:
        raise ConfigError("the search space is empty; name at least one axis, such as lr")
    axes: Space = {}
    for name, node in space.items():
        try:
            axes[name] = _parse_axis(node)
        except ConfigError as error:
            raise ConfigError(f"search_space.{name}: {error}") from None
    _check_names(axes)
    return axes


def _parse_axis(node: Any) -> Axis:
    if isinstance(node, int | float) and not isinstance(node, bool):
        if not math.isfinite(node):
            raise ConfigError(f"a constant must be finite, got {node}")
        return float(node)
    if isinstance(node, Mapping):
        keys = {key for key, value in node.items() if value is not None}
        if keys == {"choices"}:
            choices = node["choices"]
            return Choices(tuple(choices) if isinstance(choices, list | tuple) else (choices,))
        if {"low", "high"} <= keys <= {"low", "high", "scale"}:
            low, high = (_number(end, node[end]) for end in ("low", "high"))
            return Range(low, high, node.get("scale") or "log")
    raise ConfigError(
        f"an axis is a number, {{low, high, scale}} or {{choices: [...]}}, got {_plain(node)}"
    )


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{name} must be a number, got {value!r}")
    return float(value)


def _plain(node: Any) -> Any:
    return dict(node) if isinstance(node, Mapping) else repr(node)


# --- points -----------------------------------------------------------------------------------


def sample(space: Space, sampler: str, seed: int, trial: int) -> dict[str, float]:
    """Point ``trial`` of the sequence: a value for every axis, constants included.

    Halton appends cleanly: a further axis leaves the coordinates of the earlier ones as they were.
    Source of the scrambling: Owen (2017), *A randomized Halton algorithm in R*, as in scipy.
    """
    searched = [name for name, axis in space.items() if not isinstance(axis, float)]
    u = dict(zip(searched, unit_point(sampler, len(searched), seed, trial), strict=True))
    return {
        name: axis if isinstance(axis, float) else float(axis.at(u[name]))
        for name, axis in space.items()
    }


def unit_point(sampler: str, dimensions: int, seed: int, trial: int) -> list[float]:
    """Point ``trial`` in the unit cube [0, 1)^dimensions, a function of its arguments alone."""
    if dimensions == 0:
        return []
    if sampler == "halton":
        from scipy.stats import qmc  # 0.3 s to import; --help does without

        sequence = qmc.Halton(dimensions, scramble=True, rng=np.random.default_rng(seed))
        return [float(u) for u in sequence.fast_forward(trial).random(1)[0]]
    if sampler == "uniform":
        return [float(u) for u in np.random.default_rng([seed, trial]).random(dimensions)]
    raise unknown("sampler", sampler, SAMPLERS)


# --- what a point means -----------------------------------------------------------------------


class Hyperparameters(NamedTuple):
    """A point in the terms of training.

    ``optimizer`` holds the update rule's own keyword arguments (``lr`` among them); the learning
    rate falls linearly to ``end_factor * lr`` over ``decay_steps_factor`` of the training steps;
    ``l2`` is lambda in the added loss lambda * ||theta||^2 / 2.
    """

    optimizer: dict[str, float]
    decay_steps_factor: float = 1.0
    end_factor: float = 1.0
    l2: float = 0.0


_ONE_MINUS = "one_minus_"
FROM_ONE = ("momentum", "rho", "beta1", "beta2")  # below 1, and mostly searched as one_minus_x
_LR_RATIOS = {"lr_over_eps": 1.0, "lr_over_sqrt_eps": 0.5}  # lr = value * eps**power


def hyperparameters(point: Mapping[str, float]) -> Hyperparameters:
    """The paper's reparametrisations undone: the one place that knows them.

    ``one_minus_x`` -> ``x = 1 - value``; ``lr_over_eps`` -> ``lr = value * eps``;
    ``lr_over_sqrt_eps`` -> ``lr = value * sqrt(eps)``. Choi et al., section 4.1 and appendix D.
    """
    rest = dict(point)
    training = {
        name: rest.pop(name) for name in ("decay_steps_factor", "end_factor", "l2") if name in rest
    }
    values: dict[str, float] = {}
    for name, value in rest.items():
        if name.startswith(_ONE_MINUS):
            values[name.removeprefix(_ONE_MINUS)] = 1.0 - value
        elif name in _LR_RATIOS:
            values["lr"] = value * rest["eps"] ** _LR_RATIOS[name]
        else:
            values[name] = value
    return Hyperparameters(values, **training)


def _check_names(space: Space) -> None:
    """Reject axes that contradict each other, before anything is trained."""
    for ratio in _LR_RATIOS:
        if ratio in space and "eps" not in space:
            raise ConfigError(
                f"search_space.{ratio} needs an eps axis beside it; add search_space.eps"
            )
    meanings = [_meaning(name) for name in space]
    for name in sorted(set(meanings)):
        if meanings.count(name) > 1:
            twice = [axis for axis in space if _meaning(axis) == name]
            raise ConfigError(f"search_space sets {name} twice, by {' and '.join(twice)}; drop one")
    bounds = {"decay_steps_factor": (0.0, 1.0), "end_factor": (0.0, 1.0), "l2": (0.0, math.inf)}
    for name, (low, high) in bounds.items():
        for value in _ends(space.get(name)):
            if not low <= value <= high:
                raise ConfigError(
                    f"search_space.{name} must lie in [{low:g}, {high:g}], got {value:g}"
                )


def _meaning(axis_name: str) -> str:
    return "lr" if axis_name in _LR_RATIOS else axis_name.removeprefix(_ONE_MINUS)


def _ends(axis: Axis | None) -> tuple[float, ...]:
    if axis is None:
        return ()
    if isinstance(axis, Range):
        return (axis.low, axis.high)
    return axis.choices if isinstance(axis, Choices) else (axis,)
