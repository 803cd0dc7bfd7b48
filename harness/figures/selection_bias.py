"""Validation against test error at selection: the winner's curse.

Drawn from the table of `analysis.selection_bias`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.cells import count_range, drawn
from harness.analysis.names import measured, optimizer_order, quantity
from harness.figures import style
from harness.figures.axes import beyond, budget_axis, error_axis, top
from harness.figures.lines import line


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """A column a workload: the gap against the budget, and both errors against each other."""
    workloads = list(frame["workload"].unique())
    figure = style.canvas(max(4.6, 3.3 * len(workloads)), 5.4)
    grid = figure.subplots(2, len(workloads), squeeze=False)
    far: list[str] = []
    for (gap, path), workload in zip(grid.T, workloads, strict=True):
        rows = frame[frame["workload"] == workload]
        gap.set_title(style.short(workload))
        if (rows["missing"] != "").all():
            style.empty_panel(gap, ", ".join(dict.fromkeys(rows["missing"])))
            style.empty_panel(path, "")
            continue
        shown = drawn(rows)
        end = top(shown["val_error"], shown["test_error"])
        far.append(beyond(end, {"means": shown["val_error"]}))
        _draw_gap(gap, rows, end)
        _draw_path(path, rows, end)
        style.list_missing(gap, rows)
    val, test = (measured(column, frame["unit"]) for column in ("val_error", "test_error"))
    caption = (
        f"Means of the trial selected by {val} among K. Above: how much its {test} exceeds its {val}. Below:"
        " both, along K from the upper right; the line is where they agree."
        f" N = {count_range(drawn(frame)['trials'])}; solid to K = N/5, dashed beyond."
        f" {' '.join(filter(None, far))}"
        f" {note}"
    )
    return style.finish(figure, caption, style.legend_handles(frame["optimizer"]))


def _draw_gap(axes: Axes, rows: pd.DataFrame, end: float) -> None:
    _draw_lines(axes, rows, "budget_trials", "gap")
    axes.axhline(0, color="#777777", linewidth=0.8, zorder=1)
    axes.set(
        ylabel=f"test − {quantity('val_error', rows['unit'].iloc[0])}",
        xlabel="tuning budget K (feasible trials)",
    )
    budget_axis(axes, rows["budget_trials"].max())
    if np.isfinite(end):
        gaps = [0.0, *rows.loc[rows["val_error"] <= end, "gap"]]
        error_axis(axes, np.array([min(gaps), max(gaps)]))


def _draw_path(axes: Axes, rows: pd.DataFrame, end: float) -> None:
    _draw_lines(axes, rows, "val_error", "test_error")
    ends = rows.loc[~(rows["val_error"] > end), ["val_error", "test_error"]].to_numpy()
    ends = np.array([np.nanmin(ends), np.nanmax(ends)])
    axes.plot(ends, ends, color="#777777", linewidth=0.8, zorder=1)
    error_axis(axes, ends)
    error_axis(axes, ends, which="x")
    unit = rows["unit"].iloc[0]
    axes.set(xlabel=quantity("val_error", unit), ylabel=quantity("test_error", unit))


def _draw_lines(axes: Axes, rows: pd.DataFrame, x: str, y: str) -> None:
    shown = drawn(rows)
    for optimizer, look in style.looks(optimizer_order(rows["optimizer"])).items():
        line(axes, shown[shown["optimizer"] == optimizer], y, look, x=x)
