"""The chance that the general optimizer wins against the budget, with the range of two identical ones.

Drawn from the table of `analysis.inclusion_verdicts.against_budget`.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.counting import noun
from harness.analysis.names import name
from harness.figures import style
from harness.figures.axes import budget_axis
from harness.figures.lines import line as draw_line


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """A row a workload, a column an inclusion."""
    workloads = list(frame["workload"].unique())
    edges = list(frame[["special", "general"]].drop_duplicates().itertuples(index=False, name=None))
    figure = style.canvas(max(4.6, 2.0 * len(edges) + 0.5), 2.2 * len(workloads) + 0.3)
    grid = figure.subplots(len(workloads), len(edges), squeeze=False, sharey=True)
    for workload, row in zip(workloads, grid, strict=True):
        for (special, general), axes in zip(edges, row, strict=True):
            rows = frame[
                (frame["workload"] == workload)
                & (frame["special"] == special)
                & (frame["general"] == general)
            ]
            axes.set_title(f"{name(special)} ⊆ {name(general)}")
            if rows.empty:
                style.empty_panel(axes, "not run")
            else:
                _draw_panel(axes, rows)
        row[0].set_ylabel(f"{style.short(workload, 24)}\nP(general better)", linespacing=1.6)
    caption = (
        f"Chance that the more general optimizer, tuned with K {noun(frame)}, ends under the special one,"
        " ties counted half. Shaded: where identical optimizers would lie (null range); a point under"
        " it, at the K marked by the dotted line, contradicts the inclusion. Dashed beyond K = N/5."
        f" {note}"
    )
    return style.finish(figure, caption)


def _draw_panel(axes: Axes, rows: pd.DataFrame) -> None:
    look = style.looks(rows["general"])[rows["general"].iloc[0]]
    k = rows["budget_trials"]
    axes.fill_between(
        k, rows["null_low"], rows["null_high"], color="#bbbbbb", alpha=0.45, linewidth=0
    )
    axes.axhline(0.5, color="#999999", linewidth=0.7)
    draw_line(axes, rows, "superiority", look)
    axes.axvline(rows["decided_at"].iloc[0], color="#444444", linewidth=0.8, linestyle=":")
    budget_axis(axes, k.max(), few=True)
    axes.set(ylim=(-0.03, 1.03), xlabel=f"K\n{rows['verdict'].iloc[0]}")
