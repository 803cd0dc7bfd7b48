"""How everything looks: one colour and marker per optimizer, the canvas, the legend and the caption.

Colours are Okabe and Ito's, then Tol's muted ones: told apart under the common colour-vision
deficiencies. Markers differ too, so that a grey print can be read.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from harness.analysis.names import name, optimizer_order

# Inches of a legend's column, and of each letter of its longest label.
LEGEND_LINE, LEGEND_LETTER = 0.41, 0.067


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
    "newton": Look("#000000", "*"),
    "lbfgs": Look("#aa4499", "h"),
    "radam": Look("#ee6677", "D"),
    "nadamw": Look("#bb5566", "s"),
    "adafactor": Look("#ddaa33", "^"),
    "rprop": Look("#bbbbbb", "v"),
    "lion": Look("#b15928", "P"),
    "muon": Look("#117733", "X"),
    "soap": Look("#44aa99", "o"),
    "shampoo": Look("#1b9e77", "d"),
    "schedule_free_sgd": Look("#66ccee", "<"),
    "schedule_free_adamw": Look("#f4a582", ">"),
    "prodigy": Look("#7570b3", "p"),
    "ademamix": Look("#e7298a", "H"),
    "sam": Look("#4477aa", "h"),
    "downpour": Look("#8c510a", "o"),
    "downpour_adagrad": Look("#35978f", "<"),
    "adaptive_revision": Look("#01665e", "^"),
    "easgd": Look("#2166ac", "s"),
    "eamsgd": Look("#d6604d", "D"),
}
OTHERS = tuple(
    Look(colour, marker)
    for marker in "*dhH8"  # five times twelve before two look alike
    for colour in (
        "#994488", "#887700", "#cc6677", "#009988", "#994455", "#0077bb", "#ee7733", "#cc3311",
        "#225555", "#663333", "#222255", "#aaaa00",
    )
)  # fmt: skip
DIVERGED_COLOUR = "#a50026"
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
        columns = _legend_columns([str(handle.get_label()) for handle in handles], width)
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


def _legend_columns(labels: Sequence[str], width: float) -> int:
    """As many columns as there is room for in so many inches.

    >>> _legend_columns(["SGD", "Adam", "NAdam"], 5.6), _legend_columns(["of a name of 23 letters"] * 9, 5.6)
    (3, 2)
    """
    for columns in range(min(len(labels), int(width / 1.15)), 1, -1):
        longest = [max(map(len, some)) for some in np.array_split(np.array(labels), columns)]
        if sum(LEGEND_LINE + LEGEND_LETTER * letters for letters in longest) <= width:
            return columns
    return 1


def legend_handles(optimizers: Iterable[str]) -> list[Line2D]:
    ordered = optimizer_order(optimizers)
    return [
        Line2D([], [], color=look.colour, marker=look.marker, label=short(name(optimizer)))
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
