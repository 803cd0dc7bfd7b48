"""Where trials diverge or fail: status over the learning rate and the next most telling axis.

Drawn from the table of `analysis.failure_map`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.counting import finished
from harness.analysis.names import measured, name, optimizer_order
from harness.figures import style
from harness.figures.axes import as_searched, beyond, plain_ticks, searched_axis, top
from harness.study.parametrisation import label
from harness.study.result import COMPLETE, DIVERGED, FINISHED

COLOURS = "cividis"  # even in lightness: dark is good, in grey too


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """One workload, a panel an optimizer."""
    optimizers = optimizer_order(frame["optimizer"].unique())
    columns = min(3, len(optimizers))
    rows = -(-len(optimizers) // columns)
    figure = style.canvas(2.5 * columns + 0.9, 2.35 * rows + 0.3)
    grid = figure.subplots(rows, columns, squeeze=False)
    norm, end = _norm(frame["error"])
    points: PathCollection | None = None
    for optimizer, axes in zip(optimizers, grid.flat, strict=False):
        own = frame[frame["optimizer"] == optimizer]
        points = _draw_panel(axes, own, norm) or points
        results = finished(own)
        feasible = (results["status"] == COMPLETE).mean()
        share = "" if results.empty else f" ({feasible:.0%} of {len(results)})"
        axes.set_title(f"{style.short(name(optimizer), 20)}{share}")
    for axes in grid.flat[len(optimizers) :]:
        axes.remove()
    if points is not None:
        _draw_bar(figure, points, list(grid.flat[: len(optimizers)]), frame, end)
    far = beyond(end, {"trials": frame["error"]})
    caption = (
        f"{frame['workload'].iloc[0]}: every trial over its learning rate and the next most telling"
        f" axis; in brackets the feasible share of the trials run. {far}"
        f" {note}"
    )
    return style.finish(figure, caption, _handles(frame))


def _norm(errors: pd.Series) -> tuple[Normalize, float]:
    """The scale of colours, and where it ends before the largest error does."""
    known, end = errors.dropna(), top(errors)
    if known.empty:
        return Normalize(0, 1), end
    low, high = float(known.min()), float(min(known.max(), end))
    if low > 0 and high / low > 4:
        return LogNorm(low, high), end
    return Normalize(low, max(high, low + 1e-12)), end


def _draw_bar(
    figure: Figure, points: PathCollection, panels: list[Axes], frame: pd.DataFrame, end: float
) -> None:
    errors, extend = frame["error"], "max" if np.isfinite(end) else "neither"
    bar = figure.colorbar(
        points, ax=panels, shrink=0.7, pad=0.02, label=measured("val_error", frame["unit"]), extend=extend
    )  # fmt: skip
    bar.outline.set_visible(False)
    if isinstance(points.norm, LogNorm) and (
        ticks := plain_ticks(errors.min(), min(errors.max(), end))
    ):
        bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        bar.ax.minorticks_off()


def _draw_panel(axes: Axes, rows: pd.DataFrame, norm: Normalize) -> PathCollection | None:
    x, y = rows["x"], rows["y"] if rows["y_axis"].iloc[0] else pd.Series(0.0, rows.index)
    _draw_axis(axes, "x", rows)
    if rows["y_axis"].iloc[0]:
        _draw_axis(axes, "y", rows)
    else:
        axes.set_yticks([])
    complete, diverged = rows["status"] == COMPLETE, rows["status"] == DIVERGED
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


def _draw_axis(axes: Axes, which: str, rows: pd.DataFrame) -> None:
    named, scale, low, high = rows[
        [f"{which}_axis", f"{which}_scale", f"{which}_low", f"{which}_high"]
    ].iloc[0]
    searched_axis(axes, which, as_searched(named, scale, (low, high), rows[which]))
    set_label = axes.set_xlabel if which == "x" else axes.set_ylabel
    set_label(style.short(label(named), 24), labelpad=1)


def _handles(frame: pd.DataFrame) -> list[Line2D]:
    marks: dict[str, dict[str, Any]] = {
        "complete": {"marker": "o", "color": "#7c7b78", "markeredgecolor": "#666666"},
        "diverged": {"marker": "x", "color": style.DIVERGED_COLOUR},
        "failed, timed out, out of memory": {"marker": "+", "color": "black"},
    }
    shown = [
        (frame["status"] == COMPLETE).any(),
        (frame["status"] == DIVERGED).any(),
        (~frame["status"].isin(FINISHED)).any(),
    ]
    return [
        Line2D([], [], linestyle="", label=label, **mark)
        for (label, mark), there in zip(marks.items(), shown, strict=True)
        if there
    ]
