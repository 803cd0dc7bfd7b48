"""Rank probabilities: the chance that each optimizer comes first, second, … at each budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from harness.analysis import best_of_k, table
from harness.analysis.tuning_curves import doubling

COLUMNS = ("workload", "budget_trials", "optimizer", "rank", "probability")


def rank_probabilities(
    trials: pd.DataFrame,
    metric: str = "val_error",
    budgets: Sequence[int] | None = None,
    *,
    feasible_only: bool = True,
) -> pd.DataFrame:
    """One row per workload, budget, optimizer and rank; ranks are counted from 1, 1 the lowest error.

    Every optimizer tunes with K independent trials, ties broken evenly (`best_of_k`). Budgets: 1,
    2, 4, … and the number of trials of the optimizer that has fewest, unless given; an optimizer
    without a counted trial is left out.

    >>> trials = table.check(pd.DataFrame({"workload": "w", "optimizer": ["sgd", "adam"],
    ...     "trial": 0, "status": "complete", "val_error": [0.2, 0.1]}))
    >>> rank_probabilities(trials).query("rank == 1")[["optimizer", "probability"]].values.tolist()
    [['sgd', 0.0], ['adam', 1.0]]
    """
    errors: dict[str, dict[str, np.ndarray]] = {}
    for group in table.groups(trials):
        rows = table.counted(group.trials, feasible_only=feasible_only)
        if len(rows):
            errors.setdefault(group.workload, {})[group.optimizer] = table.values(rows, metric)
    parts = []
    for workload, fields in errors.items():
        last = min(map(len, fields.values()))
        k = [budget for budget in budgets or doubling(last) if budget <= last]
        if not k:
            continue
        index = pd.MultiIndex.from_product(
            [[workload], k, list(fields), range(1, len(fields) + 1)], names=COLUMNS[:-1]
        )
        chances = best_of_k.rank_probabilities(list(fields.values()), k)
        parts.append(pd.Series(chances.ravel(), index, name="probability").reset_index())
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
