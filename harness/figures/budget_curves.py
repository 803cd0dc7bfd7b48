"""Figures 6-8: the error of the best trial against the tuning budget K, a row a workload.

Two questions that are not the same, side by side. *Confidence*, left: the median over tuning runs of
K trials, with its 90% interval as whiskers. *Spread*, right: the mean and the 5th to 95th percentile
of such runs, shaded, as in the paper, an optimizer a panel. Solid as far as N trials vouch for it,
K = N/5, dashed beyond: there the band shrinks only because the same few trials are drawn again, and
the interval has no lower end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.cells import cells, count_range, trusted
from harness.analysis.table import optimizer_order
from harness.analysis.tuning_curves import tuning_curves
from harness.figures import style

BEYOND = (0, (2.5, 1.8))  # the dashes of what N trials don't vouch for
FEW = 6  # workloads: a row each; of more, a panel each
ACROSS = 3  # panels


def data(
    trials: pd.DataFrame,
    metric: str = "val_error",
    select_by: str | None = None,
    *,
    max_budget: int | None = None,
    budgets: Sequence[int] | None = None,
) -> pd.DataFrame:
    """The rows of `tuning_curves` with N as ``trials``, the ``metric``, and whether K <= N/5, ``trusted``.

    A cell without a curve has one row, with its reason in ``missing``.
    """
    curves = tuning_curves(trials, metric, select_by, budgets, max_budget=max_budget)
    frame = cells(trials).merge(curves, how="left", on=["workload", "optimizer"])
    return frame.assign(trusted=trusted(frame), metric=metric)


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """A row for each workload: all optimizers' medians, then the spread of each; of many, the medians."""
    workloads = list(frame["workload"].unique())
    if len(workloads) > FEW:
        return _draw_medians(frame, workloads, note)
    optimizers = optimizer_order(frame["optimizer"].unique())
    across = min(ACROSS, len(optimizers))
    down = -(-len(optimizers) // across)
    height = 1.75 * down if down > 1 else 3.0
    figure = style.canvas(3.9 + 1.75 * across, height * len(workloads) + 0.35)
    rows = figure.subfigures(len(workloads), 1, squeeze=False)[:, 0]
    for row, workload in zip(rows, workloads, strict=True):
        left, right = row.subfigures(1, 2, width_ratios=[3.9, 1.75 * across])
        on_workload = frame[frame["workload"] == workload]
        overview = left.subplots()
        draw_confidence(overview, on_workload)
        overview.set_title(style.short(workload, 40), fontweight="bold")
        panels = right.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        _draw_spreads(panels, on_workload, optimizers)
    caption = (
        f"N = {count_range(frame['trials'][frame['missing'] == ''])} feasible trials per optimizer. Left, confidence: median"
        " over tuning runs of K trials, whiskers its 90% interval. Right, spread: mean (line) and 5th"
        " to 95th percentile (shaded) of such runs. Solid to K = N/5; dashed beyond, where N trials"
        f" no longer vouch for it. {note}"
    )
    return style.finish(figure, caption, style.legend_handles(frame["optimizer"]))


def _draw_medians(frame: pd.DataFrame, workloads: Sequence[str], note: str) -> Figure:
    """A panel for each of many workloads."""
    down = -(-len(workloads) // ACROSS)
    figure = style.canvas(3.4 * ACROSS, 2.6 * down + 0.35)
    panels = figure.subplots(down, ACROSS, squeeze=False)
    for axes, workload in zip(panels.flat, workloads, strict=False):
        draw_confidence(axes, frame[frame["workload"] == workload])
        axes.set_title(style.short(workload, 40), fontweight="bold")
    for axes in panels.flat[len(workloads) :]:
        axes.remove()
    caption = (
        f"N = {count_range(frame['trials'][frame['missing'] == ''])} feasible trials per optimizer. Median over"
        " tuning runs of K trials, whiskers its 90% interval. Solid to K = N/5; dashed beyond, where N"
        f" trials no longer vouch for it. The spread of such runs is in the numbers. {note}"
    )
    return style.finish(figure, caption, style.legend_handles(frame["optimizer"]))


def draw_confidence(axes: Axes, frame: pd.DataFrame) -> None:
    """The medians of one workload with their intervals, curves a little apart so that none is hidden."""
    metric = frame["metric"].iloc[0]
    axes.set(xlabel="tuning budget K (feasible trials)", ylabel=_error_label(frame, metric))
    drawn = frame[frame["missing"] == ""]
    if drawn.empty:
        style.empty_panel(axes, "no feasible trial")
        return
    optimizers = optimizer_order(frame["optimizer"].unique())
    for place, optimizer in enumerate(optimizers):
        rows = drawn[drawn["optimizer"] == optimizer]
        if len(rows):
            apart = float(2 ** (0.32 * ((place + 0.5) / len(optimizers) - 0.5)))
            rows = rows.assign(budget_trials=rows["budget_trials"] * apart)
            _line(axes, rows, rows["p50"], style.looks(optimizers)[optimizer])
            _whiskers(axes, rows, style.looks(optimizers)[optimizer])
    style.budget_axis(axes, drawn["budget_trials"].max())
    style.error_axis(axes, drawn["p50"], *_ends(drawn))
    style.list_missing(axes, frame)


def _ends(drawn: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    vouched = drawn[drawn["trusted"]]
    return vouched["median_low"], vouched["median_high"]


def _error_label(frame: pd.DataFrame, metric: str) -> str:
    return f"{style.quantity(metric, frame['unit'].iloc[0])} of the best trial"


def _draw_spreads(panels: np.ndarray, frame: pd.DataFrame, optimizers: list[str]) -> None:
    drawn = frame[frame["missing"] == ""]
    for axes, optimizer in zip(panels.flat, optimizers, strict=False):
        axes.set_title(style.short(style.name(optimizer), 22))
        rows = frame[frame["optimizer"] == optimizer]
        if rows["missing"].iloc[0]:
            style.empty_panel(axes, rows["missing"].iloc[0])
        else:
            draw_spread(axes, rows, style.looks(optimizers)[optimizer])
    for axes in panels.flat[len(optimizers) :]:
        axes.remove()
    filled = [
        a for a, o in zip(panels.flat, optimizers, strict=False) if o in set(drawn["optimizer"])
    ]
    for axes in filled[:1]:  # axes are shared
        style.budget_axis(axes, drawn["budget_trials"].max(), few=True)
        style.error_axis(axes, drawn["mean"], drawn["p05"], drawn["p95"])
    bottom = panels[-1, : max(1, len(optimizers) - panels.shape[1] * (panels.shape[0] - 1))]
    for axes in bottom:
        if axes in filled:
            axes.set_xlabel("K")


def draw_spread(axes: Axes, rows: pd.DataFrame, look: style.Look) -> None:
    """Mean and 5th to 95th percentile of one optimizer."""
    k, low, high = (rows[name].to_numpy(float) for name in ("budget_trials", "p05", "p95"))
    last = int(np.count_nonzero(rows["trusted"]))  # budgets rise, so the trusted ones come first
    axes.fill_between(k[:last], low[:last], high[:last], color=look.colour, alpha=0.28, linewidth=0)
    beyond = slice(max(last - 1, 0), None)
    axes.fill_between(
        k[beyond], low[beyond], high[beyond], color=look.colour, alpha=0.12, linewidth=0
    )
    _line(axes, rows, rows["mean"], look)


def _line(axes: Axes, rows: pd.DataFrame, values: pd.Series, look: style.Look) -> None:
    k, y = rows["budget_trials"].to_numpy(float), values.to_numpy(float)
    last = int(np.count_nonzero(rows["trusted"]))
    edges: dict[str, Any] = {"markeredgewidth": 0.9, "markeredgecolor": look.colour}
    axes.plot(k[:last], y[:last], "-", color=look.colour, marker=look.marker, **edges)
    beyond = slice(max(last - 1, 0), None)  # joined to the solid part
    axes.plot(k[beyond], y[beyond], linestyle=BEYOND, color=look.colour)
    axes.plot(
        k[last:], y[last:], linestyle="", marker=look.marker, markerfacecolor="white", **edges
    )


def _whiskers(axes: Axes, rows: pd.DataFrame, look: style.Look) -> None:
    ends = rows[["median_low", "median_high"]]
    known = rows[rows["trusted"] & np.isfinite(ends).all(axis=1)]
    if len(known):
        lengths = [known["p50"] - known["median_low"], known["median_high"] - known["p50"]]
        axes.errorbar(
            known["budget_trials"], known["p50"], yerr=np.clip(np.stack(lengths), 0, None), fmt="none",
            ecolor=look.colour, elinewidth=1.1, capsize=2.2, capthick=1.1,
        )  # fmt: skip
