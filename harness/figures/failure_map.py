"""Where trials diverge or fail: status over the learning rate and the next most telling axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis import importance, table
from harness.analysis.borders import Scale, borders
from harness.analysis.table import Studies, optimizer_order
from harness.figures import style

LEARNING_RATES = ("lr", "learning_rate", "lr_over_eps", "lr_over_sqrt_eps")
COLOURS = "cividis"  # even in lightness: dark is good, in grey too
COLUMNS = (
    "workload", "optimizer", "trial", "status", "error", "x_axis", "x", "x_scale", "x_low", "x_high",
    "y_axis", "y", "y_scale", "y_low", "y_high",
)  # fmt: skip


def data(
    trials: pd.DataFrame, studies: Studies | None = None, metric: str = "val_error"
) -> pd.DataFrame:
    """One row a trial, listed ones too, with its place on both axes and their scales.

    ``x`` is the learning rate, or the axis of most importance where none is called so; ``y`` that of
    the highest importance and interaction among the others, empty where there is no other.
    """
    shares = importance.importance(trials, metric)
    spaces = borders(trials, studies, metric=metric)
    parts = []
    for group in table.groups(trials):
        keys = (shares["workload"] == group.workload) & (shares["optimizer"] == group.optimizer)
        x_axis, y_axis = _telling(shares[keys])
        if x_axis is None:
            continue
        here = (spaces["workload"] == group.workload) & (spaces["optimizer"] == group.optimizer)
        scales = spaces[here].set_index("axis")
        part = group.trials[["workload", "optimizer", "trial", "status"]].copy()
        part["error"] = group.trials[metric].where(part["status"] == table.FEASIBLE)
        for name, axis in (("x", x_axis), ("y", y_axis)):
            part = part.assign(**_coordinates(group.trials, scales, name, axis))
        parts.append(part)
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _telling(shares: pd.DataFrame) -> tuple[str | None, str | None]:
    """The learning rate's axis and the next most telling one."""
    if shares.empty:
        return None, None
    axes = list(shares["axis"])
    x_axis = next((name for name in LEARNING_RATES if name in axes), axes[0])
    others = shares[shares["axis"] != x_axis]
    if others.empty:
        return x_axis, None
    return x_axis, others.loc[(others["importance"] + others["interaction"]).idxmax(), "axis"]


def _coordinates(
    trials: pd.DataFrame, scales: pd.DataFrame, name: str, axis: str | None
) -> dict[str, object]:
    if axis is None:
        return {
            f"{name}_axis": None,
            name: np.nan,
            f"{name}_scale": None,
            f"{name}_low": np.nan,
            f"{name}_high": np.nan,
        }
    values = trials[f"hp.{axis}"].astype(float)
    known = axis in scales.index
    low, high = (scales.loc[axis, ["low", "high"]]) if known else (values.min(), values.max())
    guess = "log" if low > 0 and high / low > 30 else "linear"  # nothing feasible: no borders
    scale = scales.loc[axis, "scale"] if known else guess
    return {
        f"{name}_axis": axis,
        name: values,
        f"{name}_scale": scale,
        f"{name}_low": low,
        f"{name}_high": high,
    }


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """One workload, a panel an optimizer."""
    optimizers = optimizer_order(frame["optimizer"].unique())
    columns = min(3, len(optimizers))
    rows = -(-len(optimizers) // columns)
    figure = style.canvas(2.5 * columns + 0.9, 2.35 * rows + 0.3)
    grid = figure.subplots(rows, columns, squeeze=False)
    norm = _norm(frame["error"])
    points: PathCollection | None = None
    for optimizer, axes in zip(optimizers, grid.flat, strict=False):
        own = frame[frame["optimizer"] == optimizer]
        points = _draw_panel(axes, own, norm) or points
        results = own[own["status"].isin((table.FEASIBLE, table.DIVERGED))]
        feasible = (results["status"] == table.FEASIBLE).mean()
        share = "" if results.empty else f" ({feasible:.0%} of {len(results)})"
        axes.set_title(f"{style.short(style.name(optimizer), 18)}{share}")
    for axes in grid.flat[len(optimizers) :]:
        axes.remove()
    if points is not None:
        bar = figure.colorbar(
            points,
            ax=list(grid.flat[: len(optimizers)]),
            shrink=0.7,
            pad=0.02,
            label="validation error",
        )
        bar.outline.set_visible(False)
        ends = frame["error"].min(), frame["error"].max()
        ticks = style.plain_ticks(*ends) if isinstance(norm, LogNorm) else None
        if ticks:
            bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
            bar.ax.minorticks_off()
    caption = (
        f"{frame['workload'].iloc[0]}: every trial over its learning rate and the next most telling"
        f" axis; in brackets the feasible share of the trials run. {note}"
    )
    return style.finish(figure, caption, _handles(frame))


def _norm(errors: pd.Series) -> Normalize:
    known = errors.dropna()
    if known.empty:
        return Normalize(0, 1)
    low, high = float(known.min()), float(known.max())
    return (
        LogNorm(low, high) if low > 0 and high / low > 4 else Normalize(low, max(high, low + 1e-12))
    )


def _draw_panel(axes: Axes, rows: pd.DataFrame, norm: Normalize) -> PathCollection | None:
    first = rows.iloc[0]
    x, y = rows["x"], rows["y"] if first["y_axis"] else pd.Series(0.0, rows.index)
    style.any_axis(
        axes,
        "x",
        first["x_scale"],
        Scale(first["x_low"], first["x_high"], first["x_scale"] == "log"),
        x,
    )
    if first["y_axis"]:
        style.any_axis(
            axes,
            "y",
            first["y_scale"],
            Scale(first["y_low"], first["y_high"], first["y_scale"] == "log"),
            y,
        )
        axes.set_ylabel(style.short(style.axis(first["y_axis"]), 24), labelpad=1)
    else:
        axes.set_yticks([])
    axes.set_xlabel(style.short(style.axis(first["x_axis"]), 24), labelpad=1)
    complete, diverged = rows["status"] == table.FEASIBLE, rows["status"] == table.DIVERGED
    other = ~(complete | diverged)
    axes.plot(
        x[diverged], y[diverged], "x", color=style.DIVERGED_COLOUR, markersize=4, markeredgewidth=1
    )
    axes.plot(x[other], y[other], "+", color="black", markersize=5, markeredgewidth=1)
    if not complete.any():
        return None
    return axes.scatter(
        x[complete], y[complete], c=rows.loc[complete, "error"], norm=norm, cmap=COLOURS, s=16,
        linewidths=0.3, edgecolors="#666666",
    )  # fmt: skip


def _handles(frame: pd.DataFrame) -> list[Line2D]:
    marks: dict[str, dict[str, Any]] = {
        "complete": {"marker": "o", "color": "#7c7b78", "markeredgecolor": "#666666"},
        "diverged": {"marker": "x", "color": style.DIVERGED_COLOUR},
        "failed, timed out, out of memory": {"marker": "+", "color": "black"},
    }
    other = ~frame["status"].isin((table.FEASIBLE, table.DIVERGED))
    shown = [
        (frame["status"] == table.FEASIBLE).any(),
        (frame["status"] == table.DIVERGED).any(),
        other.any(),
    ]
    return [
        Line2D([], [], linestyle="", label=label, **mark)
        for (label, mark), there in zip(marks.items(), shown, strict=True)
        if there
    ]
