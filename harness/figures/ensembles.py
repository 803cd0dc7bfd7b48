"""The error of an ensemble against the number of its members, on validation and test examples.

Drawn from the table of `analysis.ensembles.errors` with the column ``split``.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from harness.figures import style
from harness.figures.axes import error_axis

LOOKS = {"validation": ("#0072b2", "o"), "test": ("#d55e00", "s")}


def draw(frame: pd.DataFrame, title: str, note: str = "") -> Figure:
    figure = style.canvas(4.8, 3.2)
    axes = figure.subplots()
    handles = []
    for split, rows in frame.groupby("split", sort=False):
        colour, marker = LOOKS[str(split)]
        axes.fill_between(
            rows["members"], rows["p05"], rows["p95"], color=colour, alpha=0.2, linewidth=0
        )
        axes.plot(rows["members"], rows["mean"], color=colour, marker=marker)
        axes.plot(rows["members"], rows["in_order"], ":", color=colour)
        handles.append(Line2D([], [], color=colour, marker=marker, label=str(split)))
    error_axis(axes, frame["p05"], frame["p95"], frame["in_order"])
    axes.set_xlabel("members")
    axes.set_ylabel("Error rate of the averaged predictions")
    axes.set_title(title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    caption = (
        "Line and band: mean and 5th to 95th percentile over ensembles of as many of these members. Dotted:"
        f" of the first ones, in their order. {note}"
    )
    return style.finish(figure, caption, handles)
