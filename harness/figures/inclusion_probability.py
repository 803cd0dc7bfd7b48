"""The chance that the general optimizer wins against the budget, with the range of two identical ones."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.inclusion_verdicts import probabilities, verdicts
from harness.analysis.table import Studies
from harness.analysis.tuning_curves import doubling
from harness.figures import style
from harness.figures.budget_curves import BEYOND

KEYS = ["workload", "special", "general"]


def data(
    trials: pd.DataFrame,
    metric: str = "val_error",
    *,
    max_budget: int | None = None,
    studies: Studies | None = None,
) -> pd.DataFrame:
    """The rows of `inclusion_verdicts.probabilities` with the edge's ``verdict`` and where it was decided."""
    decided = verdicts(trials, metric, studies=studies)[[*KEYS, "verdict", "budget_trials"]]
    most = max_budget or int(trials.groupby(["workload", "optimizer"]).size().max())
    budgets = sorted({*doubling(most), *decided["budget_trials"]} - {0})
    chances = probabilities(trials, metric, budgets, studies=studies)
    return chances.merge(decided.rename(columns={"budget_trials": "decided_at"}), on=KEYS)


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """A row a workload, a column an inclusion."""
    workloads = list(frame["workload"].unique())
    edges = list(frame[["special", "general"]].drop_duplicates().itertuples(index=False, name=None))
    figure = style.canvas(max(4.6, 2.0 * len(edges) + 0.5), 2.2 * len(workloads) + 0.3)
    grid = figure.subplots(len(workloads), len(edges), squeeze=False, sharey=True)
    for workload, line in zip(workloads, grid, strict=True):
        for (special, general), axes in zip(edges, line, strict=True):
            rows = frame[
                (frame["workload"] == workload)
                & (frame["special"] == special)
                & (frame["general"] == general)
            ]
            axes.set_title(f"{style.name(special)} ⊆ {style.name(general)}")
            if rows.empty:
                style.empty_panel(axes, "not run")
            else:
                _draw_panel(axes, rows)
        line[0].set_ylabel(f"{style.short(workload, 24)}\nP(general better)", linespacing=1.6)
    caption = (
        "Chance that the more general optimizer, tuned with K trials, ends under the special one, ties counted"
        " half. Shaded: where identical optimizers would lie (null range); a point under it, at the K marked"
        f" by the dotted line, contradicts the inclusion. Dashed beyond K = N/5. {note}"
    )
    return style.finish(figure, caption)


def _draw_panel(axes: Axes, rows: pd.DataFrame) -> None:
    look = style.looks(rows["general"])[rows["general"].iloc[0]]
    k, p = rows["budget_trials"], rows["superiority"]
    last = int(rows["trusted"].sum())
    axes.fill_between(
        k, rows["null_low"], rows["null_high"], color="#bbbbbb", alpha=0.45, linewidth=0
    )
    axes.axhline(0.5, color="#999999", linewidth=0.7)
    axes.plot(k[:last], p[:last], "-", color=look.colour, marker=look.marker)
    beyond = slice(max(last - 1, 0), None)
    axes.plot(k[beyond], p[beyond], linestyle=BEYOND, color=look.colour)
    axes.plot(k[last:], p[last:], look.marker, color=look.colour, markerfacecolor="white")
    axes.axvline(rows["decided_at"].iloc[0], color="#444444", linewidth=0.8, linestyle=":")
    style.budget_axis(axes, k.max(), few=True)
    axes.set(ylim=(-0.03, 1.03), xlabel=f"K\n{rows['verdict'].iloc[0]}")
