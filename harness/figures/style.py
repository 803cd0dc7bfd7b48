"""How everything looks: one colour and marker per optimizer, names of quantities, the caption.

Colours are Okabe and Ito's, then Tol's muted ones: told apart under the common colour-vision
deficiencies. Markers differ too, so that a grey print can be read.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from harness.analysis import table
from harness.analysis.borders import Scale


class Look(NamedTuple):
    colour: str
    marker: str


LOOKS = {
    "sgd": Look("#6e6e6e", "o"),
    "momentum": Look("#0072b2", "s"),
    "nesterov": Look("#56b4e9", "D"),
    "rmsprop": Look("#009e73", "^"),
    "adam": Look("#d55e00", "v"),
    "nadam": Look("#e69f00", "P"),
    "adamw": Look("#cc79a7", "X"),
    "adagrad": Look("#882255", "<"),
    "adadelta": Look("#999933", ">"),
    "adamax": Look("#332288", "p"),
}
OTHERS = tuple(
    Look(colour, "h*d"[place % 3])
    for place, colour in enumerate((
        "#44aa99", "#aa4499", "#117733", "#ddaa33", "#4477aa", "#cc6677", "#887700", "#994455",
        "#0077bb", "#cc3311", "#009988", "#ee7733",
    ))
)  # fmt: skip
DIVERGED_COLOUR = "#a50026"
NAMES = {
    "sgd": "SGD", "momentum": "Momentum", "nesterov": "Nesterov", "rmsprop": "RMSProp",
    "adam": "Adam", "nadam": "NAdam", "adamw": "AdamW", "adagrad": "Adagrad",
    "adadelta": "Adadelta", "adamax": "AdaMax",
}  # fmt: skip
QUANTITIES = {
    "val_error": "validation error", "test_error": "test error", "train_loss": "training loss",
    "val_loss": "validation loss", "test_loss": "test loss", "steps_to_target": "steps to target",
    "seconds_to_target": "training seconds to target", "steps": "training steps",
}  # fmt: skip
AXES = {
    "lr": "learning rate", "learning_rate": "learning rate", "lr_over_eps": "lr / ε",
    "lr_over_sqrt_eps": "lr / √ε", "one_minus_momentum": "1 − momentum", "one_minus_rho": "1 − ρ",
    "one_minus_beta1": "1 − β₁", "one_minus_beta2": "1 − β₂", "eps": "ε", "l2": "L2 λ",
    "decay_steps_factor": "decay steps / steps", "end_factor": "final lr / lr",
}  # fmt: skip
SCHEDULE = ("decay_steps_factor", "end_factor")
SETTINGS: dict[Any, Any] = {
    "font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9, "legend.fontsize": 8.5,
    "xtick.labelsize": 8, "ytick.labelsize": 8, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#e4e4e4", "grid.linewidth": 0.6,
    "axes.axisbelow": True, "lines.linewidth": 1.4, "lines.markersize": 4.5,
    "legend.frameon": False, "savefig.dpi": 200, "svg.fonttype": "path", "svg.hashsalt": "harness",
    "text.parse_math": False,
}  # fmt: skip


@contextmanager
def settings() -> Iterator[None]:
    """Matplotlib's settings for all figures, back as they were afterwards."""
    with mpl.rc_context(SETTINGS):
        yield


def looks(optimizers: Iterable[str]) -> dict[str, Look]:
    """The look of each: the named ones always the same, others by their order in the alphabet."""
    given = list(dict.fromkeys(optimizers))
    unknown = sorted(name for name in given if name not in LOOKS)
    further = {name: OTHERS[i % len(OTHERS)] for i, name in enumerate(unknown)}
    return {name: LOOKS.get(name) or further[name] for name in given}


def name(optimizer: str) -> str:
    return NAMES.get(optimizer, optimizer)


def quantity(column: str, unit: str = "") -> str:
    """A column in words; with a unit such as ``error rate`` or ``cross entropy``, by that name.

    >>> quantity("val_error"), quantity("test_error", "cross entropy")
    ('validation error', 'test cross entropy')
    """
    words = QUANTITIES.get(column, column.removeprefix("hp.").replace("_", " "))
    return words.replace("error", unit) if unit and column.endswith("_error") else words


def axis(coordinate: str) -> str:
    """A searched coordinate in symbols: ``one_minus_beta1`` is 1 − β₁."""
    coordinate = coordinate.removeprefix("hp.")
    return AXES.get(coordinate, coordinate.replace("_", " "))


def axis_order(coordinates: Iterable[str]) -> list[str]:
    """Learning rate first, schedule last, as they are searched in between."""
    known = [name for name in AXES if not name.startswith(("decay", "end"))]
    order = {name: place for place, name in enumerate([*known, *SCHEDULE])}
    given = list(dict.fromkeys(coordinates))
    return sorted(given, key=lambda name: order.get(name, len(known) - 0.5))


