"""Axes: budgets, errors and searched ranges, with few ticks and plain numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from harness.study.space import CHOICES, LOG, Axis, Choices, Range

MOST_DECADES = 300.0  # floats end at 308
WIDE = 8  # the factor beyond which errors have a log scale
ENDS = 75  # percentile of errors at which an axis ends where those beyond would fill it
FILLED = 0.9  # of it
MOST = float(np.finfo(float).max) / 8  # whose span, and ticks beyond its ends, are floats too


def budget_axis(axes: Axes, largest: float, *, few: bool = False) -> None:
    """K on a base-2 scale, its ticks at powers of two."""
    axes.set_xscale("log", base=2)
    last = max(1, int(np.floor(np.log2(max(largest, 2)) + 0.35)))
    step = -(-(last + 1) // (4 if few else 8))
    axes.xaxis.set_major_locator(FixedLocator([2.0**i for i in range(0, last + 1, step)]))
    axes.xaxis.set_major_formatter(FuncFormatter(_plain))
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.set_xlim(2**-0.35, max(largest, 2) * 2**0.35)


def between_groups(panels: Iterable[Axes], groups: Sequence[str]) -> None:
    """A dotted line wherever a row, counted from below, is of another group than the one before."""
    for row in range(1, len(groups)):
        if groups[row] != groups[row - 1]:
            for axes in panels:
                axes.axhline(row - 0.5, color="black", linewidth=0.5, linestyle=":")


def top(values: pd.Series | np.ndarray, *others: pd.Series | np.ndarray) -> float:
    """Where an axis of all these errors ends: the 75th percentile of the first of them, if what lies beyond
    would take more than nine tenths of it, as a few losses of 1e19 among many of 86 do; infinite otherwise.

    >>> float(top(np.array([85.6, 86.0, 89.0, 1e19]))), top(np.array([0.01, 0.02, 0.1, 0.9]))
    (89.0, inf)
    """
    first, every = _finite([values]), _finite([values, *others])
    if not len(first) or every.min() <= 0:
        return np.inf
    end = np.percentile(first, ENDS, method="closest_observation")
    low, at, high = float(every.min()), float(end), float(every.max())
    if high / low > WIDE:
        low, at, high = math.log(low), math.log(at), math.log(high)
    return float(end) if at - low < (1 - FILLED) * (high - low) else np.inf


def beyond(end: float, drawn: Mapping[str, pd.Series | np.ndarray]) -> str:
    """For a caption: how many of what is drawn lie beyond where a scale ends, empty if it holds all.

    >>> beyond(89.0, {"trials": np.array([85.6, 86.0, 89.0, 1e19])})
    'The scale ends at 89, the 75th percentile of trials; beyond it lie 1 of 4 trials.'
    """
    if not np.isfinite(end):
        return ""
    finite = {name: _finite([values]) for name, values in drawn.items()}
    far = (f"{np.count_nonzero(v > end):,} of {len(v):,} {name}" for name, v in finite.items())
    return (
        f"The scale ends at {end:.4g}, the {ENDS}th percentile of {next(iter(drawn))}; beyond it lie"
        f" {' and '.join(far)}."
    )


def _finite(values: Iterable[pd.Series | np.ndarray]) -> np.ndarray:
    every = np.concatenate([np.asarray(each, dtype=float).ravel() for each in values])
    return every[np.isfinite(every)]


def error_axis(
    axes: Axes, *values: pd.Series | np.ndarray, which: str = "y", end: float = np.inf
) -> None:
    """Errors on a log scale where they span more than a factor of eight, with plain numbers.

    Args:
        end: of the axis, whatever lies beyond; see `top`.
    """
    finite = _finite(values)
    finite = finite[finite <= end]
    if not len(finite):
        return
    low, high = float(finite.min()), float(finite.max())
    set_limits = getattr(axes, f"set_{which}lim")
    if low <= 0 or high / low <= WIDE:
        span = high - low if high - low > 1e-9 * abs(high) else 0.0  # the last digits are no range
        room = min(span or abs(high) or 1.0, MOST) * 0.07
        set_limits(max(low - room, -MOST), min(high + room, MOST))
        return
    getattr(axes, f"set_{which}scale")("log")
    room = (np.log10(high) - np.log10(low)) / 20
    ends = _power(np.log10(low) - room), _power(np.log10(high) + room)
    set_limits(*ends)
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(FixedLocator(plain_ticks(*ends)))
    axis.set_major_formatter(FuncFormatter(_plain))
    axis.set_minor_locator(FixedLocator([]))


def _power(exponent: float) -> float:
    """Ten to it, as far as a float goes."""
    return float(10.0 ** np.clip(exponent, -MOST_DECADES, MOST_DECADES))


def plain_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5 of each decade in the range; of more than two decades the decades alone.

    >>> plain_ticks(0.03, 0.6)
    [0.05, 0.1, 0.2, 0.5]
    """
    first, last = (
        float(np.clip(np.log10(end), -MOST_DECADES, MOST_DECADES)) for end in (low, high)
    )
    step = max(1, round((last - first) / 8))  # of very many decades few
    decades = range(int(np.floor(first)), int(np.ceil(last)) + 1, step)
    digits = (1, 2, 5) if last - first <= 2.5 else (1,)
    ticks = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
    return [tick for tick in ticks if low <= tick <= high]


