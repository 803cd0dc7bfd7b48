"""Figure 5: error against each searched axis, a row an optimizer: optima lie away from the borders.

One point a trial, on the axis' own scale from end to end. The outer tenths are shaded, and an axis
whose selected trials crowd one of them is marked. Diverged trials stand at the top. Drawn from the
table of `analysis.axis_projections`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.borders import OUTER, WARNING_MASS, WEIGHED
from harness.analysis.names import measured, name, optimizer_order
from harness.figures import style
from harness.figures.axes import as_searched, beyond, error_axis, searched_axis, top
from harness.study.parametrisation import label, order
from harness.study.space import Range

MANY = 1500  # points a panel before they are drawn smaller


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """One workload: a row for each optimizer, a column for each of its axes."""
    optimizers = optimizer_order(frame["optimizer"].unique())
    axes_of = {o: order(frame[frame["optimizer"] == o]["axis"]) for o in optimizers}
    columns = max(map(len, axes_of.values()))
    figure = style.canvas(1.65 * columns + 0.6, 1.45 * len(optimizers) + 0.4)
    grid = figure.subplots(len(optimizers), columns, squeeze=False, sharey=True)
    looks = style.looks(optimizers)
    once = frame[frame["axis"] == frame.groupby("optimizer")["axis"].transform("first")]["error"]
    end = top(once)
    for optimizer, line in zip(optimizers, grid, strict=True):
        rows = frame[frame["optimizer"] == optimizer]
        for axis, axes in zip(axes_of[optimizer], line, strict=False):
            draw_panel(axes, rows[rows["axis"] == axis], looks[optimizer], end)
        for axes in line[len(axes_of[optimizer]) :]:
            axes.remove()
        line[0].set_ylabel(style.short(name(optimizer), 20), fontweight="bold")
    error_axis(grid[0, 0], frame["error"], end=end)
    what, workload = measured("val_error", frame["unit"]), frame["workload"].iloc[0]
    far = beyond(end, {"trials": once})
    far = f"Triangles lie beyond the scale. {far}" if far else ""
    caption = (
        f"{workload}: {what} of every trial against each searched axis; the ring is the"
        f" best trial, crosses at the top are diverged ones. {far} Shaded: the outer tenth at each end of the"
        " search space, in red where 30% or more of the selected trials lie in it"
        f" ({WEIGHED}). {note}"
    )
    return style.finish(figure, caption)


def draw_panel(axes: Axes, rows: pd.DataFrame, look: style.Look, end: float) -> None:
    """One axis of one optimizer; trials beyond where the vertical axis ends stand at the top."""
    first = rows.iloc[0]
    finite = rows[np.isfinite(rows["error"])]
    size = 9 if len(rows) < MANY else 3
    axes.scatter(
        finite["value"], finite["error"], s=size, marker=look.marker, color=look.colour, alpha=0.55,
        linewidths=0, rasterized=len(rows) > MANY,
    )  # fmt: skip
    far = finite[finite["error"] > end]
    axes.plot(
        far["value"], np.full(len(far), 0.94), "^", transform=axes.get_xaxis_transform(), markersize=3,
        markerfacecolor="none", markeredgewidth=0.5, color=look.colour,
    )  # fmt: skip
    lost = rows[~np.isfinite(rows["error"])]
    axes.plot(
        lost["value"], np.full(len(lost), 0.985), "x", transform=axes.get_xaxis_transform(), markersize=3,
        markeredgewidth=0.6, color=style.DIVERGED_COLOUR,
    )  # fmt: skip
    best = rows[rows["best"]]
    axes.plot(
        best["value"], best["error"], "o", markersize=8, markerfacecolor="none",
        markeredgecolor="black",
    )  # fmt: skip
    axes.set_xlabel(style.short(label(first["axis"]), 24), labelpad=1)
    axis = as_searched(first["axis"], first["scale"], (first["low"], first["high"]), rows["value"])
    searched_axis(axes, "x", axis)
    if not isinstance(axis, Range):
        return
    low, high = axis.coordinate(axis.ends)
    width = OUTER * (high - low)
    for inner, outer, mass in (
        (low + width, low, first["mass_low"]),
        (high - width, high, first["mass_high"]),
    ):
        crowded = bool(first["warning"]) and mass >= WARNING_MASS
        shade = style.DIVERGED_COLOUR if crowded else "#999999"
        axes.axvspan(axis.value(outer), axis.value(inner), color=shade, alpha=0.18, linewidth=0)
