"""An optimizer's default, carried-over and tuned setting: a row an optimizer, a marker a setting.

Drawn from the table of `analysis.untuned.untuned`.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.names import name, quantity
from harness.analysis.untuned import CAPTION, CARRIED, DEFAULT, TUNED
from harness.figures import style
from harness.figures.axes import error_axis

LOOKS = {DEFAULT: ("#a50026", "s"), CARRIED: ("#8c8c8c", "^"), TUNED: ("#0072b2", "o")}


def draw(frame: pd.DataFrame, unit: str = "", note: str = "") -> Figure:
    """A panel a workload, the optimizer that ends best when tuned on top.

    Args:
        unit: of the errors, the table's ``metric``.
    """
    workloads = list(dict.fromkeys(frame["workload"]))
    most = frame.groupby("workload")["optimizer"].nunique().max()
    figure = style.canvas(4.6 * len(workloads) + 0.6, 0.2 * most + 0.8)
    panels = figure.subplots(1, len(workloads), squeeze=False)[0]
    for axes, workload in zip(panels, workloads, strict=True):
        own = frame[frame["workload"] == workload]
        tuned = own[own["setting"] == TUNED].sort_values("test_mean", kind="stable")
        rows = {optimizer: place for place, optimizer in enumerate(tuned["optimizer"])}
        for setting, (colour, marker) in LOOKS.items():
            some = own[(own["setting"] == setting) & own["optimizer"].isin(rows)]
            some = some[some["test_mean"].notna()]
            heights = some["optimizer"].map(rows)
            axes.hlines(
                heights,
                some["test_low"].clip(lower=some["test_mean"] / 10),
                some["test_high"],
                color=colour,
            )
            whole = some["diverged"] == 0
            for which, inside in ((whole, colour), (~whole, "white")):
                axes.plot(
                    some["test_mean"][which],
                    heights[which],
                    marker,
                    color=colour,
                    markerfacecolor=inside,
                    linestyle="none",
                )
        axes.set_yticks(list(rows.values()), [style.short(name(each)) for each in rows])
        axes.invert_yaxis()
        error_axis(axes, own["test_mean"], own["test_high"], which="x")
        axes.set_xlabel(quantity("test_error", unit).capitalize())
        axes.set_title(workload)
    handles = [
        Line2D([], [], color=colour, marker=marker, label=setting)
        for setting, (colour, marker) in LOOKS.items()
        if setting in set(frame["setting"])
    ]
    return style.finish(figure, f"{CAPTION} {note}".strip(), handles)
