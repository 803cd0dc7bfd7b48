"""Figures 6-8: the error of the best trial against the tuning budget K, a row a workload.

Two questions that are not the same, side by side. *Confidence*, left: the median over tuning runs of
K trials, with its simultaneous 90% intervals as whiskers (and opda's bands, where the table has them).
*Spread*, right: the mean and the band, the 5th to 95th percentile of such runs, as in the paper, an
optimizer a panel. Solid as far as N trials vouch for it, K = N/5, and the band to N/20; dashed beyond:
there the band shrinks only because the same few trials are drawn again, and the interval has no lower
end. Drawn from the table of `analysis.tuning_curves.in_cells`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.cells import count_range, drawn
from harness.analysis.counting import centre, middle, noun
from harness.analysis.names import name, optimizer_order, quantity
from harness.figures import style
from harness.figures.axes import beyond, budget_axis, error_axis, top
from harness.figures.lines import band, line, whiskers

FEW = 6  # workloads: a row each; of more, a panel each
ACROSS = 3  # panels


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
    far: list[str] = []
    for row, workload in zip(rows, workloads, strict=True):
        left, right = row.subfigures(1, 2, width_ratios=[3.9, 1.75 * across])
        on_workload = frame[frame["workload"] == workload]
        overview = left.subplots()
        draw_confidence(overview, on_workload)
        overview.set_title(style.short(workload, 40), fontweight="bold")
        panels = right.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        far.append(_draw_spreads(panels, on_workload, optimizers))
    caption = (
        f"{_trials(frame)} Left, confidence: median over tuning runs of K trials, whiskers 90%"
        f" intervals of a curve's medians together.{_shaded(frame)} Right, spread: {middle(frame)} (line)"
        " and band (5th to 95th percentile) of such runs. Solid to K = N/5, bands to N/20; dashed beyond,"
        " where N trials no longer vouch for it: a band's lower edge is the least of N errors there, and"
        f" another run goes under it with a chance of K/(N + K). {' '.join(filter(None, far))} {note}"
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
        f"{_trials(frame)} Median over tuning runs of K trials, whiskers 90% intervals of a curve's"
        f" medians together.{_shaded(frame)} Solid to K = N/5; dashed beyond, where N trials no longer"
        f" vouch for it. The spread of such runs is in the numbers. {note}"
    )
    return style.finish(figure, caption, style.legend_handles(frame["optimizer"]))


def _shaded(frame: pd.DataFrame) -> str:
    return " Shaded: opda's 90% bands of the whole curve." if "opda_low" in frame else ""


def _trials(frame: pd.DataFrame) -> str:
    return f"N = {count_range(drawn(frame)['trials'])} {noun(frame)} per optimizer."


def draw_confidence(axes: Axes, frame: pd.DataFrame) -> None:
    """The medians of one workload with their intervals, curves a little apart so that none is hidden."""
    metric, unit = frame["metric"].iloc[0], frame["unit"].iloc[0]
    axes.set(
        xlabel=f"tuning budget K ({noun(frame)})", ylabel=f"median {quantity(metric, unit)} of the best trial"
    )  # fmt: skip
    shown = drawn(frame)
    if shown.empty:
        style.empty_panel(axes, "no feasible trial")
        return
    optimizers = optimizer_order(frame["optimizer"].unique())
    looks = style.looks(optimizers)
    for place, optimizer in enumerate(optimizers):
        rows = shown[shown["optimizer"] == optimizer]
        if len(rows):
            apart = float(2 ** (0.32 * ((place + 0.5) / len(optimizers) - 0.5)))
            rows = rows.assign(budget_trials=rows["budget_trials"] * apart)
            line(axes, rows, "p50", looks[optimizer])
            whiskers(axes, rows[rows["trusted"]], looks[optimizer])
            if "opda_low" in rows:
                _shade(axes, rows, looks[optimizer])
    vouched = shown[shown["trusted"]]
    budget_axis(axes, shown["budget_trials"].max())
    error_axis(axes, shown["p50"], vouched["median_low"], vouched["median_high"])
    style.list_missing(axes, frame)


def _shade(axes: Axes, rows: pd.DataFrame, look: style.Look) -> None:
    """opda's bands, where they have both ends."""
    known = rows[np.isfinite(rows[["opda_low", "opda_high"]]).all(axis=1)]
    k, low, high = (known[c].to_numpy(float) for c in ("budget_trials", "opda_low", "opda_high"))
    axes.fill_between(k, low, high, color=look.colour, alpha=0.12, linewidth=0)


def _draw_spreads(panels: np.ndarray, frame: pd.DataFrame, optimizers: list[str]) -> str:
    """Of one workload; what lies beyond the end of its axis, in words."""
    shown = drawn(frame)
    columns = [shown[name] for name in ("p95", centre(frame), "p05")]
    end = top(*columns)
    for axes, optimizer in zip(panels.flat, optimizers, strict=False):
        axes.set_title(style.short(name(optimizer), 22))
        rows = frame[frame["optimizer"] == optimizer]
        if rows["missing"].iloc[0]:
            style.empty_panel(axes, rows["missing"].iloc[0])
        else:
            draw_spread(axes, rows, style.looks(optimizers)[optimizer])
    for axes in panels.flat[len(optimizers) :]:
        axes.remove()
    filled = [
        a for a, o in zip(panels.flat, optimizers, strict=False) if o in set(shown["optimizer"])
    ]
    for axes in filled[:1]:  # axes are shared
        budget_axis(axes, shown["budget_trials"].max(), few=True)
        error_axis(axes, *columns, end=end)
    bottom = panels[-1, : max(1, len(optimizers) - panels.shape[1] * (panels.shape[0] - 1))]
    for axes in bottom:
        if axes in filled:
            axes.set_xlabel("K")
    return beyond(end, {"upper edges of bands": columns[0], f"{middle(frame)}s": columns[1]})


def draw_spread(axes: Axes, rows: pd.DataFrame, look: style.Look) -> None:
    """Mean (median, where every trial counts) and band of one optimizer."""
    band(axes, rows, look)
    line(axes, rows, centre(rows), look)
