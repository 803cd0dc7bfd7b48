"""Speed and error of processes that train one model at once, against their number."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.hogwild import summary
from harness.figures import style

LOOKS = {
    False: ("without a lock (Hogwild!)", "#0072b2", "o"),
    True: ("a lock a step", "#d55e00", "s"),
}


def draw(runs: pd.DataFrame) -> Figure:
    """A row a run in, three panels out: every run a dot, a line through the medians."""
    figure = style.canvas(9.6, 3.0)
    panels = figure.subplots(1, 3)
    columns = {
        "examples_per_second": "examples a second", "examples_per_cpu_second": "examples a CPU second",
        "test_error": "test error",
    }  # fmt: skip
    medians = summary(runs)
    for axes, (column, label) in zip(panels, columns.items(), strict=True):
        for locked, (_, colour, marker) in LOOKS.items():
            own = runs[runs["locked"] == locked]
            middle = medians[medians["locked"] == locked]
            axes.plot(own["workers"], own[column], marker, color=colour, markersize=3, alpha=0.5)
            axes.plot(middle["workers"], middle[column], color=colour)
        axes.set(xlabel="processes", ylabel=label)
        axes.set_xscale("log", base=2)
        counts = sorted(runs["workers"].unique())
        axes.set_xticks(counts, labels=[str(each) for each in counts])
        axes.minorticks_off()
    for axes in panels[:2]:
        axes.set_ylim(bottom=0)
    repeats = runs["repeat"].nunique()
    caption = (
        "Logistic regression on hashed text features, one example a step, by real processes on shared"
        f" memory; {repeats} runs of each, lines through the medians. All see every example as often. Examples a second"
        " are those of all processes on this machine under its load; a CPU second is one of any of them."
    )
    handles = [
        Line2D([], [], color=colour, marker=marker, label=label)
        for label, colour, marker in LOOKS.values()
    ]
    return style.finish(figure, caption, handles)
