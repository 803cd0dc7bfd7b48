"""Figures 1, 2, 9 and 10: the selected trial of each optimizer at one budget, a column a workload.

Figure 1 gives its validation error and, under it, the test error of that same trial; Figure 9 the
same with the lowest training loss selecting; Figure 2 the steps it takes to reach a target error,
and Figure 10 those steps for several targets and step budgets. The budget is that of
`cells.comparison_budget`, the same for all optimizers of a workload.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from harness.analysis import table
from harness.analysis.cells import (
    cells,
    comparison_budget,
    count_range,
    evaluated_once,
    trusted,
)
from harness.analysis.table import Studies, TableError
from harness.analysis.tuning_curves import tuning_curves, with_steps_to_target
from harness.figures import style

STEPS = "steps_to_target"
TARGET_FACTORS = (0.5, 0.75, 1.0, 1.25, 1.5)
STEP_SHARES = (1.0, 0.5, 0.25)
KEYS = ["workload", "optimizer"]
NEVER = "target never reached"
UNSEEN = "not evaluated so early"
MARKS = (
    "mean (marker), 5th to 95th percentile of tuning runs (bar: spread) and 90% interval of the median"
    " (black, capped: confidence; only of what selects); hollow where K > N/5."
)


def errors(
    trials: pd.DataFrame,
    select_by: str = "val_error",
    metrics: Sequence[str] = ("val_error", "test_error"),
    *,
    max_budget: int | None = None,
) -> pd.DataFrame:
    """One row per metric, workload and optimizer: the columns of `tuning_curves` at the budget compared at.

    With N as ``trials``, ``trusted`` (K <= N/5) and the reason why a cell is ``missing``. The interval
    of the median is there where the metric is what selects.
    """
    parts = [
        _at_budget(_with(trials, metric, select_by), trials, metric, select_by, max_budget)
        for metric in metrics
    ]
    return pd.concat(parts, ignore_index=True).assign(select_by=select_by)


def _with(trials: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The trials of those pairs whose complete trials all have the columns.

    Raises:
        TableError: the table lacks a column.
    """
    for column in columns:
        table.values(trials[:0], column)
    absent = trials[list(dict.fromkeys(columns))].isna().any(axis=1) & (
        trials["status"] == table.FEASIBLE
    )
    return trials[~absent.groupby([trials["workload"], trials["optimizer"]]).transform("any")]


def _at_budget(
    usable: pd.DataFrame,
    trials: pd.DataFrame,
    metric: str,
    select_by: str | None,
    max_budget: int | None,
) -> pd.DataFrame:
    """The curves' points at each workload's budget, joined to the cells."""
    budgets = comparison_budget(trials, max_budget)
    frame = cells(trials).assign(metric=metric)
    frame["budget_trials"] = frame["workload"].map(budgets).fillna(0).astype(int)
    points = [
        tuning_curves(usable[usable["workload"] == workload], metric, select_by, [budget])
        for workload, budget in budgets.items()
        if (usable["workload"] == workload).any()
    ]
    if points:
        frame = frame.merge(pd.concat(points), how="left", on=[*KEYS, "budget_trials"])
    else:
        frame = frame.assign(
            mean=np.nan, p05=np.nan, p50=np.nan, p95=np.nan, median_low=np.nan, median_high=np.nan
        )
    frame["trusted"] = trusted(frame)
    without = (frame["missing"] == "") & frame["mean"].isna()
    fewer = frame["trials"] < frame["budget_trials"]
    reasons = np.where(
        fewer, "N = " + frame["trials"].astype(str) + " < K", f"no {style.quantity(metric)}"
    )
    frame["missing"] = frame["missing"].where(~without, pd.Series(reasons, index=frame.index))
    return frame


def targets(
    trials: pd.DataFrame, studies: Studies | None = None, target: float | None = None
) -> pd.Series:
    """The target error of each workload: as given, else its own, else one that all reach half the time.

    A workload's own target is taken where any trial ends at or under it. Otherwise it is the largest
    median best-of-K over the optimizers, rounded up to two digits: a tuning run of every optimizer
    reaches it with a chance of a half or more.
    """
    found = {}
    for workload, budget in comparison_budget(trials).items():
        on_workload = trials[trials["workload"] == workload]
        own = [
            settings["workload"]["target_error"]
            for name, settings in (studies or {}).items()
            if name in set(on_workload["study"])
            and settings.get("workload", {}).get("target_error")
        ]
        if target is not None:
            found[workload] = target
        elif own and on_workload["val_error"].min() <= own[0]:
            found[workload] = float(own[0])
        else:
            found[workload] = _rounded_up(
                tuning_curves(on_workload, budgets=[int(budget)])["p50"].max()
            )
    return pd.Series(found, dtype=float)


