"""Hyperparameter slices: fix one axis, tune the rest with four trials; what comes out?

The trials of an optimizer are cut into slices of equal count along an axis; within each, the exact
mean and spread of the best of four. Unlike a scatter of all trials, this is the error to expect at
that value once the others are tuned a little, and a flat slice says that the axis can be left alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis import best_of_k, table
from harness.analysis.borders import Scale, borders
from harness.analysis.importance import FEW_VALUES, importance
from harness.analysis.table import Studies, optimizer_order
from harness.figures import style

BUDGET = 4  # trials within a slice
LEAST = 6  # trials in a slice
MOST_SLICES = 8
MOST_AXES = 4
COLUMNS = (
    "workload", "optimizer", "axis", "importance", "scale", "low", "high", "slice", "value", "trials",
    "mean", "p05", "p50", "p95", "metric",
)  # fmt: skip


def data(
    trials: pd.DataFrame, studies: Studies | None = None, metric: str = "val_error"
) -> pd.DataFrame:
    """One row per workload, optimizer, axis and slice; the four most important axes of each.

    ``value`` is the slice's middle trial's, ``mean, p05, p50, p95`` of the best of four of its trials.
    Only feasible trials count.
    """
    spaces = borders(trials, studies, metric=metric).set_index(["workload", "optimizer", "axis"])
    shares = importance(trials, metric)
    rows: list[dict[str, Any]] = []
    for group in table.groups(trials):
        feasible = table.counted(group.trials)
        own = shares[
            (shares["workload"] == group.workload) & (shares["optimizer"] == group.optimizer)
        ]
        for axis, share in (
            own[["axis", "importance"]].head(MOST_AXES).itertuples(index=False, name=None)
        ):
            key = (group.workload, group.optimizer, axis)
            if key not in spaces.index:
                continue
            names = dict(zip(("workload", "optimizer", "axis"), key, strict=True))
            names |= {"importance": share, "metric": metric} | spaces.loc[
                key, ["scale", "low", "high"]
            ].to_dict()
            rows += [
                names | each
                for each in _slices(feasible[f"hp.{axis}"], table.values(feasible, metric))
            ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _slices(values: pd.Series, errors: np.ndarray) -> list[dict[str, Any]]:
    positions = np.argsort(values.to_numpy(float), kind="stable")
    ordered = values.to_numpy(float)[positions]
    if len(np.unique(ordered)) <= FEW_VALUES:
        parts = np.split(positions, np.flatnonzero(np.diff(ordered)) + 1)
    else:
        parts = np.array_split(positions, max(1, min(MOST_SLICES, len(positions) // LEAST)))
    result = []
    for number, part in enumerate(parts):
        curve = best_of_k.curve(errors[part], [BUDGET])
        middle = float(values.to_numpy(float)[part[len(part) // 2]])
        result.append(
            {"slice": number, "value": middle, "trials": len(part)}
            | {name: float(column[0]) for name, column in curve._asdict().items()}
        )
    return result


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
        line[0].set_ylabel(style.short(style.name(optimizer), 18), fontweight="bold")
    style.error_axis(grid[0, 0], frame["mean"], frame["p05"], frame["p95"])
    caption = (
        f"{frame['workload'].iloc[0]}: {style.quantity(frame['metric'].iloc[0])} of the best of {BUDGET}"
        " feasible trials within each slice of an axis: mean, and 5th to 95th percentile shaded. Axes by"
        f" importance, the share of variance they explain alone (in brackets). {note}"
    )
    return style.finish(figure, caption)


def draw_panel(axes: Axes, rows: pd.DataFrame, look: style.Look) -> None:
    """One axis of one optimizer."""
    first = rows.iloc[0]
    axes.fill_between(
        rows["value"], rows["p05"], rows["p95"], color=look.colour, alpha=0.22, linewidth=0
    )
    axes.plot(rows["value"], rows["mean"], "-", color=look.colour, marker=look.marker)
    share = f"{first['importance']:.0%}"
    axes.set_xlabel(f"{style.short(style.axis(first['axis']), 24)} ({share})", labelpad=1)
    scale = Scale(first["low"], first["high"], log=first["scale"] == "log")
    style.any_axis(axes, "x", first["scale"], scale, rows["value"])
