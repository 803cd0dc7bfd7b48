"""The chance that the general optimizer wins against the budget, with its interval.

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
from harness.figures.lines import whiskers


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
            if rows["superiority"].isna().all():
                style.empty_panel(axes, rows["verdict"].iloc[0] if len(rows) else "not run")
            else:
                _draw_panel(axes, rows)
        row[0].set_ylabel(f"{style.short(workload, 24)}\nP(general better)", linespacing=1.6)
    caption = (
        f"Chance that the more general optimizer, tuned with K {noun(frame)}, ends under the special one,"
        " ties counted half, up to K = N/5. Whiskers: 90% intervals by the paired test, each at its budget"
        " alone. The inclusion is decided at the K marked by the dotted line, adjusted for all inclusions"
        f" of the workload. {note}"
    )
    return style.finish(figure, caption)


def _draw_panel(axes: Axes, rows: pd.DataFrame) -> None:
    look = style.looks(rows["general"])[rows["general"].iloc[0]]
    k = rows["budget_trials"]
    axes.axhline(0.5, color="#999999", linewidth=0.7)
    draw_line(axes, rows.assign(trusted=True), "superiority", look)
    whiskers(axes, rows, look, ("superiority", "superiority_low", "superiority_high"))
    axes.axvline(rows["decided_at"].iloc[0], color="#444444", linewidth=0.8, linestyle=":")
    budget_axis(axes, k.max(), few=True)
    axes.set(ylim=(-0.03, 1.03), xlabel=f"K\n{rows['verdict'].iloc[0]}")
