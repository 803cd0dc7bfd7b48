"""How the ranking moves when search spaces are narrowed: a column a variant, a line an optimizer.

Drawn from ``means`` of `analysis.subspaces.sensitivity`.
"""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis import confidence
from harness.analysis.counting import middle, noun
from harness.analysis.names import optimizer_order
from harness.figures import style
from harness.figures.axes import error_axis


def draw(means: pd.DataFrame, note: str = "") -> Figure:
    """A panel a workload."""
    workloads = list(means["workload"].unique())
    columns = int(means.groupby("workload")["variant"].nunique().max())
    figure = style.canvas(1.0 * columns + 1.2, 3.3 * len(workloads))
    panels = figure.subplots(len(workloads), 1, squeeze=False)[:, 0]
    for workload, axes in zip(workloads, panels, strict=True):
        draw_panel(axes, means[means["workload"] == workload])
        axes.set_ylabel(
            f"{style.short(str(workload), 26)}\nbest of {_budget(means)}, {middle(means)}"
        )
    caption = (
        f"{middle(means).capitalize()} of the best of {_budget(means)} {noun(means)} on the spaces as they were"
        " run (left) and on parts of them: each axis halved towards its good region, the schedule fixed, the"
        " learning rate alone, one range of effective rates for all. A region is chosen by the trials it is judged by. Hollow: fewer than"
        f" {confidence.TRUSTED_SHARE * _budget(means)} trials. Lines that cross say that the spaces decide. {note}"
    )
    return style.finish(figure, caption, style.legend_handles(means["optimizer"].unique()))


def _budget(means: pd.DataFrame) -> int:
    return int(means["budget_trials"].iloc[0])


def draw_panel(axes: Axes, means: pd.DataFrame) -> None:
    """One workload."""
    names = list(means["variant"].unique())
    optimizers = optimizer_order(means["optimizer"])
    looks = style.looks(optimizers)
    least = confidence.TRUSTED_SHARE * _budget(means)
    for place, optimizer in enumerate(optimizers):
        own = means[means["optimizer"] == optimizer].set_index("variant").reindex(names)
        x = np.arange(len(names)) + 0.06 * (place - (len(optimizers) - 1) / 2)
        look = looks[optimizer]
        axes.plot(x, own["mean"], "-", color=look.colour, linewidth=0.9, alpha=0.7)
        for few, face in ((False, look.colour), (True, "white")):
            shown = (own["trials"] < least).to_numpy() == few
            axes.plot(
                x[shown], own["mean"][shown], look.marker, color=look.colour, markerfacecolor=face
            )
    axes.axvline(0.5, color="#bbbbbb", linewidth=0.8)
    axes.set_xticks(range(len(names)), [textwrap.fill(name, 11) for name in names])
    error_axis(axes, means["mean"])
