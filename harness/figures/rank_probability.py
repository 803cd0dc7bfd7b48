"""The chance of being the best optimizer, and the expected rank, against the tuning budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.cells import cells, count_range, trusted
from harness.analysis.ranks import rank_probabilities
from harness.analysis.table import optimizer_order
from harness.analysis.tuning_curves import doubling
from harness.figures import style
from harness.figures.budget_curves import BEYOND


def data(
    trials: pd.DataFrame,
    metric: str = "val_error",
    *,
    max_budget: int | None = None,
    also: Sequence[int] = (),
) -> pd.DataFrame:
    """One row per workload, optimizer and budget: ``first``, the chance of rank 1, and ``mean_rank``.

    Budgets are 1, 2, 4, … and those of ``also``, as far as every optimizer of a workload has trials.
    """
    keys = ["workload", "optimizer", "budget_trials"]
    most = int(cells(trials)["trials"].max())
    budgets = sorted({*doubling(min(max_budget or most, most)), *also})
    ranks = rank_probabilities(trials, metric, budgets)
    ranks["weighted"] = ranks["rank"].astype(float) * ranks["probability"].astype(float)
    first = ranks[ranks["rank"] == 1].set_index(keys)["probability"].astype(float).rename("first")
    mean_rank = ranks.groupby(keys, sort=False)["weighted"].sum().rename("mean_rank")
    table = pd.concat([first, mean_rank], axis=1).reset_index()
    frame = cells(trials).merge(table, how="left", on=keys[:2])
    fewest = frame[frame["missing"] == ""].groupby("workload")["trials"].min()
    limit = frame.assign(trials=frame["workload"].map(fewest))  # the scarcest decides for all
    return frame.assign(trusted=trusted(limit))


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
        column[1].set_xlabel("tuning budget K (feasible trials)")
        style.list_missing(column[0], rows)
    grid[0, 0].set_ylabel("P(best of all)")
    grid[1, 0].set_ylabel("expected rank (1 is best)")
    caption = (
        "Chance that each optimizer has the lowest error when all are tuned with K trials, and its"
        f" expected rank. N = {count_range(frame['trials'][frame['missing'] == ''])} feasible trials."
        f" Solid to K = N/5 of the optimizer with fewest, dashed beyond. {note}"
    )
    return style.finish(figure, caption, style.legend_handles(frame["optimizer"]))


def _draw_panel(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    looks = style.looks(optimizer_order(rows["optimizer"]))
    drawn = rows[rows["missing"] == ""]
    for optimizer, look in looks.items():
        own = drawn[drawn["optimizer"] == optimizer]
        k, y = own["budget_trials"].to_numpy(float), own[name].to_numpy(float)
        last = int(np.count_nonzero(own["trusted"]))
        axes.plot(k[:last], y[:last], "-", color=look.colour, marker=look.marker)
        beyond = slice(max(last - 1, 0), None)
        axes.plot(k[beyond], y[beyond], linestyle=BEYOND, color=look.colour)
        axes.plot(k[last:], y[last:], look.marker, color=look.colour, markerfacecolor="white")
    if len(drawn):
        style.budget_axis(axes, drawn["budget_trials"].max())
