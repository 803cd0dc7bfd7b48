"""Figures 6-8: the error of the best trial against the tuning budget K, a panel a workload.

Three things that are not the same: the line is the mean over tuning runs of K trials, the shaded
band their spread (5th to 95th percentile), and the whiskers our confidence (the 90% interval of the
median). Solid as far as N trials vouch for it, K = N/5, dashed beyond; there the band shrinks only
because the same few trials are drawn again, and the interval has no lower end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis import confidence
from harness.analysis.figures import style
from harness.analysis.figures.cells import cells, count_range
from harness.analysis.table import optimizer_order
from harness.analysis.tuning_curves import tuning_curves


def data(
    trials: pd.DataFrame,
    metric: str = "val_error",
    select_by: str | None = None,
    *,
    max_budget: int | None = None,
    budgets: Sequence[int] | None = None,
) -> pd.DataFrame:
    """The rows of `tuning_curves` with N as ``trials``, the ``metric`` and whether K <= N/5, ``trusted``.

    A cell without a curve has one row, with its reason in ``missing``.
    """
    curves = tuning_curves(trials, metric, select_by, budgets, max_budget=max_budget)
    frame = cells(trials).merge(curves, how="left", on=["workload", "optimizer"])
    frame["trusted"] = frame["budget_trials"] * confidence.TRUSTED_SHARE <= frame["trials"]
    frame["metric"] = metric
    return frame


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """A panel for each workload of the frame."""
    workloads = list(dict.fromkeys(frame["workload"]))
    columns = min(3, len(workloads))
    rows = -(-len(workloads) // columns)
    single = len(workloads) == 1
    figure, grid = style.figure(rows, columns, width=6.2 if single else 4.2, height=3.4)
    for axes, workload in zip(grid.flat, workloads, strict=False):
        draw_panel(axes, frame[frame["workload"] == workload])
        axes.set_title(style.short(workload))
    for axes in grid.flat[len(workloads) :]:
        axes.remove()
    caption = (
        f"N = {count_range(frame['trials'])} feasible trials per optimizer. Line: mean of the selected"
        " trial over tuning runs of K trials, solid to K = N/5, dashed beyond. Shaded: 5th to 95th"
        " percentile of such runs (spread). Whiskers: 90% interval of the median (confidence), drawn"
        f" to K = N/5. {note}"
    )
    return style.finish(figure, caption, style.legend_handles(frame["optimizer"]))


def draw_panel(axes: Axes, frame: pd.DataFrame) -> None:
    """The curves of one workload."""
    metric = frame["metric"].iloc[0]
    axes.set(
        xlabel="tuning budget K (feasible trials)",
        ylabel=f"{style.quantity(metric)} of the best trial",
    )
    drawn = frame[frame["missing"] == ""]
    if drawn.empty:
        return style.empty_panel(axes, "no feasible trial")
    optimizers = optimizer_order(frame["optimizer"])
    for place, optimizer in enumerate(optimizers):
        rows = drawn[drawn["optimizer"] == optimizer]
        if len(rows):
            _curve(axes, rows, style.looks(optimizers)[optimizer])
            _confidence(
                axes, rows, style.looks(optimizers)[optimizer], _dodge(place, len(optimizers))
            )
    style.budget_axis(axes, drawn["budget_trials"].max())
    style.error_axis(axes, drawn[["mean", "p05", "p95"]].to_numpy())
    _list_missing(axes, frame)


def _curve(axes: Axes, rows: pd.DataFrame, look: style.Look) -> None:
    k, mean = rows["budget_trials"].to_numpy(), rows["mean"].to_numpy()
    trusted = rows["trusted"].to_numpy()
    last = int(np.count_nonzero(trusted))  # budgets rise, so the trusted ones come first
    axes.fill_between(k, rows["p05"], rows["p95"], color=look.colour, alpha=0.13, linewidth=0)
    solid = {
        "color": look.colour,
        "marker": look.marker,
        "markeredgecolor": "white",
        "markeredgewidth": 0.5,
    }
    axes.plot(k[:last], mean[:last], linestyle="-", label="solid", **solid)
    beyond = slice(max(last - 1, 0), None)  # joined to the solid part
    axes.plot(k[beyond], mean[beyond], linestyle=(0, (3, 2)), color=look.colour, label="dashed")
    axes.plot(k[last:], mean[last:], linestyle="", marker=look.marker, markerfacecolor="white",
              markeredgecolor=look.colour, markeredgewidth=0.9, label="beyond")  # fmt: skip


def _confidence(axes: Axes, rows: pd.DataFrame, look: style.Look, dodge: float) -> None:
    known = rows[
        rows["trusted"] & np.isfinite(rows["median_low"]) & np.isfinite(rows["median_high"])
    ]
    if known.empty:
        return
    middle = known["p50"].to_numpy()
    lengths = np.stack([middle - known["median_low"], known["median_high"] - middle])
    axes.errorbar(
        known["budget_trials"] * dodge, middle, yerr=np.clip(lengths, 0, None), fmt="none",
        ecolor=look.colour, elinewidth=1.1, capsize=2.2, capthick=1.1, zorder=3,
    )  # fmt: skip


def _dodge(place: int, count: int) -> float:
    """A factor on K, so that whiskers stand beside each other: within a quarter of an octave."""
    return float(2 ** (0.5 * ((place + 0.5) / count - 0.5)))


def _list_missing(axes: Axes, frame: pd.DataFrame) -> None:
    missing = frame[frame["missing"] != ""]
    lines = [
        f"{style.short(style.name(row.optimizer), 20)}: {row.missing}"
        for row in missing.itertuples()
    ]
    axes.text(
        0.98, 0.97, "\n".join(lines), transform=axes.transAxes, ha="right", va="top", fontsize=7.5,
        color="#777777", style="italic",
    )  # fmt: skip