def _rounded_up(value: float) -> float:
    """To two significant digits.

    >>> _rounded_up(0.0612)
    0.062
    """
    unit = 10.0 ** (np.floor(np.log10(value)) - 1) if value > 0 else 1.0
    return float(f"{np.ceil(round(value / unit, 9)) * unit:.2g}")


def steps_to_target(
    trials: pd.DataFrame,
    curves: pd.DataFrame | None,
    target: pd.Series,
    *,
    max_budget: int | None = None,
    step_share: float = 1.0,
) -> pd.DataFrame:
    """As `errors`, of the steps until the validation error reaches each workload's target.

    Selection is by those steps. ``share_reached`` is the share of tuning runs that reach the target
    at all; the mean is over them. Only the first ``step_share`` of each workload's steps count.

    Raises:
        TableError: there are no learning curves.
    """
    if curves is None:
        raise TableError("steps to a target need learning curves; give a results folder, not a CSV")
    if evaluated_once(curves):
        raise TableError("every trial was evaluated once only, so steps to a target tell nothing")
    parts = []
    for workload, error in target.items():
        on_workload, evaluated = (t[t["workload"] == workload] for t in (trials, curves))
        limit = evaluated["step"].max() * step_share
        timed = with_steps_to_target(on_workload, evaluated, float(error), max_steps=limit)
        part = _at_budget(timed, on_workload, STEPS, STEPS, max_budget)
        parts.append(part.assign(target=error, max_steps=limit))
    frame = pd.concat([*parts, _unrun(trials, parts)], ignore_index=True).assign(select_by=STEPS)
    never = (frame["missing"] == "") & (frame["share_reached"] == 0)
    first = frame["workload"].map(curves.groupby("workload")["step"].min())
    frame["first_step"] = first
    unseen = pd.Series(np.where(frame["max_steps"] < first, UNSEEN, NEVER), index=frame.index)
    frame["missing"] = frame["missing"].where(~never, unseen)
    return frame


def timed(trials: pd.DataFrame, curves: pd.DataFrame, target: pd.Series) -> pd.DataFrame:
    """The trials with ``steps_to_target`` and ``seconds_to_target``, each workload to its own target."""
    parts = []
    for workload, error in target.items():
        rows, evaluated = (t[t["workload"] == workload] for t in (trials, curves))
        parts.append(with_steps_to_target(rows, evaluated, float(error)))
    without = trials[~trials["workload"].isin(target.index)]  # no feasible trial
    return pd.concat([*parts, without]).sort_index()


