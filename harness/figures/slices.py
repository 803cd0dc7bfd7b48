"""Hyperparameter slices: fix one axis, tune the rest with four trials; a row an optimizer.

Drawn from the table of `analysis.slices`.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.names import measured, name, optimizer_order
from harness.analysis.slices import SLICE_BUDGET
from harness.figures import style
from harness.figures.axes import as_searched, beyond, error_axis, searched_axis, top
from harness.study.parametrisation import label


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """One workload: a row an optimizer, its axes in the order of their importance."""
    optimizers = optimizer_order(frame["optimizer"].unique())
    columns = int(frame.groupby("optimizer")["axis"].nunique().max())
    figure = style.canvas(1.9 * columns + 0.7, 1.5 * len(optimizers) + 0.4)
    grid = figure.subplots(len(optimizers), columns, squeeze=False, sharey=True)
    looks = style.looks(optimizers)
    for optimizer, line in zip(optimizers, grid, strict=True):
        own = frame[frame["optimizer"] == optimizer]
        axes_names = list(own["axis"].unique())
        for axis, axes in zip(axes_names, line, strict=False):
            draw_panel(axes, own[own["axis"] == axis], looks[optimizer])
        for axes in line[len(axes_names) :]:
            axes.remove()
        line[0].set_ylabel(style.short(name(optimizer), 18), fontweight="bold")
    columns_drawn = [frame[name] for name in ("p95", "p50", "p05")]
    end = top(*columns_drawn)
    error_axis(grid[0, 0], *columns_drawn, end=end)
    far = beyond(end, {"upper edges": frame["p95"], "medians": frame["p50"]})
    caption = (
        f"{frame['workload'].iloc[0]}: {measured('val_error', frame['unit'])} of the best of {SLICE_BUDGET}"
        " feasible trials within each slice of an axis: median, and 5th to 95th percentile shaded. Axes by"
        f" importance, the share of variance they explain alone (in brackets). {far}"
        f" {note}"
    )
    return style.finish(figure, caption)


def draw_panel(axes: Axes, rows: pd.DataFrame, look: style.Look) -> None:
    """One axis of one optimizer."""
    first = rows.iloc[0]
    axes.fill_between(
        rows["value"], rows["p05"], rows["p95"], color=look.colour, alpha=0.22, linewidth=0
    )
    axes.plot(rows["value"], rows["p50"], "-", color=look.colour, marker=look.marker)
    share = f"{first['importance']:.0%}"
    axes.set_xlabel(f"{style.short(label(first['axis']), 24)} ({share})", labelpad=1)
    ends = (first["low"], first["high"])
    searched_axis(axes, "x", as_searched(first["axis"], first["scale"], ends, rows["value"]))
