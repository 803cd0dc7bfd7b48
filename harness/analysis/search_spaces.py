"""Figures 3 and 4: the same optimizers with ever more hyperparameters tuned.

After Wilson et al. and Schneider et al. as Choi et al. retell them: tuned on the learning rate alone
optimizers differ, and the ranking changes until the spaces hold what the inclusions need.

Input: a table of trials with a further column ``search_space``, a label such as ``lr only``, ``+ other
hyperparameters``, ``+ schedule``; the spaces come in the order of their first rows. Every label has
one study per workload and optimizer.
"""

from __future__ import annotations

import pandas as pd

from harness.analysis.cells import NOT_RUN, comparison_budget
from harness.analysis.checking import SEARCH_SPACE, TableError
from harness.analysis.counting import marked
from harness.analysis.selected import ERRORS, errors


def labels(trials: pd.DataFrame) -> list[str]:
    """The search spaces of a table, least general first; empty where the table has no such column."""
    return list(trials[SEARCH_SPACE].dropna().astype(str).unique()) if SEARCH_SPACE in trials else []  # fmt: skip


def by_search_space(trials: pd.DataFrame, *, max_budget: int | None = None) -> pd.DataFrame:
    """The rows of `selected.errors` for every search space, which ``search_space`` names.

    Every workload, optimizer and space has a row: one that was not run says so in ``missing``. All
    spaces of a workload are compared at one budget, the smallest of their own.

    Raises:
        TableError: no column ``search_space``, or trials without one.
    """
    if SEARCH_SPACE not in trials:
        raise TableError(
            f"the table lacks the column {SEARCH_SPACE}, a label of each trial's search space such as"
            " 'lr only'; Figures 3 and 4 compare such spaces"
        )
    if trials[SEARCH_SPACE].isna().any():
        row = int(trials[SEARCH_SPACE].isna().argmax())
        raise TableError(f"row {row}: {SEARCH_SPACE} is empty; label every trial")
    spaces = {label: trials[trials[SEARCH_SPACE] == label] for label in labels(trials)}
    budgets = [comparison_budget(rows, max_budget) for rows in spaces.values()]
    parts = []
    for workload, budget in pd.concat(budgets).groupby(level=0, sort=False).min().items():
        for label, rows in spaces.items():
            here = rows[rows["workload"] == workload]
            if len(here):
                part = errors(here, max_budget=int(budget))
                parts.append(part.assign(**{SEARCH_SPACE: label}))
    if not parts:
        raise TableError("no trial is complete: there is no error to show")
    return marked(_complete(pd.concat(parts, ignore_index=True), trials), trials)


def _complete(frame: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Rows for the combinations that no trial was run of."""
    order = {
        "workload": list(trials["workload"].unique()),
        SEARCH_SPACE: labels(trials),
        "metric": list(ERRORS),
        "optimizer": list(trials["optimizer"].unique()),
    }
    index = pd.MultiIndex.from_product(order.values(), names=order)
    whole = frame.set_index(list(order)).reindex(index).reset_index()
    units = frame.groupby("workload")["unit"].first()
    whole["missing"] = whole["missing"].fillna(NOT_RUN)
    whole["trials"] = whole["trials"].fillna(0).astype(int)
    return whole.assign(unit=whole["workload"].map(units), select_by="val_error")
