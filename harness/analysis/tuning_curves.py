"""Tuning curves: the error of the best trial against the budget (Figures 1, 2, 6-10 of the paper).

One row per workload, optimizer and budget, in the columns of ``tuning_curves.csv``:

    budget_trials            K: feasible trials, or trials run where every trial counts
    mean, p05, p50, p95      of the selected trial's metric over random searches of K trials: spread
    median_low, median_high  the 90% interval for the median, distribution-free: confidence; of all
                             budgets up to N/5 together, see `confidence`

Lower is better. The K trials of a search are different ones (drawn without replacement), so curves of
different N can be compared, and the best of N is the best there is. A Halton sweep is not a random
search: read K as its random-search equivalent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import best_of_k, confidence
from harness.analysis.cells import PAIR, band_trusted, cells, trusted
from harness.analysis.checking import TableError
from harness.analysis.counting import counted, marked, values
from harness.analysis.pooling import groups

COLUMNS = (
    "workload", "optimizer", "budget_trials", "mean", "p05", "p50", "p95", "median_low",
    "median_high",
)  # fmt: skip
# Columns that `targets` adds:
TO_TARGET = ("steps_to_target", "gradients_to_target", "seconds_to_target")


def tuning_curves(
    trials: pd.DataFrame,
    metric: str = "val_error",
    select_by: str | None = None,
    budgets: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    *,
    max_budget: int | None = None,
) -> pd.DataFrame:
    """The curve of every workload and optimizer, one row per budget.

    Args:
        trials: a checked table, one study per workload and optimizer.
        metric: the column reported of the selected trial: ``val_error``, ``test_error``,
            ``train_loss``, or ``steps_to_target`` once `targets.with_steps_to_target` has added it.
        select_by: the column whose lowest value selects; None for ``val_error``, or for the metric
            itself where that is a ``…_to_target`` one. ``train_loss`` gives Figure 9.
        budgets: values of K, of all workloads or of each; None for 1, 2, 4, … and N. Those above an
            optimizer's N are left out.
        max_budget: the largest K, taking the place of N where it is smaller.

    An optimizer without a counted trial has no rows. The interval is of the metric that selects;
    where another is reported it is empty, for order statistics say nothing of that one. For
    ``…_to_target`` metrics trials that never reach it are infinite: the mean is over searches that
    reach the target, whose share is the further column ``share_reached``, while percentiles and
    interval are over all, infinite where that many searches do not reach it.

    >>> from harness.analysis.checking import check
    >>> trials = check(pd.DataFrame({"workload": "w", "optimizer": "sgd", "trial": range(3),
    ...                              "status": "complete", "val_error": [0.3, 0.1, 0.2]}))
    >>> tuning_curves(trials)[["budget_trials", "mean", "p50"]].round(3).values.tolist()
    [[1.0, 0.2, 0.2], [2.0, 0.133, 0.1], [3.0, 0.1, 0.1]]

    Raises:
        TableError: a column that is absent or empty in a complete trial, or mixed studies.
    """
    select_by = select_by or (metric if metric in TO_TARGET else "val_error")
    curves = []
    for group in groups(trials):
        rows = counted(group.trials)
        own = budgets.get(group.workload, ()) if isinstance(budgets, Mapping) else budgets
        k = _budgets(len(rows), own, max_budget)
        if len(k):
            pair = {"workload": group.workload, "optimizer": group.optimizer}
            curves.append(pd.DataFrame(pair | _curve(rows, metric, select_by, k)))
    if curves:
        return marked(pd.concat(curves, ignore_index=True), trials)
    further = ["share_reached"] if metric in TO_TARGET else []
    return marked(pd.DataFrame(columns=[*COLUMNS, *further]), trials)


def _curve(
    rows: pd.DataFrame, metric: str, select_by: str, budgets: NDArray[np.int64]
) -> dict[str, Any]:
    errors = _column(rows, select_by)
    statistic = None if metric == select_by else _column(rows, metric)
    columns = {
        "budget_trials": budgets,
        **best_of_k.without_replacement(errors, budgets, statistic)._asdict(),
        "median_low": np.nan,
        "median_high": np.nan,
    }
    if statistic is None:
        low, high = confidence.median_interval(errors, budgets, simultaneous=True)
        columns |= {"median_low": low, "median_high": high}
    if metric in TO_TARGET:
        columns |= _reaching(errors, _column(rows, metric), budgets)
    return columns


def in_cells(
    trials: pd.DataFrame,
    metric: str = "val_error",
    select_by: str | None = None,
    budgets: Sequence[int] | None = None,
    *,
    max_budget: int | None = None,
) -> pd.DataFrame:
    """Figures 6-8: the rows of `tuning_curves` with N as ``trials``, the ``metric``, and ``trusted``.

    A budget is trusted up to K = N/5, and the band up to N/20: ``band_trusted``. A cell without a curve has one row, with its reason in
    ``missing``.
    """
    curves = tuning_curves(trials, metric, select_by, budgets, max_budget=max_budget)
    frame = cells(trials).merge(curves[_own(curves)], how="left", on=PAIR)
    return frame.assign(trusted=trusted(frame), band_trusted=band_trusted(frame), metric=metric)


def _own(curves: pd.DataFrame) -> list[str]:
    """The columns of the curves themselves: the cells say which trials count."""
    return [name for name in curves if name in COLUMNS or name == "share_reached"]


def doubling(last: int) -> list[int]:
    """1, 2, 4, … and the last.

    >>> doubling(10)
    [1, 2, 4, 8, 10]
    """
    powers = [2**i for i in range(last.bit_length())] if last > 0 else []
    return sorted({*powers, last} - {0})


def _budgets(
    num_trials: int, budgets: Sequence[int] | None, max_budget: int | None
) -> NDArray[np.int64]:
    last = num_trials if max_budget is None else min(num_trials, max_budget)
    k = doubling(last) if budgets is None else [budget for budget in budgets if budget <= last]
    return np.asarray(k, dtype=int)


def _column(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    if column in TO_TARGET and column not in rows:
        raise TableError(
            f"{column} needs learning curves and a target; add it by with_steps_to_target"
        )
    return values(rows, column)


def _reaching(
    errors: NDArray[np.float64], statistic: NDArray[np.float64], budgets: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """The mean over searches whose selected trial reaches the target, and their share."""
    w = best_of_k.weights(errors, budgets, replacement=False)
    reaches = np.isfinite(statistic)
    share = w[:, reaches].sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean = np.where(share > 0, w[:, reaches] @ statistic[reaches] / share, np.inf)
    return {"mean": mean, "share_reached": share}
