"""Error against delay, an optimizer a line: drawn from the table of `analysis.delays`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.markers import CARETUPBASE

from harness.analysis.names import optimizer_order, quantity
from harness.figures import style
from harness.figures.axes import error_axis


def draw(table: pd.DataFrame, metric: str = "val_error", unit: str = "") -> Figure:
    """A panel a workload."""
    workloads = list(table["workload"].unique())
    figure = style.canvas(5.4 * len(workloads) + 0.3, 3.8)
    for axes, workload in zip(
        figure.subplots(1, len(workloads), squeeze=False)[0], workloads, strict=True
    ):
        _panel(axes, table[table["workload"] == workload])
        axes.set(
            title=workload, xlabel="delay (steps)", ylabel=f"{quantity(metric, unit)}, best of K"
        )
    ks = sorted(table["budget_trials"].unique())
    told = f"{ks[0]}" if len(ks) == 1 else f"{ks[0]} to {ks[-1]}"
    caption = (
        f"Every optimizer tuned anew at every delay: the median best of K = {told} of the trials there, every"
        " trial counted, and its 90 % interval, an arrow where that has no upper end. Delay 0: one worker."
    )
    return style.finish(figure, caption, style.legend_handles(table["optimizer"].unique()))


def _panel(axes: Axes, table: pd.DataFrame) -> None:
    places = {each: place for place, each in enumerate(sorted(table["delay"].unique()))}
    optimizers = optimizer_order(table["optimizer"])
    shown = table[np.isfinite(table["median"])]
    for nth, (optimizer, look) in enumerate(style.looks(optimizers).items()):
        own = shown[shown["optimizer"] == optimizer]
        x = own["delay"].map(places) + 0.07 * (nth - (len(optimizers) - 1) / 2)
        middle = own["median"].to_numpy(float)
        low = np.where(np.isfinite(own["low"]), own["low"], own["best"])
        open_end = ~np.isfinite(
            own["high"].to_numpy(float)
        )  # more diverged than the interval leaves out
        high = np.where(open_end, middle, own["high"])
        axes.errorbar(
            x, middle, yerr=np.maximum(0, [middle - low, high - middle]), color=look.colour,
            marker=look.marker, elinewidth=1,
        )  # fmt: skip
        axes.plot(
            x[open_end], middle[open_end], linestyle="", marker=CARETUPBASE, color=look.colour
        )
    error_axis(axes, *(shown[name].to_numpy(float) for name in ("median", "low", "high")))
    axes.set_xticks(range(len(places)), labels=[f"{each:g}" for each in places])
