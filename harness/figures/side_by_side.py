"""Learning curves of several runs: a panel for columns of the curve, a colour a run.

Drawn from learning curves with the columns ``label`` and ``examples``.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from harness.analysis.names import quantity
from harness.figures import style
from harness.figures.axes import error_axis, power_of_ten
from harness.figures.style import OTHERS

DASHES = ("-", "--", ":", "-.")
ACROSS = {"step": "step", "examples": "training examples seen"}


def draw(
    frame: pd.DataFrame, panels: Sequence[Sequence[str]], against: str, note: str = ""
) -> Figure:
    """One panel below the other; columns of a panel differ in their dashes."""
    figure = style.canvas(5.6, 2.2 * len(panels) + 0.4)
    grid = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    labels = list(dict.fromkeys(frame["label"]))
    looks = {label: OTHERS[(4 * i + i // 3) % len(OTHERS)] for i, label in enumerate(labels)}
    for columns, axes in zip(panels, grid, strict=True):
        for label in labels:
            rows = frame[frame["label"] == label]
            for column, dashes in zip(columns, DASHES, strict=False):
                known = rows[rows[column].notna()]
                axes.plot(
                    known[against], known[column], linestyle=dashes, color=looks[label].colour
                )
        if "gap" not in columns:  # which may be negative
            error_axis(axes, *(frame[column] for column in columns))
        axes.set_ylabel(quantity(columns[0]).capitalize() if len(columns) == 1 else "Error")
        if len(columns) > 1:
            axes.legend(
                [Line2D([], [], color="black", ls=d) for d in DASHES[: len(columns)]],
                [quantity(column) for column in columns],
                loc="best",
            )
    if against == "examples" and frame[against].max() > 50 * frame[against].min():
        grid[-1].set_xscale("log")
        grid[-1].xaxis.set_major_formatter(FuncFormatter(power_of_ten))
        grid[-1].xaxis.set_minor_formatter(NullFormatter())
    grid[-1].set_xlabel(ACROSS[against])
    handles = [
        Line2D([], [], color=look.colour, label=style.short(str(label)))
        for label, look in looks.items()
    ]
    return style.finish(
        figure, f"Of each run the trial with the lowest validation error. {note}", handles
    )
