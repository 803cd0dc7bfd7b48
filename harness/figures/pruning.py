"""Tuning curves of a pruned sweep: the median best of K with its interval, a panel a workload.

Drawn from the table of `analysis.censored.tuning_curves`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from harness.figures import lines, style
from harness.figures.axes import between_groups, budget_axis, error_axis

ACROSS = 3


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """A panel a workload, budgets at which half of the searches select a trial that was seen."""
    workloads = list(frame["workload"].unique())
    across = min(ACROSS, len(workloads))
    down = -(-len(workloads) // across)
    figure = style.canvas(max(3.6 * across, 5.0), 3.0 * down + 0.35)
    panels = figure.subplots(down, across, squeeze=False)
    looks = style.looks(frame["optimizer"])
    for axes, workload in zip(panels.flat, workloads, strict=False):
        here = frame[(frame["workload"] == workload) & np.isfinite(frame["p50"])]
        for optimizer, rows in here.groupby("optimizer", sort=False):
            look = looks[str(optimizer)]
            k, median = rows["budget_trials"].to_numpy(), rows["p50"].to_numpy()
            low = np.where(np.isfinite(rows["median_low"]), rows["median_low"], median)
            high = np.where(np.isfinite(rows["median_high"]), rows["median_high"], median)
            axes.fill_between(k, low, high, color=look.colour, alpha=0.12, linewidth=0)
            lines.line(axes, rows, "p50", look)
        budget_axis(axes, here["budget_trials"].max(), few=across > 1)
        error_axis(axes, here["p50"], here["median_low"], here["median_high"])
        axes.set(title=style.short(workload), xlabel="tuning budget K (trials started)")
    for axes in panels.flat[len(workloads) :]:
        axes.remove()
    panels[0, 0].set_ylabel("median validation error of the best of K")
    caption = (
        "Pruned trials count as worse than those that passed. Shaded: 90% interval of the median, its lower"
        " end lowered by what the audit says was lost; none is drawn where it is not known. Dashed beyond"
        f" K = N/5. {note}"
    )
    return style.finish(figure, caption, style.legend_handles(frame["optimizer"]))


def draw_benchmark(frame: pd.DataFrame, policy: str) -> Figure:
    """The error of pruned searches over that of full ones, a row a pair: of one policy, and of auto.

    Drawn from the table of `scripts/benchmark_pruning.py`.
    """
    order = frame[frame["policy"] == "auto"].iloc[::-1]  # as they come, from the top
    names = order["pair"].tolist()
    figure = style.canvas(8.0, 0.19 * len(names) + 1.2)
    both = figure.subplots(1, 2, sharey=True)
    for axes, statistic in zip(both, ("mean", "median"), strict=True):
        for own, colour, marker in ((policy, "#6e6e6e", "o"), ("auto", "#d55e00", "D")):
            rows = frame[frame["policy"] == own].set_index("pair").reindex(names)
            axes.plot(
                rows[f"{statistic}_error"], range(len(names)), marker, color=colour, markersize=3.5,
                label="auto" if own == "auto" else own,
            )  # fmt: skip
        axes.axvline(1.0, color="black", linewidth=0.8)
        axes.set_xscale("log")
        axes.set(xlabel="squared error, pruned / full", title=f"{statistic} of the best of 16")
        axes.set_xticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
        axes.minorticks_off()
    both[0].set_yticks(range(len(names)), names, fontsize=6)
    both[0].legend(fontsize=7)
    groups = order["group"].tolist()
    between_groups(both, groups)
    caption = (
        "At equal training steps; left of 1 pruned searches know more. Between dotted lines, from the top:"
        f" {', '.join(dict.fromkeys(reversed(groups)))}."
    )
    return style.finish(figure, caption)
