"""Searches compared: the best error so far against trials; and where their trials lie on two axes.

Drawn from the table of `analysis.searches.curves`, and from trials with the column ``search``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from harness.analysis.names import quantity
from harness.figures import style
from harness.figures.axes import error_axis, power_of_ten
from harness.study.parametrisation import label
from harness.study.result import COMPLETE

# Told apart best, neighbours above all.
LOOKS = [
    style.LOOKS[name] for name in ("momentum", "nesterov", "rmsprop", "adam", "adamw", "nadam")
]
DECADES = 50.0  # a coordinate whose ends are further apart is drawn on a log scale


def draw(curves: pd.DataFrame, unit: str = "", note: str = "") -> Figure:
    """A line and a band a search."""
    figure = style.canvas(5.6, 3.4)
    axes = figure.subplots()
    handles = []
    for place, (name, rows) in enumerate(curves.groupby("search", sort=False)):
        look = LOOKS[place % len(LOOKS)]
        dashes: Any = "-" if rows["exact"].iloc[0] else (0, (4, 1.5))
        last = int(np.count_nonzero(rows["trusted"]))
        for part, alpha, line in (
            (rows[:last], 0.2, dashes),
            (rows[max(last - 1, 0) :], 0.06, ":"),
        ):
            axes.fill_between(
                part["trials"],
                part["p05"],
                part["p95"],
                color=look.colour,
                alpha=alpha,
                linewidth=0,
            )
            axes.plot(part["trials"], part["mean"], color=look.colour, linestyle=line)
        repeats = rows["repeats"].iloc[0]
        told = "exact" if rows["exact"].iloc[0] else f"{repeats} repeat{'s' if repeats > 1 else ''}"
        handles.append(
            Line2D(
                [],
                [],
                color=look.colour,
                linestyle=dashes,
                label=f"{style.short(str(name))} ({told})",
            )
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trials")
    axes.set_ylabel(f"Best {quantity('val_error', unit)} so far")
    error_axis(axes, curves["mean"], curves["p05"], curves["p95"])
    caption = (
        "Mean and 5th to 95th percentile of the lowest validation error among the first trials. Solid: exactly,"
        " of independent draws. Dashed: over repeats with other seeds, of a search that chooses its trials by"
        " those before or goes through a grid. Dotted and pale: beyond a fifth of the draws, or of fewer than"
        f" ten repeats. Diverged trials count as the worst complete one. {note}"
    )
    return style.finish(figure, caption, handles)


def draw_points(trials: pd.DataFrame, across: str, up: str, note: str = "") -> Figure:
    """A panel a search: its trials on two axes, and below the values that each axis was tried at.

    Bergstra and Bengio (2012), Figure 1: where one axis matters, a grid tries few values of it.
    """
    searches = list(trials["search"].unique())
    figure = style.canvas(2.5 * len(searches) + 0.9, 2.8)
    grid = figure.subplots(1, len(searches), squeeze=False, sharex=True, sharey=True)[0]
    errors = trials["val_error"].astype(float)
    limits = np.nanquantile(errors, (0.0, 0.9))
    for axes, name in zip(grid, searches, strict=True):
        rows = trials[trials["search"] == name]
        lost = rows["status"] != COMPLETE
        axes.scatter(rows.loc[lost, across], rows.loc[lost, up], marker="x", s=16, color="#999999")
        drawn = axes.scatter(
            rows.loc[~lost, across], rows.loc[~lost, up], c=rows.loc[~lost, "val_error"], s=26,
            cmap="viridis", vmin=limits[0], vmax=limits[1], edgecolors="#444444", linewidths=0.4,
        )  # fmt: skip
        for coordinate, scale in ((across, axes.set_xscale), (up, axes.set_yscale)):
            ends = trials[coordinate].min(), trials[coordinate].max()
            if ends[0] > 0 and ends[1] / ends[0] > DECADES:
                scale("log")
                axis = axes.xaxis if coordinate == across else axes.yaxis
                axis.set_major_formatter(FuncFormatter(power_of_ten))
                axis.set_minor_formatter(NullFormatter())
        axes.plot(
            rows[across], np.full(len(rows), 0.012), "|", color="black", markersize=7,
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip
        count = rows[across].nunique()
        axes.set_title(
            f"{style.short(str(name), 20)}: {len(rows)} trials\n{count} values of the first axis"
        )
        axes.set_xlabel(label(across))
    grid[0].set_ylabel(label(up))
    figure.colorbar(drawn, ax=list(grid), label="validation error", extend="max")
    caption = f"Each mark is a trial, the darker the better; crosses diverged. Ticks: values tried. {note}"
    return style.finish(figure, caption)
