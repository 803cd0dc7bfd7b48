"""Error against delay: which delay a trial had, and the best of K of the trials there."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.checking import TableError
from harness.analysis.delays import against_delay, delays
from harness.figures import delays as figure


def table(optimizer, errors, status="complete", **columns):
    return pd.DataFrame({
        "workload": "w", "optimizer": optimizer, "study": "s", "trial": range(len(errors)),
        "status": status, "val_error": errors, **columns,
    })  # fmt: skip


def test_a_delay_is_the_transforms_or_that_of_workers_in_turn_or_none():
    trials = pd.DataFrame({
        "hp.delay": [3.0, 2.4, np.nan, np.nan], "hp.workers": [np.nan, np.nan, 8.0, np.nan],
    })  # fmt: skip
    assert delays(trials).tolist() == [3, 2, 7, 0]
    assert delays(pd.DataFrame({"hp.lr": [0.1]})).tolist() == [0]


def test_the_median_best_of_a_fifth_counts_diverged_trials_as_worst():
    good = table("sgd", np.arange(1, 11) / 100, **{"hp.delay": 4.0})
    lost = table("sgd", [np.nan] * 10, "diverged", **{"hp.delay": 4.0})
    (row,) = against_delay(pd.concat([good, lost])).to_dict("records")
    assert (row["delay"], row["trials"], row["feasible"], row["budget_trials"]) == (4, 20, 10, 4)
    # Half the trials are good: the best of four is the median of the lowest of ten with P > 15/16.
    assert row["median"] == 0.04
    assert row["best"] == 0.01
    assert row["low"] <= row["median"] <= row["high"]


def test_rows_are_by_optimizer_and_rising_delay_and_can_be_drawn():
    parts = [
        table(optimizer, np.linspace(0.1, 0.5, 10), **{"hp.workers": workers})
        for optimizer in ("easgd", "downpour")
        for workers in (8.0, 1.0)
    ]
    found = against_delay(pd.concat(parts))
    assert list(zip(found["optimizer"], found["delay"], strict=True)) == [
        ("downpour", 0), ("downpour", 7), ("easgd", 0), ("easgd", 7),
    ]  # fmt: skip
    (axes,) = figure.draw(found).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "7"]


def test_trials_without_a_delay_are_refused():
    with pytest.raises(TableError, match=r"no trial has a delay: give \+search_space.delay="):
        against_delay(table("sgd", [0.1, 0.2]))
