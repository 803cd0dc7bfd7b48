"""Validation against test error at selection: the winner's curse.

The trial with the lowest of many validation errors was partly lucky on the validation set, and more
so the more trials there were: its test error comes out higher. How much, against the budget.
"""

from __future__ import annotations

import pandas as pd

from harness.analysis.cells import PAIR, cells, trusted
from harness.analysis.counting import feasible_alone
from harness.analysis.tuning_curves import tuning_curves
from harness.study.result import COMPLETE

KEYS = [*PAIR, "budget_trials"]


def selection_bias(trials: pd.DataFrame, *, max_budget: int | None = None) -> pd.DataFrame:
    """Per workload, optimizer and budget the mean validation and test error of the selected trial.

    ``gap`` is test less validation. Pairs without test errors are ``missing``. Over feasible trials
    whatever was asked for: a diverged one has neither error.
    """
    trials = feasible_alone(trials)
    tested = trials[trials["test_error"].notna() | (trials["status"] != COMPLETE)]
    whole = tested[_all_tested(trials).reindex(tested.index)]
    val, test = (
        tuning_curves(whole, metric, "val_error", max_budget=max_budget)[[*KEYS, "mean"]]
        if len(whole)
        else pd.DataFrame(columns=[*KEYS, "mean"])
        for metric in ("val_error", "test_error")
    )
    both = val.merge(test, on=KEYS, suffixes=("_val", "_test"))
    both = both.rename(columns={"mean_val": "val_error", "mean_test": "test_error"})
    frame = cells(trials).merge(both, how="left", on=PAIR)
    for name in ("val_error", "test_error"):
        frame[name] = frame[name].astype(float)
    frame["gap"] = frame["test_error"] - frame["val_error"]
    without = (frame["missing"] == "") & frame["gap"].isna()
    return frame.assign(
        trusted=trusted(frame), missing=frame["missing"].mask(without, "no test error")
    )


def _all_tested(trials: pd.DataFrame) -> pd.Series:
    """Whether every complete trial of the row's workload and optimizer has a test error."""
    untested = trials["test_error"].isna() & (trials["status"] == COMPLETE)
    return ~untested.groupby([trials["workload"], trials["optimizer"]]).transform("any")
