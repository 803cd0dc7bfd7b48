"""Rank probabilities: the chance that each optimizer comes first, second, … at each budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from harness.analysis import best_of_k
from harness.analysis.cells import PAIR, cells, drawn, trusted
from harness.analysis.counting import counted, values
from harness.analysis.pooling import groups
from harness.analysis.tuning_curves import doubling

COLUMNS = ("workload", "budget_trials", "optimizer", "rank", "probability")


def rank_probabilities(
    trials: pd.DataFrame, metric: str = "val_error", budgets: Sequence[int] | None = None
) -> pd.DataFrame:
    """One row per workload, budget, optimizer and rank; ranks are counted from 1, 1 the lowest error.

    Every optimizer tunes with K independent trials, ties broken evenly (`best_of_k`). Budgets: 1,
    2, 4, … and the number of trials of the optimizer that has fewest, unless given; an optimizer
    without a counted trial is left out.

    >>> from harness.analysis.checking import check
    >>> trials = check(pd.DataFrame({"workload": "w", "optimizer": ["sgd", "adam"],
    ...     "trial": 0, "status": "complete", "val_error": [0.2, 0.1]}))
    >>> rank_probabilities(trials).query("rank == 1")[["optimizer", "probability"]].values.tolist()
    [['sgd', 0.0], ['adam', 1.0]]
    """
    errors: dict[str, dict[str, np.ndarray]] = {}
    for group in groups(trials):
        rows = counted(group.trials)
        if len(rows):
            errors.setdefault(group.workload, {})[group.optimizer] = values(rows, metric)
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


def first_and_mean_rank(
    trials: pd.DataFrame,
    metric: str = "val_error",
    *,
    max_budget: int | None = None,
    also: Sequence[int] = (),
) -> pd.DataFrame:
    """One row per workload, optimizer and budget: ``first``, the chance of rank 1, and ``mean_rank``.

    Budgets are 1, 2, 4, … and those of ``also``, as far as every optimizer of a workload has trials.
    ``trusted`` is whether K is at most a fifth of the fewest.
    """
    keys = [*PAIR, "budget_trials"]
    most = int(cells(trials)["trials"].max())
    budgets = sorted({*doubling(min(max_budget or most, most)), *also})
    ranks = rank_probabilities(trials, metric, budgets)
    ranks["weighted"] = ranks["rank"].astype(float) * ranks["probability"].astype(float)
    first = ranks[ranks["rank"] == 1].set_index(keys)["probability"].astype(float).rename("first")
    mean_rank = ranks.groupby(keys, sort=False)["weighted"].sum().rename("mean_rank")
    table = pd.concat([first, mean_rank], axis=1).reset_index()
    frame = cells(trials).merge(table, how="left", on=PAIR)
    fewest = drawn(frame).groupby("workload")["trials"].min()
    limit = frame.assign(trials=frame["workload"].map(fewest))  # the scarcest decides for all
    return frame.assign(trusted=trusted(limit))
