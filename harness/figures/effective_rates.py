"""Good trials against the effective learning rate: all optimizers on one axis, a panel a workload.

Drawn from trials with the column ``effective_lr`` and the table of `analysis.effective_rates.fills`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from harness.analysis.counting import finished, values
from harness.analysis.effective_rates import DECADES, GOOD, good
from harness.analysis.names import name, optimizer_order
from harness.figures import style
from harness.figures.axes import power_of_ten

EFFECTIVE = "effective_lr"


def draw(trials: pd.DataFrame, table: pd.DataFrame, note: str = "") -> Figure:
    """A row an optimizer in each panel; what the numbers beside it are the caption says."""
    panels = list(trials["panel"].unique())
    optimizers = optimizer_order(trials["optimizer"])
    columns = 2 if len(panels) > 1 else 1
    lines = -(-len(panels) // columns)
    figure = style.canvas(5.2 * columns, (0.34 * len(optimizers) + 1.0) * lines)
    grid = figure.subplots(lines, columns, squeeze=False)
    for panel, axes in zip(panels, grid.flat, strict=False):
        part = trials[trials["panel"] == panel]
        draw_panel(axes, part, table[table["panel"] == panel], optimizers)
        axes.set_title(panel)
    for axes in list(grid.flat)[len(panels) :]:
        axes.remove()
    caption = (
        "Each mark is a trial, by its effective learning rate: the size of its optimizer's step on a constant"
        f" gradient, over that gradient. Coloured: the best {GOOD:.0%} of an optimizer's trials; grey: the"
        f" others. Right: the share of good trials in the best {DECADES:g} decades of the effective rate, and"
        " in brackets in those of the best other coordinate (lr, lr/ε, lr/√ε); chosen on one half of the"
        f" trials and measured on the other. {note}"
    )
    return style.finish(figure, caption)


def draw_panel(
    axes: Axes, trials: pd.DataFrame, table: pd.DataFrame, optimizers: list[str]
) -> None:
    """The trials of one panel, and beside each row the gain of the coordinate."""
    looks = style.looks(optimizers)
    axes.set_xscale("log")
    for place, optimizer in enumerate(reversed(optimizers)):
        own = finished(trials[trials["optimizer"] == optimizer])
        if own.empty:
            continue
        x, is_good = own[EFFECTIVE].to_numpy(float), good(values(own, "val_error"))
        spread = 0.6 * (np.arange(len(own)) / max(1, len(own) - 1) - 0.5)  # trials in their order
        axes.plot(x[~is_good], place + spread[~is_good], ".", color="#cccccc", markersize=2.5)
        look = looks[optimizer]
        axes.plot(x[is_good], place + spread[is_good], look.marker, color=look.colour, markersize=4)
        axes.annotate(
            _gain(table[table["optimizer"] == optimizer]), (1.01, place), va="center",
            xycoords=("axes fraction", "data"), fontsize=8,
        )  # fmt: skip
    axes.set_yticks(range(len(optimizers)), [name(each) for each in reversed(optimizers)])
    axes.set_ylim(-0.6, len(optimizers) - 0.4)
    axes.xaxis.set_major_locator(LogLocator(numticks=7))
    axes.xaxis.set_major_formatter(FuncFormatter(power_of_ten))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("effective learning rate")


def _gain(rows: pd.DataFrame) -> str:
    """``.64 (.30)``: in the effective rate, and in the best other coordinate."""
    found = rows.set_index("coordinate")["held_out_fill"]
    others = found.drop(EFFECTIVE, errors="ignore")
    told = f"{found[EFFECTIVE]:.2f}" if EFFECTIVE in found else "–"
    return f"{told} ({others.max():.2f})" if len(others) else told
