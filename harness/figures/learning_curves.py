"""Learning curves of the trials that tuning selects: the best one, and the spread over tuning runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis import best_of_k, table
from harness.analysis.cells import cells, comparison_budget, count_range, evaluated_once
from harness.analysis.table import TableError, optimizer_order
from harness.figures import style

COLUMNS = ("workload", "optimizer", "budget_trials", "step", "best", "p05", "p50", "p95")


def data(
    trials: pd.DataFrame,
    curves: pd.DataFrame | None,
    metric: str = "val_error",
    *,
    max_budget: int | None = None,
) -> pd.DataFrame:
    """Per workload, optimizer and step: the best trial's error, and quantiles over tuning runs.

    The quantiles are those of the curve of the trial that K trials select (by their final
    validation error), K that of `cells.comparison_budget`.

    Raises:
        TableError: there are no learning curves.
    """
    if curves is None:
        raise TableError("learning curves are not in a CSV; give the results folder")
    if evaluated_once(curves):
        raise TableError("every trial was evaluated once only, at its end")
    budgets = comparison_budget(trials, max_budget)
    parts = []
    for group in table.groups(trials):
        rows = table.counted(group.trials)
        at_step = _by_step(rows, curves, metric)
        if at_step.empty:
            continue
        rows = rows.set_index(["study", "trial"]).loc[at_step.index].reset_index()
        errors = table.values(rows, "val_error")
        k = min(int(budgets[group.workload]), len(errors))
        w = best_of_k.weights(errors, [k])
        spread = [best_of_k.quantiles(w, at_step[step].to_numpy())[:, 0] for step in at_step]
        names = {"workload": group.workload, "optimizer": group.optimizer, "budget_trials": k}
        best = at_step.iloc[int(np.argmin(errors))].to_numpy()
        parts.append(pd.DataFrame(names | {"step": at_step.columns, "best": best}).join(
            pd.DataFrame(spread, columns=["p05", "p50", "p95"])
        ))  # fmt: skip
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    frame = cells(trials).merge(found, how="left", on=["workload", "optimizer"])
    without = (frame["missing"] == "") & frame["step"].isna()
    return frame.assign(missing=frame["missing"].mask(without, "no curves"), metric=metric)


def _by_step(rows: pd.DataFrame, curves: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The metric as ``[trials, steps]``; a step that a trial was not evaluated at takes its last value."""
    own = curves.merge(rows[list(table.IDENTITY)], on=list(table.IDENTITY))
    wide = own.pivot_table(index=["study", "trial"], columns="step", values=metric, sort=True)
    return wide.ffill(axis=1).bfill(axis=1)


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """A row a workload, a panel an optimizer, over the best curves of the others in grey."""
    workloads = list(frame["workload"].unique())
    optimizers = optimizer_order(frame["optimizer"].unique())
    figure = style.canvas(1.75 * len(optimizers) + 0.8, 2.1 * len(workloads) + 0.3)
    grid = figure.subplots(
        len(workloads), len(optimizers), squeeze=False, sharex="row", sharey="row"
    )
    looks = style.looks(optimizers)
    for workload, line in zip(workloads, grid, strict=True):
        here = frame[frame["workload"] == workload]
        for optimizer, axes in zip(optimizers, line, strict=True):
            rows = here[here["optimizer"] == optimizer]
            axes.set_title(style.short(style.name(optimizer), 20))
            if rows["missing"].iloc[0]:
                style.empty_panel(axes, rows["missing"].iloc[0])
            else:
                draw_panel(axes, rows, here, looks[optimizer])
        metric = style.quantity(frame["metric"].iloc[0], here["unit"].iloc[0])
        line[0].set_ylabel(f"{style.short(workload, 24)}\n{metric}")
        drawn = here[here["missing"] == ""]
        if len(drawn):
            style.error_axis(line[0], drawn["best"], drawn["p05"], drawn["p95"])
    budget = count_range(frame["budget_trials"])
    caption = (
        "Error during training. Line: the best trial of all. Shaded: 5th to 95th percentile over tuning"
        f" runs, of the curve of the trial that K = {budget} trials select. Grey: the best trials of the"
        f" other optimizers. {note}"
    )
    return style.finish(figure, caption)


def draw_panel(axes: Axes, rows: pd.DataFrame, on_workload: pd.DataFrame, look: style.Look) -> None:
    """One optimizer's best curve and spread."""
    for _, other in on_workload[on_workload["missing"] == ""].groupby("optimizer"):
        axes.plot(other["step"], other["best"], color="#c4c4c4", linewidth=0.8, zorder=1)
    step = rows["step"].to_numpy(float)
    axes.fill_between(step, rows["p05"], rows["p95"], color=look.colour, alpha=0.25, linewidth=0)
    axes.plot(
        step, rows["best"], color=look.colour, marker=look.marker, markersize=3.5,
        markevery=max(1, len(rows) // 6),
    )  # fmt: skip
    axes.set_xlabel("step")
