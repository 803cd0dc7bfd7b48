"""Learning curves of the trials that tuning selects: the best one, and the spread over tuning runs.

Drawn from the table of `analysis.learning_curves`.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.cells import count_range, drawn
from harness.analysis.names import measured, name, optimizer_order, quantity
from harness.figures import style
from harness.figures.axes import beyond, error_axis, top


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """A row a workload, a panel an optimizer, over the best curves of the others in grey."""
    workloads = list(frame["workload"].unique())
    optimizers = optimizer_order(frame["optimizer"].unique())
    figure = style.canvas(1.75 * len(optimizers) + 0.8, 2.1 * len(workloads) + 0.3)
    grid = figure.subplots(
        len(workloads), len(optimizers), squeeze=False, sharex="row", sharey="row"
    )
    looks = style.looks(optimizers)
    far: list[str] = []
    for workload, line in zip(workloads, grid, strict=True):
        here = frame[frame["workload"] == workload]
        for optimizer, axes in zip(optimizers, line, strict=True):
            rows = here[here["optimizer"] == optimizer]
            axes.set_title(style.short(name(optimizer), 20))
            if rows["missing"].iloc[0]:
                style.empty_panel(axes, rows["missing"].iloc[0])
            else:
                draw_panel(axes, rows, here, looks[optimizer])
        metric = quantity(frame["metric"].iloc[0], here["unit"].iloc[0])
        line[0].set_ylabel(f"{style.short(workload, 24)}\n{metric}")
        shown = drawn(here)
        if len(shown):
            columns = [shown[name] for name in ("p95", "best", "p05")]
            end = top(*columns)
            error_axis(line[0], *columns, end=end)
            far.append(beyond(end, {"upper edges": shown["p95"], "points of lines": shown["best"]}))
    budget = count_range(frame["budget_trials"])
    caption = (
        f"{measured('val_error', frame['unit']).capitalize()} during training. Line: the best trial of all. Shaded: 5th to 95th percentile over tuning"
        f" runs, of the curve of the trial that K = {budget} feasible trials select. Grey: the best trials"
        f" of the other optimizers. {' '.join(filter(None, far))} {note}"
    )
    return style.finish(figure, caption)


def draw_panel(axes: Axes, rows: pd.DataFrame, on_workload: pd.DataFrame, look: style.Look) -> None:
    """One optimizer's best curve and spread."""
    for _, other in drawn(on_workload).groupby("optimizer"):
        axes.plot(other["spent"], other["best"], color="#c4c4c4", linewidth=0.8, zorder=1)
    spent = rows["spent"].to_numpy(float)
    axes.fill_between(spent, rows["p05"], rows["p95"], color=look.colour, alpha=0.25, linewidth=0)
    axes.plot(
        spent, rows["best"], color=look.colour, marker=look.marker, markersize=3.5,
        markevery=max(1, len(rows) // 6),
    )  # fmt: skip
    axes.set_xlabel(quantity(rows["against"].iloc[0]))
