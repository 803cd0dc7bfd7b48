"""The chance of being the best optimizer, and the expected rank, against the tuning budget.

Drawn from the table of `analysis.ranks.first_and_mean_rank`.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.cells import count_range, drawn
from harness.analysis.counting import noun
from harness.analysis.names import optimizer_order
from harness.figures import style
from harness.figures.axes import budget_axis
from harness.figures.lines import line, whiskers


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """A column a workload; the chance of being first above, the expected rank below."""
    workloads = list(frame["workload"].unique())
    figure = style.canvas(max(4.6, 3.3 * len(workloads)), 4.6)
    grid = figure.subplots(2, len(workloads), squeeze=False, sharex="col")
    for column, workload in zip(grid.T, workloads, strict=True):
        rows = frame[frame["workload"] == workload]
        column[0].set_title(style.short(workload))
        for axes, name in zip(column, ("first", "mean_rank"), strict=True):
            _draw_panel(axes, rows, name)
        column[0].set_ylim(-0.03, 1.03)
        column[1].invert_yaxis()
        column[1].set_xlabel(f"tuning budget K ({noun(frame)})")
        style.list_missing(column[0], rows)
    grid[0, 0].set_ylabel("P(best of all)")
    grid[1, 0].set_ylabel("expected rank (1 is best)")
    caption = (
        "Chance that each optimizer has the lowest error when all are tuned with K trials, and its"
        f" expected rank. N = {count_range(drawn(frame)['trials'])} {noun(frame)}."
        f" Whiskers: intervals of about 90%. Up to K = N/5 of the optimizer with fewest. {note}"
    )
    return style.finish(figure, caption, style.legend_handles(frame["optimizer"]))


def _draw_panel(axes: Axes, rows: pd.DataFrame, column: str) -> None:
    shown = drawn(rows)
    looks = style.looks(optimizer_order(rows["optimizer"]))
    for place, (optimizer, look) in enumerate(looks.items()):
        own = shown[shown["optimizer"] == optimizer].assign(trusted=True)
        apart = float(2 ** (0.32 * ((place + 0.5) / len(looks) - 0.5)))  # whiskers side by side
        own = own.assign(budget_trials=own["budget_trials"] * apart)
        line(axes, own, column, look)
        if column == "first" and len(own):
            whiskers(axes, own, look, ("first", "first_low", "first_high"))
    if len(shown):
        budget_axis(axes, shown["budget_trials"].max())