def as_searched(name: str, scale: str, ends: tuple[float, float], values: pd.Series) -> Axis:
    """The axis that a table's columns ``scale``, ``low`` and ``high`` speak of."""
    if scale == CHOICES:
        return Choices(name, tuple(sorted(set(map(float, values.dropna())))))
    return Range(name, float(ends[0]), float(ends[1]), scale)


def searched_axis(axes: Axes, which: str, axis: Axis) -> None:
    """The x or y axis as a searched range from end to end, or as a list of choices; few ticks."""
    if isinstance(axis, Choices):
        _choices_axis(axes, which, axis.choices)
    if not isinstance(axis, Range):
        return
    drawn = axes.xaxis if which == "x" else axes.yaxis
    if axis.scale == LOG:
        getattr(axes, f"set_{which}scale")("log")
        drawn.set_major_formatter(FuncFormatter(power_of_ten))
        drawn.set_major_locator(FixedLocator(_few_powers(axis.low, axis.high)))
        drawn.set_minor_locator(FixedLocator([]))
    else:
        drawn.set_major_locator(MaxNLocator(3))
    low, high = axis.coordinate(axis.ends)
    room = 0.05 * (high - low)
    getattr(axes, f"set_{which}lim")(axis.value(low - room), axis.value(high + room))


def _few_powers(low: float, high: float) -> list[float]:
    """At most four powers of ten in the range; 1, 2, 5 of a decade where it holds fewer than two."""
    first, last = np.ceil(np.log10(low) - 1e-9), np.floor(np.log10(high) + 1e-9)
    decades = np.arange(first, last + 1)
    if len(decades) < 2:
        return plain_ticks(low * 0.999, high * 1.001)
    return [float(f"1e{decade:.0f}") for decade in decades[:: -(-len(decades) // 4)]]


def _choices_axis(axes: Axes, which: str, choices: tuple[float, ...]) -> None:
    drawn = axes.xaxis if which == "x" else axes.yaxis
    spread = choices[0] > 0 and choices[-1] / choices[0] > 4
    if spread:
        getattr(axes, f"set_{which}scale")("log")
        drawn.set_minor_locator(FixedLocator([]))
    drawn.set_major_locator(FixedLocator(choices))
    drawn.set_major_formatter(FuncFormatter(power_of_ten if spread else _plain))
    axes.margins(x=0.15) if which == "x" else axes.margins(y=0.15)


def power_of_ten(value: float, _: object = None) -> str:
    """``0.01`` to ``100`` plain, other powers of ten with a superscript.

    >>> power_of_ten(0.1), power_of_ten(1e-4), power_of_ten(0.003)
    ('0.1', '10⁻⁴', '0.003')
    """
    exponent = np.log10(value) if value > 0 else 0.5
    if abs(exponent - round(exponent)) > 1e-9 or abs(exponent) < 2.5:
        return f"{value:g}"
    return "10" + f"{round(exponent):d}".translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _plain(value: float, _: object = None) -> str:
    return f"{value:g}"
