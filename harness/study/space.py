"""A search space: its axes, each of which knows its values, positions, label and natural bounds.

An axis is a range on a log or linear scale, perhaps of whole numbers, a list of choices, perhaps of
words, or a constant. Whoever has to do with
one (a point, a record's column, a border, an axis of a figure) asks this object, never the YAML.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.errors import ConfigError, unknown
from harness.study import parametrisation
from harness.study.parametrisation import FROM_ONE, LR_RATIOS

LOG, LINEAR, CHOICES = "log", "linear", "choices"
KEYS = ("low", "high", "scale", "integer", "choices")

Value = Any
"""Of a coordinate: a float, or one of an axis's words."""


@dataclass(frozen=True)
class Axis:
    """One coordinate of a search space."""

    name: str
    searched: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """In symbols, for people."""
        return parametrisation.label(self.name)

    @property
    def natural(self) -> tuple[float, float]:
        """The least and the largest value at which it means anything."""
        return parametrisation.bounds(self.name)

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the largest value of the space."""
        raise NotImplementedError

    @property
    def node(self) -> Any:
        """As YAML has it."""
        raise NotImplementedError

    def at(self, u: float) -> Value:
        """The value a fraction ``u`` in [0, 1) of the way along."""
        raise NotImplementedError

    def value_at(self, u: float) -> Value:
        """`at` as a record has it: a float, or a word."""
        value = self.at(u)
        return value if isinstance(value, str) else float(value)


@dataclass(frozen=True)
class Range(Axis):
    """The interval [low, high], drawn uniformly on a ``log`` or ``linear`` scale.

    ``integer``: of its whole numbers; each as likely as its piece of the scale up to the next is long.
    """

    low: float
    high: float
    scale: str = LOG
    integer: bool = False

    def __post_init__(self) -> None:
        if self.scale not in (LOG, LINEAR):
            raise unknown("scale", self.scale, (LOG, LINEAR))
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ConfigError(f"a range must be finite, got low={self.low:g}, high={self.high:g}")
        if not self.low < self.high:
            raise ConfigError(
                f"a range must have low < high, got low={self.low:g}, high={self.high:g};"
                " give a plain number to hold it constant"
            )
        if self.scale == LOG and self.low <= 0:
            raise ConfigError(
                f"a log-scale range must be positive, got low={self.low:g}; raise low or use scale: linear"
            )
        if self.integer and not (float(self.low).is_integer() and float(self.high).is_integer()):
            raise ConfigError(
                f"a range with integer: true must have whole ends, got low={self.low:g}, high={self.high:g}"
            )

    @property
    def ends(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def node(self) -> dict[str, Any]:
        whole = {"integer": True} if self.integer else {}
        return {"low": self.low, "high": self.high, "scale": self.scale, **whole}

    def at(self, u: float) -> float:
        if self.integer:
            return min(self.high, float(math.floor(self._along(u, self.high + 1))))
        return self._along(u, self.high)

    def _along(self, u: float, high: float) -> float:
        if self.scale == LINEAR:
            return self.low + u * (high - self.low)
        return math.exp(math.log(self.low) + u * (math.log(high) - math.log(self.low)))

    def coordinate(self, values: ArrayLike) -> NDArray[np.float64]:
        """Values on the scale: decades (log10) or as they are."""
        plain = np.asarray(values, dtype=float)
        return np.log10(plain) if self.scale == LOG else plain

    def value(self, coordinate: float) -> float:
        """The value at a coordinate."""
        return float(10**coordinate if self.scale == LOG else coordinate)

    def position(self, values: ArrayLike) -> NDArray[np.float64]:
        """0 at low, 1 at high, on the scale."""
        low, high = self.coordinate(self.low), self.coordinate(self.high)
        return (self.coordinate(values) - low) / (high - low)


@dataclass(frozen=True)
class Choices(Axis):
    """A finite list of values, equally likely: numbers, or words."""

    choices: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise ConfigError("choices must hold at least one value, got []")
        for value in self.choices:
            if not ((self.of_words and isinstance(value, str) and value) or _is_finite(value)):
                raise ConfigError(f"choices must be finite numbers, or all words, got {value!r}")

    @property
    def of_words(self) -> bool:
        return all(isinstance(value, str) for value in self.choices)

    @property
    def ends(self) -> tuple[float, float]:
        if self.of_words:
            return math.nan, math.nan
        return float(min(self.choices)), float(max(self.choices))

    @property
    def node(self) -> dict[str, Any]:
        return {"choices": list(self.choices)}

    def at(self, u: float) -> Value:
        value: Value = self.choices[int(u * len(self.choices))]
        return value


@dataclass(frozen=True)
class Constant(Axis):
    """A hyperparameter that is not searched."""

    constant: float
    searched: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not math.isfinite(self.constant):
            raise ConfigError(f"a constant must be finite, got {self.constant}")

    @property
    def ends(self) -> tuple[float, float]:
        return self.constant, self.constant

    @property
    def node(self) -> float:
        return self.constant

    def at(self, u: float) -> float:
        return self.constant


Space = dict[str, Axis]


def parse(space: Mapping[str, Any]) -> Space:
    """The search space that a config node describes.

    Raises:
        ConfigError: an axis that is none of a number, ``{low, high, scale}`` or ``{choices}``, an
            empty or negative range, values that can mean nothing, or axes that contradict each
            other; the message leads with the axis's name.
    """
    if not space:
        raise ConfigError("the search space is empty; name at least one axis, such as lr")
    axes: Space = {}
    for name, node in space.items():
        try:
            axes[str(name)] = _parse_axis(str(name), node)
        except ConfigError as error:
            raise ConfigError(f"search_space.{name}: {error}") from None
    _check_names(axes)
    for axis in axes.values():
        _check_bounds(axis)
    return axes


def _parse_axis(name: str, node: Any) -> Axis:
    if isinstance(node, int | float) and not isinstance(node, bool):
        return Constant(name, _float(node))
    if isinstance(node, Mapping):
        for key in node:
            if key not in KEYS:
                raise ConfigError(
                    f"{key!r} is no part of an axis: {', '.join(KEYS)}, got {_plain(node)};"
                    " decimals take a point, such as 1.5"
                )
        keys = {key for key, value in node.items() if value is not None}
        if keys == {"choices"}:
            choices = node["choices"]
            return Choices(
                name, tuple(choices) if isinstance(choices, list | tuple) else (choices,)
            )
        if {"low", "high"} <= keys <= {"low", "high", "scale", "integer"}:
            low, high = (_number(end, node[end]) for end in ("low", "high"))
            integer = node.get("integer") or False
            if not isinstance(integer, bool):
                raise ConfigError(f"integer must be true or false, got {integer!r}")
            return Range(name, low, high, node.get("scale") or LOG, integer)
    raise ConfigError(
        f"an axis is a number, {{low, high, scale}} or {{choices: [...]}}, got {_plain(node)}"
    )


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(_float(value))


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{name} must be a number, got {value!r}")
    return _float(value)


def _plain(node: Any) -> str:
    if not isinstance(node, Mapping):
        return repr(node)
    return str({key: value for key, value in node.items() if value is not None})


def _check_names(space: Space) -> None:
    for ratio in LR_RATIOS:
        if ratio in space and "eps" not in space:
            raise ConfigError(
                f"search_space.{ratio} needs an eps axis beside it; add search_space.eps"
            )
    meanings = [parametrisation.meaning(name) for name in space]
    for name in sorted(set(meanings)):
        if meanings.count(name) > 1:
            twice = [axis for axis in space if parametrisation.meaning(axis) == name]
            raise ConfigError(f"search_space sets {name} twice, by {' and '.join(twice)}; drop one")


def _check_bounds(axis: Axis) -> None:
    low, high = axis.natural
    if isinstance(axis, Choices) and axis.of_words:
        if (low, high) != (-math.inf, math.inf):
            raise ConfigError(
                f"search_space.{axis.name} is a number, got the words {', '.join(axis.choices)}"
            )
        return
    if axis.name in FROM_ONE:  # an optimizer of one's own may mean something else by them
        return
    for value in axis.ends:
        if not low <= value <= high:
            raise ConfigError(
                f"search_space.{axis.name} must lie in [{low:g}, {high:g}], got {value:g}"
            )