def short(text: str, width: int = 34) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def canvas(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, laid out so that nothing overlaps."""
    return Figure(figsize=(width, height), layout="constrained")


def finish(figure: Figure, caption: str, handles: list[Line2D] | None = None) -> Figure:
    """Legend above the panels, caption below them, both outside.

    Room is reserved in inches, so that neither touches a panel whatever the figure's size.
    """
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(caption, max(40, int(width * 16.5)))
    bottom = (0.16 * len(lines) + 0.08) if lines else 0.0
    top = 0.0
    if handles:
        columns = max(1, min(len(handles), int(width / 1.15)))
        top = 0.2 * -(-len(handles) // columns) + 0.12
    figure.set_size_inches(width, height + bottom + top)
    height += bottom + top
    cast(ConstrainedLayoutEngine, figure.get_layout_engine()).set(
        rect=(0, bottom / height, 1, 1 - (bottom + top) / height)
    )
    figure.text(
        0.08 / width, 0.06 / height, "\n".join(lines), fontsize=7.5, color="#444444", va="bottom"
    )
    if handles:
        figure.legend(
            handles=handles, loc="upper center", ncols=columns, bbox_to_anchor=(0.5, 1.0),
            columnspacing=1.4, handletextpad=0.5, borderaxespad=0.25,
        )  # fmt: skip
    return figure


def legend_handles(optimizers: Iterable[str]) -> list[Line2D]:
    ordered = table.optimizer_order(optimizers)
    return [
        Line2D(
            [],
            [],
            color=look.colour,
            marker=look.marker,
            linestyle="-",
            label=short(name(optimizer)),
        )
        for optimizer, look in looks(ordered).items()
    ]


def empty_panel(axes: Axes, words: str) -> None:
    """A panel that says why nothing is in it; the axes may be shared, so their ticks are left alone."""
    axes.grid(False)
    axes.patch.set_visible(False)
    axes.tick_params(length=0, labelleft=False, labelbottom=False)
    axes.set(xlabel="", ylabel="")
    for side in axes.spines.values():
        side.set_visible(False)
    axes.text(
        0.5, 0.5, textwrap.fill(words, 30), transform=axes.transAxes, ha="center", va="center",
        color="#777777", fontsize=8.5, style="italic",
    )  # fmt: skip


def list_missing(axes: Axes, frame: pd.DataFrame) -> None:
    """The optimizers without anything to draw, named in the corner with the reason."""
    rows = frame[frame["missing"] != ""].drop_duplicates("optimizer")
    lines = [f"{short(name(row.optimizer), 20)}: {row.missing}" for row in rows.itertuples()]
    axes.text(
        0.98, 0.97, "\n".join(lines), transform=axes.transAxes, ha="right", va="top", fontsize=7.5,
        color="#777777", style="italic",
    )  # fmt: skip


def budget_axis(axes: Axes, largest: float, *, few: bool = False) -> None:
    """K on a base-2 scale, its ticks at powers of two."""
    axes.set_xscale("log", base=2)
    last = max(1, int(np.floor(np.log2(max(largest, 2)) + 0.35)))
    step = -(-(last + 1) // (4 if few else 8))
    axes.xaxis.set_major_locator(FixedLocator([2.0**i for i in range(0, last + 1, step)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.set_xlim(2**-0.35, max(largest, 2) * 2**0.35)


def error_axis(axes: Axes, *values: pd.Series | np.ndarray, which: str = "y") -> None:
    """Errors on a log scale where they span more than a factor of eight, with plain numbers."""
    every = np.concatenate([np.asarray(each, dtype=float).ravel() for each in values])
    finite = every[np.isfinite(every)]
    if not len(finite):
        return
    low, high = float(finite.min()), float(finite.max())
    set_limits = getattr(axes, f"set_{which}lim")
    if low <= 0 or high / low <= 8:
        span = high - low if high - low > 1e-9 * abs(high) else 0.0  # the last digits are no range
        room = (span or abs(high) or 1.0) * 0.07
        set_limits(low - room, high + room)
        return
    getattr(axes, f"set_{which}scale")("log")
    ends = low / (high / low) ** 0.05, high * (high / low) ** 0.05
    set_limits(*ends)
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(FixedLocator(plain_ticks(*ends)))
    axis.set_major_formatter(FuncFormatter(_plain))
    axis.set_minor_locator(FixedLocator([]))


def plain_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5 of each decade in the range; of more than two decades the decades alone.

    >>> plain_ticks(0.03, 0.6)
    [0.05, 0.1, 0.2, 0.5]
    """
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    digits = (1, 2, 5) if np.log10(high / low) <= 2.5 else (1,)
    ticks = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
    return [tick for tick in ticks if low <= tick <= high]


def any_axis(axes: Axes, which: str, kind: str, scale: Scale, values: pd.Series) -> None:
    """The x or y axis as a searched range from end to end, or as a list of choices; few ticks."""
    if kind == "choices":
        _choices_axis(axes, which, values)
        return
    axis = axes.xaxis if which == "x" else axes.yaxis
    set_scale, set_limits = getattr(axes, f"set_{which}scale"), getattr(axes, f"set_{which}lim")
    low, high = scale.coordinate(scale.low), scale.coordinate(scale.high)
    if scale.log:
        set_scale("log")
        axis.set_major_formatter(FuncFormatter(power_of_ten))
        axis.set_major_locator(FixedLocator(_few_powers(scale.low, scale.high)))
        axis.set_minor_locator(FixedLocator([]))
    else:
        axis.set_major_locator(MaxNLocator(3))
    room = 0.05 * (high - low or 1.0)
    set_limits(scale.value(low - room), scale.value(high + room))


def _few_powers(low: float, high: float) -> list[float]:
    """At most four powers of ten in the range; 1, 2, 5 of a decade where it holds fewer than two."""
    first, last = np.ceil(np.log10(low) - 1e-9), np.floor(np.log10(high) + 1e-9)
    decades = np.arange(first, last + 1)
    if len(decades) < 2:
        return plain_ticks(low * 0.999, high * 1.001)
    return [float(f"1e{decade:.0f}") for decade in decades[:: -(-len(decades) // 4)]]


def _choices_axis(axes: Axes, which: str, values: pd.Series) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    choices = sorted(set(values))
    spread = choices[0] > 0 and choices[-1] / choices[0] > 4
    if spread:
        getattr(axes, f"set_{which}scale")("log")
        axis.set_minor_locator(FixedLocator([]))
    axis.set_major_locator(FixedLocator(choices))
    axis.set_major_formatter(FuncFormatter(power_of_ten if spread else _plain))
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
