"""How everything looks: one colour and marker per optimizer, names of quantities, the caption.

Colours are Okabe and Ito's, then Tol's muted ones: told apart under the common colour-vision
deficiencies. Markers differ too, so that a grey print can be read.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from harness.analysis import table


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
    Look(colour, marker)
    for marker, colours in {
        "h": ("#44aa99", "#aa4499", "#117733", "#ddaa33"),
        "*": ("#4477aa", "#cc6677", "#887700", "#994455"),
        "d": ("#0077bb", "#cc3311", "#009988", "#ee7733"),
    }.items()
    for colour in colours
)
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
SETTINGS = {
    "font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9, "legend.fontsize": 8.5,
    "xtick.labelsize": 8, "ytick.labelsize": 8, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#e4e4e4", "grid.linewidth": 0.6,
    "axes.axisbelow": True, "lines.linewidth": 1.4, "lines.markersize": 4.5,
    "legend.frameon": False, "savefig.dpi": 200, "svg.fonttype": "path", "svg.hashsalt": "harness",
    "figure.constrained_layout.use": True, "text.parse_math": False,
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


def quantity(column: str) -> str:
    return QUANTITIES.get(column, column.removeprefix("hp.").replace("_", " "))


def axis(coordinate: str) -> str:
    """A searched coordinate in symbols: ``one_minus_beta1`` is 1 − β₁."""
    coordinate = coordinate.removeprefix("hp.")
    return AXES.get(coordinate, coordinate.replace("_", " "))


def short(text: str, width: int = 34) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def figure(rows: int, columns: int, *, width: float, height: float) -> tuple[Figure, Any]:
    """A figure of ``rows x columns`` panels of that size in inches, and its axes ``[rows, columns]``."""
    result = Figure(figsize=(max(width * columns, 3.6), height * rows + 0.9))
    return result, result.subplots(rows, columns, squeeze=False)


def finish(figure: Figure, caption: str, handles: list[Line2D] | None = None) -> Figure:
    """Legend above the panels, caption below them, both outside.

    Room is reserved in inches, so that neither touches a panel whatever the figure's size.
    """
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(caption, max(40, int(width * 15.5)))
    bottom = (0.16 * len(lines) + 0.08) if lines else 0.0
    top = 0.0
    if handles:
        columns = max(1, min(len(handles), int(width / 1.15)))
        top = 0.2 * -(-len(handles) // columns) + 0.12
    figure.set_size_inches(width, height + bottom + top)
    height += bottom + top
    figure.get_layout_engine().set(rect=(0, bottom / height, 1, 1 - (bottom + top) / height))
    figure.text(
        0.08 / width, 0.06 / height, "\n".join(lines), fontsize=7.5, color="#444444", va="bottom"
    )
    if handles:
        figure.legend(
            handles=handles, loc="upper center", ncols=columns, bbox_to_anchor=(0.5, 1.0),
            columnspacing=1.4, handletextpad=0.5, borderaxespad=0.25,
        )  # fmt: skip
    return figure


def legend_handles(optimizers: Iterable[str], *, line: bool = True) -> list[Line2D]:
    ordered = table.optimizer_order(optimizers)
    return [
        Line2D(
            [],
            [],
            color=look.colour,
            marker=look.marker,
            linestyle="-" if line else "",
            label=short(name(optimizer)),
        )  # fmt: skip
        for optimizer, look in looks(ordered).items()
    ]


def empty_panel(axes: Axes, words: str) -> None:
    """A panel that says why nothing is in it."""
    axes.grid(False)
    axes.set(xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set_visible(False)
    axes.text(
        0.5, 0.5, textwrap.fill(words, 30), transform=axes.transAxes, ha="center", va="center",
        color="#777777", fontsize=8.5, style="italic",
    )  # fmt: skip


def budget_axis(axes: Axes, largest: float) -> None:
    """K on a base-2 scale, its ticks at powers of two."""
    axes.set_xscale("log", base=2)
    last = max(1, int(np.ceil(np.log2(max(largest, 2)))))
    step = 1 if last <= 8 else 2
    axes.xaxis.set_major_locator(FixedLocator([2.0**i for i in range(0, last + 1, step)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.set_xlim(2**-0.35, max(largest, 2) * 2**0.35)


def error_axis(axes: Axes, values: pd.Series | np.ndarray) -> None:
    """Errors on a log scale where they span more than a factor of five, with plain numbers."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return
    low, high = finite.min(), finite.max()
    if low > 0 and high / low > 5:
        axes.set_yscale("log")
        axes.set_ylim(low / (high / low) ** 0.05, high * (high / low) ** 0.05)
        bottom, top = axes.get_ylim()
        ticks = [t for t in plain_ticks(bottom, top)]
        axes.yaxis.set_major_locator(FixedLocator(ticks))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        room = (high - low or abs(high) or 1.0) * 0.06
        axes.set_ylim(low - room, high + room)


def plain_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5 of each decade in the range; of more than two decades the decades alone.

    >>> plain_ticks(0.03, 0.6)
    [0.05, 0.1, 0.2, 0.5]
    """
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    digits = (1, 2, 5) if np.log10(high / low) <= 2.2 else (1,)
    ticks = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
    return [tick for tick in ticks if low <= tick <= high]
