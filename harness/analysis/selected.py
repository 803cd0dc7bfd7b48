"""Figures 1 and 9: the selected trial of each optimizer at one budget.

Figure 1 gives its validation error and the test error of that same trial; Figure 9 the same with the
lowest training loss selecting. The budget is that of `cells.comparison_budget`, the same for all
optimizers of a workload.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from harness.analysis.cells import PAIR, band_trusted, cells, comparison_budget, trusted
from harness.analysis.checking import EVERY, TableError
from harness.analysis.counting import values
from harness.analysis.names import quantity
from harness.analysis.tuning_curves import COLUMNS, TO_TARGET, tuning_curves
from harness.study.result import COMPLETE

MOSTLY_DIVERGES = "most runs diverge"
ERRORS = ("val_error", "test_error")


def errors(
    trials: pd.DataFrame,
    select_by: str = "val_error",
    metrics: Sequence[str] = ERRORS,
    *,
    max_budget: int | None = None,
    budget: int | None = None,
) -> pd.DataFrame:
    """One row per metric, workload and optimizer: the columns of `tuning_curves` at the budget compared at.

    With N as ``trials``, ``trusted`` (K <= N/5) and ``band_trusted`` (K <= N/20), and the reason why a
    cell is ``missing``. The interval of the median is there where the metric is what selects; it is of
    this budget alone.

    Raises:
        TableError: the table lacks a column.
    """
    parts = [
        at_budget(_with(trials, metric, select_by), trials, metric, select_by, max_budget, budget)
        for metric in metrics
    ]
    return pd.concat(parts, ignore_index=True).assign(select_by=select_by)


def by_training_loss(
    trials: pd.DataFrame, *, max_budget: int | None = None, budget: int | None = None
) -> pd.DataFrame:
    """Figure 9.

    Raises:
        TableError: no trial has a training loss.
    """
    metrics = ("train_loss", *ERRORS)
    frame = errors(trials, "train_loss", metrics, max_budget=max_budget, budget=budget)
    if frame[frame["metric"] == "train_loss"]["p50"].isna().all():
        raise TableError("the trials have no training loss")
    return frame


def _with(trials: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The trials of those pairs whose complete trials all have the columns."""
    for column in columns:
        values(trials[:0], column)
    absent = trials[list(dict.fromkeys(columns))].isna().any(axis=1) & (
        trials["status"] == COMPLETE
    )
    return trials[~absent.groupby([trials["workload"], trials["optimizer"]]).transform("any")]


def at_budget(
    usable: pd.DataFrame,
    trials: pd.DataFrame,
    metric: str,
    select_by: str | None,
    max_budget: int | None = None,
    budget: int | None = None,
) -> pd.DataFrame:
    """The curves' points at each workload's budget, joined to the cells: a row a cell.

    Args:
        usable: those of the trials that have what is asked for; the others' cells are missing.
    """
    budgets = comparison_budget(trials, max_budget, budget=budget)
    frame = cells(trials).assign(metric=metric)
    frame["budget_trials"] = frame["workload"].map(budgets).fillna(0).astype(int)
    if usable["workload"].isin(budgets.index).any():
        each = {str(workload): [int(k)] for workload, k in budgets.items()}
        curves = tuning_curves(usable, metric, select_by, each).drop(columns=EVERY, errors="ignore")
        frame = frame.merge(curves, how="left", on=[*PAIR, "budget_trials"])
    else:
        frame = frame.assign(**dict.fromkeys(COLUMNS[3:], np.nan))
    frame["trusted"], frame["band_trusted"] = trusted(frame), band_trusted(frame)
    without = (frame["missing"] == "") & frame["p50"].isna()
    fewer = frame["trials"] < frame["budget_trials"]
    reasons = np.where(
        fewer, "N = " + frame["trials"].astype(str) + " < K", f"no {quantity(metric)}"
    )
    frame["missing"] = frame["missing"].where(~without, pd.Series(reasons, index=frame.index))
    if EVERY in trials and metric not in TO_TARGET:
        lost = (frame["missing"] == "") & np.isinf(frame["p50"].astype(float))
        frame["missing"] = frame["missing"].mask(lost, MOSTLY_DIVERGES)
    return frame
