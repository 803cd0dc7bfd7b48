"""The outcome in one row per workload and optimizer (``final.csv``, Figures 1 and 9).

    workload, optimizer, study
    feasible_trials            N, the complete ones
    feasible_share             of complete and diverged ones: 20% feasible is a finding
    complete, diverged, failed, out_of_memory, timeout, stopped, missing   counts
    best_trial, best_study     the complete trial that `select_by` selects, the first of equals
    best_<metric>              its val_error, test_error, train_loss, steps
    best_hp.*                  its searched coordinates
    budget_trials              K of the figures that follow: that compared at in a report, else N
    expected_trials_run        K / feasible_share: what finding K feasible trials costs; K where
                               every trial counts
    val_mean, val_p05 … p95    best validation error over random searches of K trials
    median_low, median_high    the 90% interval of its median (empty unless val_error selects)
    test_mean, test_p05 … p95  test error *of the selected trial*, never minimised by itself

Empty where there is nothing to tell: no feasible trial, no test error, fewer than K trials.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from harness.analysis import best_of_k, confidence
from harness.analysis.checking import EVERY, LISTED, TABLE_STATUSES, hyperparameter_columns
from harness.analysis.counting import counted, feasible_alone, finished, marked, values
from harness.analysis.pooling import Group, groups
from harness.study.result import COMPLETE, FINISHED

OUTCOMES = ("val_error", "test_error", "train_loss", "steps")
AT_BUDGET = (
    "budget_trials", "expected_trials_run", "val_mean", "val_p05", "val_p50", "val_p95",
    "median_low", "median_high", "test_mean", "test_p05", "test_p50", "test_p95",
)  # fmt: skip
_COUNT_COLUMNS = (
    "workload",
    "optimizer",
    "study",
    "feasible_trials",
    "feasible_share",
    *TABLE_STATUSES,
)


def final(
    trials: pd.DataFrame,
    budget_trials: int | Mapping[str, int] | None = None,
    *,
    select_by: str = "val_error",
) -> pd.DataFrame:
    """One row per workload and optimizer; the columns are in the head of this file.

    Args:
        trials: a checked table, one study per workload and optimizer.
        budget_trials: K, or that of each workload; None for all N counted trials.
        select_by: what the best trial is lowest in; ``train_loss`` gives Figure 9.

    >>> from harness.analysis.checking import check
    >>> trials = check(pd.DataFrame({"workload": "w", "optimizer": "sgd", "trial": range(3),
    ...     "status": ["complete", "diverged", "complete"], "val_error": [0.3, None, 0.2]}))
    >>> final(trials)[["feasible_trials", "diverged", "best_trial", "best_val_error"]].values.tolist()
    [[2, 1, 2, 0.2]]
    """
    rows = [_row(group, _budget(group, budget_trials), select_by) for group in groups(trials)]
    best = [f"best_{name}" for name in (*OUTCOMES, *hyperparameter_columns(trials))]
    frame = pd.DataFrame(rows).reindex(
        columns=[*_COUNT_COLUMNS, "best_trial", "best_study", *best, *AT_BUDGET]
    )
    frame = frame.astype({"budget_trials": "Int64"})
    if trials["trial"].dtype != object:  # as numbers of more than 18 digits are kept
        frame = frame.astype({"best_trial": "Int64"})
    return marked(frame, trials)


def feasibility(trials: pd.DataFrame) -> pd.DataFrame:
    """Counts by status and the feasible share: one row per workload and optimizer."""
    return pd.DataFrame([_counts(group) for group in groups(trials)])


def not_counted(trials: pd.DataFrame) -> pd.DataFrame:
    """The rows that are listed and enter no statistic: failed, timed out, stopped, missing."""
    return trials[trials["status"].isin(LISTED)].reset_index(drop=True)


def _counts(group: Group) -> dict[str, object]:
    status = group.trials["status"].value_counts()
    counts = {name: int(status.get(name, 0)) for name in TABLE_STATUSES}
    results = sum(counts[name] for name in FINISHED)
    return {
        "workload": group.workload,
        "optimizer": group.optimizer,
        "study": "+".join(sorted(set(group.trials["study"]))),
        "feasible_trials": counts[COMPLETE],
        "feasible_share": counts[COMPLETE] / results if results else np.nan,
        **counts,
    }


def _budget(group: Group, budget_trials: int | Mapping[str, int] | None) -> int | None:
    if budget_trials is None or isinstance(budget_trials, int):
        return budget_trials
    return budget_trials.get(group.workload)


def _row(group: Group, budget_trials: int | None, select_by: str) -> dict[str, object]:
    row = _counts(group) | {"best_trial": pd.NA, "best_study": None}
    complete = counted(feasible_alone(group.trials))
    if complete.empty:
        return row
    best = complete.iloc[int(np.argmin(values(complete, select_by)))]
    row |= {"best_trial": int(best["trial"]), "best_study": best["study"]}
    names = (*OUTCOMES, *hyperparameter_columns(group.trials))
    row |= {f"best_{name}": best[name] for name in names}

    rows = counted(group.trials)
    errors = values(rows, select_by)
    k = budget_trials or len(rows)
    feasible_share = len(complete) / len(finished(group.trials))
    row |= {"budget_trials": k, "expected_trials_run": k if EVERY in rows else k / feasible_share}
    if k > len(rows):
        return row
    for prefix, column in (("val", "val_error"), ("test", "test_error")):
        if complete[column].notna().all():
            curve = best_of_k.without_replacement(errors, [k], values(rows, column))
            row |= {f"{prefix}_{name}": value[0] for name, value in curve._asdict().items()}
    if select_by == "val_error":
        low, high = confidence.median_interval(errors, [k])
        row |= {"median_low": low[0], "median_high": high[0]}
    return row
