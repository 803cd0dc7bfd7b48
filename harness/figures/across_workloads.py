"""Several workloads together: who wins, mean ranks and what one workload decides, the performance profile.

Drawn from the tables of `analysis.across_workloads` and `analysis.performance_profile`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from harness.analysis.across_workloads import of_all
from harness.analysis.names import name, optimizer_order
from harness.analysis.pairs import both_ways
from harness.figures import style


def draw_wins(pairs: pd.DataFrame, note: str = "") -> Figure:
    """A matrix: how often the row's best of K is under the column's, over all workloads."""
    mean = of_all(pairs).assign(trials_a=0, trials_b=0)
    seen = both_ways(mean).set_index(["a", "b"])
    names = optimizer_order(seen.index.get_level_values("a"))
    size = len(names)
    figure = style.canvas(1.2 + 0.95 * size, 0.8 + 0.62 * size)
    axes = figure.subplots()
    axes.grid(False)
    wins = np.array([[seen["win"].get((a, b), np.nan) for b in names] for a in names])
    axes.imshow(wins, cmap="PuOr", vmin=0, vmax=1, aspect="auto", alpha=0.75)
    for row, a in enumerate(names):
        for column, b in enumerate(names):
            if a != b:
                each = seen.loc[(a, b)]
                words = f"{each['win']:.0%}\n{100 * each['win_low']:.0f}–{each['win_high']:.0%}"
                strong = abs(each["win"] - 0.5) > 0.38
                axes.text(
                    column, row, words, ha="center", va="center", fontsize=7.5, linespacing=1.25,
                    color="white" if strong else "black",
                )  # fmt: skip
    labels = [style.short(name(each), 20) for each in names]
    axes.set_xticks(range(size), labels=labels)
    axes.set_yticks(range(size), labels=labels)
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    for side in axes.spines.values():
        side.set_visible(False)
    first = mean.iloc[0]
    caption = (
        f"How often the row's best of K = {first['budget_trials']} beats the column's, mean over"
        f" {first['workloads']} workloads of one vote each; below, its 95% interval with workloads as the unit,"
        f" each by itself. {note}"
    )
    return style.finish(figure, caption)


def draw_ranks(ranks: pd.DataFrame, note: str = "") -> Figure:
    """Mean ranks with intervals and each workload's own; beside, the means with each workload left out."""
    whole = of_all(ranks).sort_values("mean_rank", kind="stable")
    order = list(whole["optimizer"])
    looks = style.looks(order)
    left_out = [each for each in dict.fromkeys(ranks["without"]) if each]
    height = 0.9 + 0.34 * len(order)
    figure = style.canvas(8.2, max(height, 3.2))
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    own = ranks[ranks["workload"] != ""]
    for place, optimizer in enumerate(order):
        row = whole[whole["optimizer"] == optimizer].iloc[0]
        look = looks[optimizer]
        left.plot([row["rank_low"], row["rank_high"]], [place] * 2, color=look.colour)
        each = own.loc[own["optimizer"] == optimizer, "mean_rank"]
        left.plot(each, [place] * len(each), "|", color="#555555", markersize=7, alpha=0.8)
        left.plot(row["mean_rank"], place, look.marker, color=look.colour, markersize=6)
        _left_out(right, ranks, optimizer, left_out, look)
    left.set_yticks(range(len(order)), labels=[style.short(name(each), 20) for each in order])
    left.set_ylim(len(order) - 0.5, -0.5)
    left.set_xlim(0.8, len(order) + 0.2)
    left.set_xlabel("expected rank (1 is best)")
    right.set_xticks(
        range(len(left_out) + 1),
        labels=["all", *(f"without\n{style.short(each, 18)}" for each in left_out)],
        rotation=35, ha="right", rotation_mode="anchor", fontsize=7.5,
    )  # fmt: skip
    right.invert_yaxis()
    right.set_ylabel("mean rank")
    first = whole.iloc[0]
    caption = (
        f"Expected rank when each optimizer is tuned with K = {first['budget_trials']} trials: mean over"
        f" {first['workloads']} workloads, its 95% interval with workloads as the unit (line), each workload's"
        f" (strokes). Right: the mean with each workload left out; lines that cross change the order. {note}"
    )
    return style.finish(figure, caption, style.legend_handles(order))


def _left_out(
    axes: Axes, ranks: pd.DataFrame, optimizer: str, left_out: list[str], look: style.Look
) -> None:
    own = ranks[(ranks["optimizer"] == optimizer) & (ranks["workload"] == "")]
    means = own.set_index("without")["mean_rank"]
    shown = [means[each] for each in ("", *left_out)]
    axes.plot(range(len(shown)), shown, color=look.colour, marker=look.marker)


def draw_profile(profile: pd.DataFrame, note: str = "") -> Figure:
    """The share of workloads solved within τ times the fastest's steps, an optimizer a line of steps."""
    figure = style.canvas(7.2, 3.6)
    axes = figure.subplots()
    order = optimizer_order(profile["optimizer"])
    most = max(2.0, 1.15 * float(profile["tau"].max()))
    for place, (optimizer, look) in enumerate(style.looks(order).items()):
        own = profile[profile["optimizer"] == optimizer].sort_values("tau")
        apart = 0.008 * (place - (len(order) - 1) / 2)  # lines that lie on each other, side by side
        tau = [*own["tau"], most]
        share = [*own["share"], own["share"].iloc[-1]]
        axes.step(tau, np.array(share) + apart, where="post", color=look.colour)
        rises = own[own["share"].diff().fillna(own["share"]) > 0]
        axes.plot(rises["tau"], rises["share"] + apart, look.marker, color=look.colour)
    axes.set_xscale("log", base=2)
    axes.set_xlim(0.96, most)
    axes.set_ylim(-0.05, 1.05)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    axes.set_xlabel("τ: steps to target, over the fastest optimizer's")
    axes.set_ylabel("workloads solved within τ")
    return style.finish(figure, note, style.legend_handles(order))
