"""Validation against test error at selection: the winner's curse.

The trial with the lowest of many validation errors was partly lucky on the validation set, and more
so the more trials there were: its test error comes out higher. How much, against the budget.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.cells import cells, count_range, trusted
from harness.analysis.table import FEASIBLE, optimizer_order
from harness.analysis.tuning_curves import tuning_curves
from harness.figures import style
from harness.figures.budget_curves import BEYOND

KEYS = ["workload", "optimizer", "budget_trials"]


def data(trials: pd.DataFrame, *, max_budget: int | None = None) -> pd.DataFrame:
    """Per workload, optimizer and budget the mean validation and test error of the selected trial.

    ``gap`` is test less validation. Pairs without test errors are ``missing``.
    """
    tested = trials[trials["test_error"].notna() | (trials["status"] != FEASIBLE)]
    whole = tested[_all_tested(trials).reindex(tested.index)]
    val, test = (
        tuning_curves(whole, metric, "val_error", max_budget=max_budget)[[*KEYS, "mean"]]
        if len(whole)
        else pd.DataFrame(columns=[*KEYS, "mean"])
        for metric in ("val_error", "test_error")
    )
    both = val.merge(test, on=KEYS, suffixes=("_val", "_test"))
    both = both.rename(columns={"mean_val": "val_error", "mean_test": "test_error"})
    frame = cells(trials).merge(both, how="left", on=KEYS[:2])
    for name in ("val_error", "test_error"):
        frame[name] = frame[name].astype(float)
    frame["gap"] = frame["test_error"] - frame["val_error"]
    without = (frame["missing"] == "") & frame["gap"].isna()
    return frame.assign(
        trusted=trusted(frame), missing=frame["missing"].mask(without, "no test error")
    )


def _all_tested(trials: pd.DataFrame) -> pd.Series:
    """Whether every complete trial of the row's workload and optimizer has a test error."""
    untested = trials["test_error"].isna() & (trials["status"] == FEASIBLE)
    return ~untested.groupby([trials["workload"], trials["optimizer"]]).transform("any")


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """A column a workload: the gap against the budget, and both errors against each other."""
    workloads = list(frame["workload"].unique())
    figure = style.canvas(max(4.6, 3.3 * len(workloads)), 5.4)
    grid = figure.subplots(2, len(workloads), squeeze=False)
    for (gap, path), workload in zip(grid.T, workloads, strict=True):
        rows = frame[frame["workload"] == workload]
        gap.set_title(style.short(workload))
        if (rows["missing"] != "").all():
            style.empty_panel(gap, ", ".join(dict.fromkeys(rows["missing"])))
            style.empty_panel(path, "")
            continue
        _draw_gap(gap, rows)
        _draw_path(path, rows)
        style.list_missing(gap, rows)
    caption = (
        "Mean errors of the trial selected by validation error among K. Above: how much its test error"
        " exceeds its validation error. Below: both, along K from the upper right; the line is where"
        f" they agree. N = {count_range(frame['trials'][frame['missing'] == ''])}; solid to K = N/5,"
        f" dashed beyond. {note}"
    )
    return style.finish(figure, caption, style.legend_handles(frame["optimizer"]))


def _draw_gap(axes: Axes, rows: pd.DataFrame) -> None:
    _draw_lines(axes, rows, "budget_trials", "gap")
    axes.axhline(0, color="#777777", linewidth=0.8, zorder=1)
    axes.set(ylabel="test − validation error", xlabel="tuning budget K (feasible trials)")
    style.budget_axis(axes, rows["budget_trials"].max())


def _draw_path(axes: Axes, rows: pd.DataFrame) -> None:
    _draw_lines(axes, rows, "val_error", "test_error")
    ends = rows[["val_error", "test_error"]].to_numpy()
    ends = np.array([np.nanmin(ends), np.nanmax(ends)])
    axes.plot(ends, ends, color="#777777", linewidth=0.8, zorder=1)
    style.error_axis(axes, ends)
    style.error_axis(axes, ends, which="x")
    unit = rows["unit"].iloc[0]
    axes.set(xlabel=style.quantity("val_error", unit), ylabel=style.quantity("test_error", unit))


def _draw_lines(axes: Axes, rows: pd.DataFrame, x: str, y: str) -> None:
    for optimizer, look in style.looks(optimizer_order(rows["optimizer"])).items():
        own = rows[(rows["optimizer"] == optimizer) & (rows["missing"] == "")]
        last = int(np.count_nonzero(own["trusted"]))
        across, up = own[x].to_numpy(float), own[y].to_numpy(float)
        axes.plot(across[:last], up[:last], "-", color=look.colour, marker=look.marker)
        beyond = slice(max(last - 1, 0), None)
        axes.plot(across[beyond], up[beyond], linestyle=BEYOND, color=look.colour)
        axes.plot(across[last:], up[last:], look.marker, color=look.colour, markerfacecolor="white")
