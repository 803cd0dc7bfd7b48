"""Which cells a comparison has, filled or missing, and the budget at which they are compared.

The **budget of decision** is K = 16, or a fifth of the trials where that is smaller: the paper's curves
level off at 2^3 to 2^4 trials, and a fixed K makes more trials buy power (at K = N/5 a winner of three
races in four is found as seldom with 500 trials as with 50).
"""

from __future__ import annotations

import pandas as pd

from harness.analysis import confidence
from harness.analysis.counting import counts, marked
from harness.analysis.names import optimizer_order
from harness.analysis.pooling import groups
from harness.study.result import COMPLETE

PAIR = ["workload", "optimizer"]
NOT_RUN, NO_FEASIBLE = "not run", "no feasible trial"
DECISION_BUDGET = 16
LEAST_TRIALS = 40  # of each optimizer, for anything to be said of who wins: K = 8


def cells(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per workload and optimizer, every combination: a missing one is drawn as missing.

    Columns: ``workload, optimizer, trials`` (counted ones, N), ``missing``, why there is nothing to
    draw, empty where there is something, and ``unit`` of the error, empty where not known.
    """
    found = {(g.workload, g.optimizer): g.trials for g in groups(trials)}
    workloads = list(trials["workload"].unique())
    optimizers = optimizer_order(trials["optimizer"].unique())
    index = pd.MultiIndex.from_product([workloads, optimizers], names=PAIR)
    numbers = [int(counts(found[pair]).sum()) if pair in found else 0 for pair in index]
    missing = [_missing(found.get(pair)) for pair in index]
    frame = pd.DataFrame({"trials": numbers, "missing": missing}, index=index).reset_index()
    frame["unit"] = frame["workload"].map(units(trials))
    return marked(frame, trials)


def _missing(rows: pd.DataFrame | None) -> str:
    if rows is None:
        return NOT_RUN
    return "" if (rows["status"].to_numpy() == COMPLETE).any() else NO_FEASIBLE


def units(trials: pd.DataFrame) -> dict[str, str]:
    """Of each workload the name of its error, such as ``error rate`` or ``loss``; empty where not known."""
    if "metric" not in trials:
        return dict.fromkeys(trials["workload"].unique(), "")
    first = trials.groupby("workload")["metric"].first().fillna("")
    return {str(workload): str(unit) for workload, unit in first.items()}


def comparison_budget(
    trials: pd.DataFrame, max_budget: int | None = None, *, budget: int | None = None
) -> pd.Series:
    """The budget K of each workload at which its optimizers are compared, by workload.

    As given, else 16, or a fifth of the fewest counted trials of any of its optimizers where that is
    smaller, for a fifth is what N trials vouch for. Those with less than half as many as the richest
    are left aside in that, so that one optimizer that mostly diverges does not set the budget of all.
    At least 1, at most ``max_budget``.

    >>> from harness.analysis.checking import check
    >>> made_up = pd.DataFrame({"workload": "w", "optimizer": ["a"] * 40 + ["b"] * 30 + ["c"] * 4})
    >>> made_up = check(made_up.assign(trial=range(74), status="complete", val_error=0.5))
    >>> comparison_budget(made_up).to_dict(), comparison_budget(made_up, budget=2).to_dict()
    ({'w': 6}, {'w': 2})
    """
    known = cells(trials).query("trials > 0")
    most = known.groupby("workload", sort=False)["trials"].transform("max")
    fewest = known[known["trials"] * 2 >= most].groupby("workload", sort=False)["trials"].min()
    vouched = (fewest // confidence.TRUSTED_SHARE).clip(lower=1, upper=DECISION_BUDGET)
    asked = vouched if budget is None else pd.Series(budget, index=fewest.index)
    return asked if max_budget is None else asked.clip(upper=max_budget)


def shown_budgets(budget: int) -> list[int]:
    """The budgets that tables show: one trial, a few, and that compared at.

    >>> shown_budgets(16), shown_budgets(3)
    ([1, 4, 16], [1, 3])
    """
    return sorted({1, min(4, budget), budget} - {0})


def needed(budget: int) -> int:
    """How many trials an optimizer needs, to be judged at that budget.

    >>> needed(16), needed(4)
    (80, 40)
    """
    return max(LEAST_TRIALS, confidence.TRUSTED_SHARE * budget)


def evaluated_once(curves: pd.DataFrame) -> bool:
    """Whether no workload's trials were evaluated at more than one step."""
    return bool((curves.groupby("workload")["step"].nunique() < 2).all())


def trusted(frame: pd.DataFrame) -> pd.Series:
    """Whether K is at most N/5, from the columns ``budget_trials`` and ``trials``."""
    return frame["budget_trials"] * confidence.TRUSTED_SHARE <= frame["trials"]


def band_trusted(frame: pd.DataFrame) -> pd.Series:
    """Whether K is at most N/20: beyond, the 5th percentile is the least of the N errors, and the true
    one may lie under it."""
    return frame["budget_trials"] * confidence.BAND_SHARE <= frame["trials"]


def count_range(counts: pd.Series) -> str:
    """``64`` or ``58–64``, for a caption.

    >>> count_range(pd.Series([64, 58, 64]))
    '58–64'
    """
    known = counts.dropna()
    if known.empty:
        return "0"
    low, high = int(known.min()), int(known.max())
    return str(low) if low == high else f"{low}–{high}"


def drawn(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the cells that have something to draw."""
    return frame[frame["missing"] == ""]
