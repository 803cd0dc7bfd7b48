"""Which cells a figure has, filled or missing, and the budget at which they are compared."""

from __future__ import annotations

import pandas as pd

from harness.analysis import confidence, table
from harness.analysis.final import feasibility

NOT_RUN, NO_FEASIBLE = "not run", "no feasible trial"


def cells(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per workload and optimizer, every combination: a missing one is drawn as missing.

    Columns: ``workload, optimizer, trials`` (feasible ones, N) and ``missing``, why there is nothing
    to draw, empty where there is something.
    """
    found = feasibility(trials).set_index(["workload", "optimizer"])["feasible_trials"]
    workloads = list(dict.fromkeys(trials["workload"]))
    optimizers = table.optimizer_order(trials["optimizer"])
    index = pd.MultiIndex.from_product([workloads, optimizers], names=["workload", "optimizer"])
    counts = found.reindex(index)
    missing = counts.map(lambda n: NOT_RUN if pd.isna(n) else NO_FEASIBLE if n == 0 else "")
    frame = pd.DataFrame({"trials": counts.fillna(0).astype(int), "missing": missing})
    return frame.reset_index()


def comparison_budget(trials: pd.DataFrame, max_budget: int | None = None) -> pd.Series:
    """The budget K of each workload at which its optimizers are compared, by workload.

    A fifth of the fewest feasible trials of any of its optimizers, for a fifth is what N trials
    vouch for; those with less than half as many as the richest are left aside, so that one
    optimizer that mostly diverges does not set the budget of all. At least 1, at most ``max_budget``.
    """
    counts = cells(trials).query("trials > 0")
    most = counts.groupby("workload", sort=False)["trials"].transform("max")
    fewest = counts[counts["trials"] * 2 >= most].groupby("workload", sort=False)["trials"].min()
    budget = (fewest // confidence.TRUSTED_SHARE).clip(lower=1)
    return budget if max_budget is None else budget.clip(upper=max_budget)


def count_range(counts: pd.Series) -> str:
    """``64`` or ``58-64``, for a caption.

    >>> count_range(pd.Series([64, 58, 64]))
    '58-64'
    """
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low}-{high}"
