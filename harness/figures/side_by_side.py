"""Learning curves of several runs: a panel for columns of the curve, a colour a run.

Drawn from learning curves with the columns ``label`` and ``examples``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from harness.analysis.names import quantity
from harness.figures import style
from harness.figures.axes import error_axis, power_of_ten
from harness.figures.style import OTHERS

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#6e6e6e")
WIDTHS = (2.4, 1.2)  # of the first line and the last: one that lies under others can be seen
DASHES = ("-", "--", ":", "-.")
ACROSS = {"step": "step", "examples": "training examples seen"}


def draw(
    frame: pd.DataFrame, panels: Sequence[Sequence[str]], against: str, note: str = ""
) -> Figure:
    """One panel below the other; columns of a panel differ in their dashes, of a single run in their colours."""
    figure = style.canvas(5.6, 2.2 * len(panels) + 0.4)
    grid = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    labels = list(dict.fromkeys(frame["label"]))
    for columns, axes in zip(panels, grid, strict=True):
        pens = _pens(labels, columns)
        for (label, column), pen in pens.items():
            there = frame[(frame["label"] == label) & frame[column].notna()]
            axes.plot(there[against], there[column], **pen)
        if "gap" not in columns:  # which may be negative
            error_axis(axes, *(frame[column] for column in columns))
        axes.set_ylabel(quantity(columns[0]).capitalize() if len(columns) == 1 else "Error")
        if len(columns) > 1:
            alike = {} if len(labels) == 1 else {"color": "black"}
            shown = [Line2D([], [], **{**pens[labels[0], each], **alike}) for each in columns]
            axes.legend(shown, [quantity(column) for column in columns], loc="best")
    if against == "examples" and frame[against].max() > 50 * frame[against].min():
        grid[-1].set_xscale("log")
        grid[-1].xaxis.set_major_formatter(FuncFormatter(power_of_ten))
        grid[-1].xaxis.set_minor_formatter(NullFormatter())
    grid[-1].set_xlabel(ACROSS[against])
    caption = f"Of each run the trial with the lowest validation error. {note}"
    if len(labels) == 1:
        grid[0].set_title(style.short(str(labels[0])))
        return style.finish(figure, caption)
    colours = {label: pen["color"] for (label, _), pen in _pens(labels, [""]).items()}
    handles = [
        Line2D([], [], color=colour, label=style.short(label)) for label, colour in colours.items()
    ]
    return style.finish(figure, caption, handles)


def _pens(labels: Sequence[str], columns: Sequence[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """How each line is drawn, by label and column."""
    lines = [(str(label), column) for label in labels for column in columns]
    known = (*COLOURS, *(look.colour for look in OTHERS))
    parts = columns if len(labels) == 1 else labels  # what colours are for
    widths = np.linspace(*WIDTHS, len(parts)) if len(parts) > 1 else [WIDTHS[-1]]
    pens = {}
    for label, column in lines:
        place = list(parts).index(column if parts is columns else label)
        pens[label, column] = {
            "color": known[place % len(known)],
            "linewidth": widths[place],
            "linestyle": DASHES[list(columns).index(column) % len(DASHES)],
        }
    return pens
