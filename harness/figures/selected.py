"""Figures 1, 2, 9 and 10: the selected trial of each optimizer at one budget, a column a workload.

Drawn from the tables of `analysis.selected` (1, 9) and `analysis.targets` (2, 10).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from harness.analysis.cells import count_range, drawn
from harness.analysis.counting import centre, middle, noun
from harness.analysis.names import measured, name, optimizer_order, quantity
from harness.figures import style
from harness.figures.axes import error_axis
from harness.figures.lines import BEYOND, OUT_OF_SIGHT
from harness.study.result import GRADIENTS, SECONDS, STEPS


def marks(frame: pd.DataFrame) -> str:
    """What is drawn of a cell, for a caption."""
    return (
        f"{middle(frame)} (marker), band (bar: 5th to 95th percentile of tuning runs; open where K > N/20) and"
        " 90% interval of the median (black, capped; only of what selects); hollow where K > N/5."
    )


SPENT = {
    STEPS: "Steps",
    GRADIENTS: "Gradients evaluated",
    SECONDS: "Seconds in training steps (evaluations left out)",
}


def draw_errors(frame: pd.DataFrame, note: str = "") -> Figure:
    """Figures 1 and 9: a row a metric, a column a workload."""
    metrics, workloads = (list(frame[name].unique()) for name in ("metric", "workload"))
    figure, grid = _grid(frame, len(metrics), len(workloads))
    for row, metric in enumerate(metrics):
        for column, workload in enumerate(workloads):
            axes = grid[row, column]
            rows = frame[(frame["metric"] == metric) & (frame["workload"] == workload)]
            draw_panel(axes, rows)
            if row == 0:
                axes.set_title(f"{style.short(workload, 30)}\n{budget_words(rows)}")
            label = quantity(metric, rows["unit"].iloc[0])
            selected = "selected" if frame["select_by"].iloc[0] == metric else "at that trial"
            axes.set_ylabel(f"{label}\n({selected})")
    by = measured(frame["select_by"].iloc[0], frame["unit"])
    words = f"Of the trial with the lowest {by} among K {_ones(frame)}"
    return style.finish(figure, f"{words}: {marks(frame)} {note}")


def draw_steps(frame: pd.DataFrame, note: str = "") -> Figure:
    """Figure 2: a column a workload."""
    workloads = list(frame["workload"].unique())
    figure, grid = _grid(frame, 1, len(workloads))
    for axes, workload in zip(grid[0], workloads, strict=True):
        rows = frame[frame["workload"] == workload]
        draw_panel(axes, rows)
        _as_fine_as_evaluated(axes, rows)
        axes.set_ylabel(quantity(frame["metric"].iloc[0]))
        aim = rows["target"].max()
        axes.set_title(f"{style.short(workload, 30)}, target {aim:g}\n{budget_words(rows)}", pad=13)
    words = (
        f"{SPENT[frame['against'].iloc[0]]} until the {measured('val_error', frame['unit'])} reaches the target, of the one that"
        f" needs least among K {noun(frame)}"
    )
    percent = "A percentage is the share of tuning runs that reach it, where not all do."
    return style.finish(figure, f"{words}: {marks(frame)} {percent} {note}")


def draw_targets_and_budgets(frame: pd.DataFrame, note: str = "") -> Figure:
    """Figure 10, of one workload: a row a step budget, a column a target."""
    shares, factors = (
        sorted(frame[n].dropna().unique(), reverse=r)
        for n, r in (("step_share", True), ("target_factor", False))
    )
    figure, grid = _grid(frame, len(shares), len(factors))
    for row, share in enumerate(shares):
        for column, factor in enumerate(factors):
            axes = grid[row, column]
            rows = frame[(frame["step_share"] == share) & (frame["target_factor"] == factor)]
            draw_panel(axes, rows)
            _as_fine_as_evaluated(axes, rows)
            if row == 0:
                axes.set_title(f"target {rows['target'].max():.3g}", pad=13)
            if column == 0:
                what = quantity(frame["metric"].iloc[0])
                noun_of = what.partition(" to ")[0].removeprefix("training ")
                axes.set_ylabel(f"{what}\n(first {rows['max_steps'].max():.4g} {noun_of})")
    words = (
        f"{frame['workload'].iloc[0]}: {quantity(frame['metric'].iloc[0])} of the one that needs least among"
        f" K {noun(frame)}, for several targets (columns) and with only the first part of the training"
        " counted (rows)"
    )
    return style.finish(figure, f"{words}; {budget_words(frame)}: {marks(frame)} {note}")


def _as_fine_as_evaluated(axes: Axes, rows: pd.DataFrame) -> None:
    """No finer than evaluations are apart: less is no difference."""
    low, high = axes.get_ylim()
    missing = rows["first_step"].max() * 2 - (high - low)
    if (rows["missing"] == "").any() and missing > 0:
        axes.set_ylim(max(0.0, low - missing / 2), high + missing / 2)


def _grid(frame: pd.DataFrame, rows: int, columns: int) -> tuple[Figure, np.ndarray]:
    count = frame["optimizer"].nunique()
    figure = style.canvas(max(4.4, columns * max(2.0, 0.42 * count + 0.8)), 2.35 * rows + 0.35)
    return figure, figure.subplots(rows, columns, squeeze=False, sharex=True)


def budget_words(rows: pd.DataFrame) -> str:
    k = rows["budget_trials"].max()
    return (
        f"K = {0 if pd.isna(k) else int(k)}, N = {count_range(rows['trials'][rows['trials'] > 0])}"
    )


def _ones(frame: pd.DataFrame) -> str:
    return noun(frame).replace("feasible trials", "feasible ones")


def draw_panel(axes: Axes, rows: pd.DataFrame) -> None:
    """One optimizer beside the other: marker, bar of spread, capped interval; a word where missing."""
    optimizers = optimizer_order(rows["optimizer"])
    looks = style.looks(optimizers)
    for row in rows.to_dict("records"):
        place = optimizers.index(row["optimizer"])
        if row["missing"]:
            axes.text(
                place, 0.5, row["missing"], transform=axes.get_xaxis_transform(), rotation=90,
                ha="center", va="center", fontsize=7.5, color="#888888", style="italic",
            )  # fmt: skip
        else:
            _draw_cell(axes, place, row, row[centre(rows)], looks[row["optimizer"]])
    axes.grid(axis="x", visible=False)
    axes.set_xlim(-0.6, len(optimizers) - 0.4)
    axes.set_xticks(range(len(optimizers)), [style.short(name(o), 20) for o in optimizers])
    axes.tick_params(axis="x", rotation=35 if len(optimizers) > 3 else 0, length=0)
    for label in axes.get_xticklabels():
        if len(optimizers) > 3:
            label.set(ha="right", rotation_mode="anchor")
    if len(drawn(rows)):
        scale(axes, drawn(rows))
    else:
        axes.tick_params(axis="y", length=0, labelleft=False)


def scale(axes: Axes, rows: pd.DataFrame) -> None:
    """The vertical axis that holds the marks of these rows."""
    columns = (centre(rows), "p05", "p95", "median_low", "median_high")
    error_axis(axes, *(rows[name].astype(float) for name in columns))


def _draw_cell(axes: Axes, place: int, row: dict[str, Any], mark: float, look: style.Look) -> None:
    if np.isfinite(row["p05"]):
        top = row["p95"] if np.isfinite(row["p95"]) else OUT_OF_SIGHT
        if row["band_trusted"]:
            axes.plot(
                [place, place], [row["p05"], top], color=look.colour, alpha=0.3, linewidth=9,
                solid_capstyle="butt",
            )  # fmt: skip
        else:
            _open_bar(axes, place, row["p05"], top, look)
    axes.plot(
        place, mark, look.marker, color=look.colour, markersize=6, markeredgecolor=look.colour,
        markerfacecolor=look.colour if row["trusted"] else "white",
    )  # fmt: skip
    if np.isfinite(row["median_low"]) and np.isfinite(row["median_high"]):
        lengths = [[max(row["p50"] - row["median_low"], 0)], [max(row["median_high"] - row["p50"], 0)]]  # fmt: skip
        beside = axes.transData + ScaledTranslation(8.5 / 72, 0, axes.figure.dpi_scale_trans)
        axes.errorbar(
            place, row["p50"], yerr=lengths, fmt="_", color="#222222", markersize=3, elinewidth=0.9,
            capsize=2, capthick=0.9, transform=beside,
        )  # fmt: skip
    share = row.get("share_reached", 1.0)
    if np.isfinite(share) and share < 0.995:
        axes.text(
            place, 1.0, f"{share:.0%}", transform=axes.get_xaxis_transform(), ha="center",
            va="bottom", fontsize=7, color="#444444",
        )  # fmt: skip


def _open_bar(axes: Axes, place: int, low: float, high: float, look: style.Look) -> None:
    """The band where N trials don't vouch for its lower end: pale, dashed, and open below."""
    for side in (-4.5, 4.5):
        beside = axes.transData + ScaledTranslation(side / 72, 0, axes.figure.dpi_scale_trans)
        axes.plot(
            [place, place], [low, high], linestyle=BEYOND, color=look.colour, linewidth=0.8,
            transform=beside,
        )  # fmt: skip
    axes.plot(
        [place, place],
        [low, high],
        color=look.colour,
        alpha=0.12,
        linewidth=9,
        solid_capstyle="butt",
    )