def _unrun(trials: pd.DataFrame, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Cells of optimizers that other workloads have."""
    frame = cells(trials).assign(metric=STEPS)
    here = pd.MultiIndex.from_frame(
        pd.concat([part[KEYS] for part in parts]) if parts else frame[KEYS][:0]
    )
    return frame[~pd.MultiIndex.from_frame(frame[KEYS]).isin(here)]


def targets_and_budgets(
    trials: pd.DataFrame,
    curves: pd.DataFrame | None,
    target: pd.Series,
    *,
    max_budget: int | None = None,
) -> pd.DataFrame:
    """Figure 10: `steps_to_target` for several targets and all, half, a quarter of the steps.

    Besides the target itself those half as high to half higher again that tell something: on each
    workload some trial ends at or under them, and half of all feasible trials do not.
    """
    feasible = trials[trials["status"] == table.FEASIBLE].groupby("workload")["val_error"]
    hard, easy = (each.reindex(target.index) for each in (feasible.min(), feasible.median()))
    parts = []
    for factor in TARGET_FACTORS:
        aim = target * factor
        aim = aim[((hard <= aim) & (aim < easy)) | (factor == 1.0)]
        here, seen = (
            t if t is None else t[t["workload"].isin(aim.index)] for t in (trials, curves)
        )
        for share in STEP_SHARES if len(aim) or factor == 1.0 else ():
            part = steps_to_target(here, seen, aim, max_budget=max_budget, step_share=share)
            parts.append(part.assign(target_factor=factor, step_share=share))
    return pd.concat(parts, ignore_index=True)


# --- drawing --------------------------------------------------------------------------------------


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
            label = style.quantity(metric, rows["unit"].iloc[0])
            selected = "selected" if frame["select_by"].iloc[0] == metric else "at that trial"
            axes.set_ylabel(f"{label}\n({selected})")
    by = style.quantity(frame["select_by"].iloc[0])
    words = f"Of the trial with the lowest {by} among K feasible ones"
    return style.finish(figure, f"{words}: {MARKS} {note}")


def draw_steps(frame: pd.DataFrame, note: str = "") -> Figure:
    """Figure 2: a column a workload."""
    workloads = list(frame["workload"].unique())
    figure, grid = _grid(frame, 1, len(workloads))
    for axes, workload in zip(grid[0], workloads, strict=True):
        rows = frame[frame["workload"] == workload]
        draw_panel(axes, rows)
        _as_fine_as_evaluated(axes, rows)
        axes.set_ylabel("steps to target")
        aim = rows["target"].max()
        axes.set_title(f"{style.short(workload, 30)}, target {aim:g}\n{budget_words(rows)}", pad=13)
    words = "Steps until the validation error reaches the target, of the fastest among K feasible trials"
    percent = "A percentage is the share of tuning runs that reach it, where not all do."
    return style.finish(figure, f"{words}: {MARKS} {percent} {note}")


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
                axes.set_ylabel(f"steps to target\n(first {rows['max_steps'].max():.0f} steps)")
    words = (
        f"{frame['workload'].iloc[0]}: steps to target of the fastest among K feasible trials, for"
        " several targets (columns) and with only the first part of the training counted (rows)"
    )
    return style.finish(figure, f"{words}; {budget_words(frame)}: {MARKS} {note}")


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


def draw_panel(axes: Axes, rows: pd.DataFrame) -> None:
    """One optimizer beside the other: marker, bar of spread, capped interval; a word where missing."""
    optimizers = table.optimizer_order(rows["optimizer"])
    looks = style.looks(optimizers)
    drawn = rows[rows["missing"] == ""]
    for row in rows.itertuples():
        place = optimizers.index(row.optimizer)
        if row.missing:
            axes.text(
                place, 0.5, row.missing, transform=axes.get_xaxis_transform(), rotation=90, ha="center",
                va="center", fontsize=7.5, color="#888888", style="italic",
            )  # fmt: skip
        else:
            _draw_cell(axes, place, row, looks[row.optimizer])
    axes.grid(axis="x", visible=False)
    axes.set_xlim(-0.6, len(optimizers) - 0.4)
    axes.set_xticks(range(len(optimizers)), [style.short(style.name(o), 18) for o in optimizers])
    axes.tick_params(axis="x", rotation=35 if len(optimizers) > 3 else 0, length=0)
    for label in axes.get_xticklabels():
        if len(optimizers) > 3:
            label.set(ha="right", rotation_mode="anchor")
    if len(drawn):
        scale(axes, drawn)
    else:
        axes.tick_params(axis="y", length=0, labelleft=False)


def scale(axes: Axes, rows: pd.DataFrame) -> None:
    """The vertical axis that holds the marks of these rows."""
    columns = ("mean", "p05", "p95", "median_low", "median_high")
    style.error_axis(axes, *(rows[name].astype(float) for name in columns))


def _draw_cell(axes: Axes, place: int, row: Any, look: style.Look) -> None:
    top = row.p95 if np.isfinite(row.p95) else 1e9  # runs that never reach: to the top of the panel
    if np.isfinite(row.p05):
        ends: dict[str, Any] = {
            "color": look.colour,
            "alpha": 0.3,
            "linewidth": 9,
            "solid_capstyle": "butt",
        }
        axes.plot([place, place], [row.p05, top], **ends)
    axes.plot(
        place, row.mean, look.marker, color=look.colour, markersize=6, markeredgecolor=look.colour,
        markerfacecolor=look.colour if row.trusted else "white",
    )  # fmt: skip
    if np.isfinite(row.median_low) and np.isfinite(row.median_high):
        lengths = [[max(row.p50 - row.median_low, 0)], [max(row.median_high - row.p50, 0)]]
        beside = axes.transData + ScaledTranslation(8.5 / 72, 0, axes.figure.dpi_scale_trans)
        axes.errorbar(
            place, row.p50, yerr=lengths, fmt="_", color="#222222", markersize=3, elinewidth=0.9,
            capsize=2, capthick=0.9, transform=beside,
        )  # fmt: skip
    share = getattr(row, "share_reached", 1.0)
    if np.isfinite(share) and share < 0.995:
        axes.text(
            place, 1.0, f"{share:.0%}", transform=axes.get_xaxis_transform(), ha="center",
            va="bottom", fontsize=7, color="#444444",
        )  # fmt: skip
