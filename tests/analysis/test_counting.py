"""Which trials count: feasible ones alone, or every one where it is asked for."""

import numpy as np
import pytest

from harness.analysis.checking import EVERY, LISTED, TableError, check
from harness.analysis.counting import centre, counted, every_trial, feasible_alone, noun, values
from harness.study.result import PRUNED
from tests.analysis.conftest import made_up_table


def test_listed_trials_are_never_counted():
    others = [status for status in LISTED if status != PRUNED]  # of those a statistic is refused
    trials = made_up_table(sgd=[0.1] * (2 + len(others)))
    trials["status"] = ["complete", "diverged", *others]
    assert len(counted(trials)) == 1
    assert len(counted(every_trial(trials))) == 2


def test_a_diverged_trial_is_infinitely_bad_whatever_its_row_says():
    trials = made_up_table(sgd=[0.1, np.inf])
    trials.loc[1, "val_error"] = 0.05
    assert values(counted(every_trial(trials)), "val_error").tolist() == [0.1, np.inf]


def test_values_name_what_they_lack():
    rows = counted(every_trial(made_up_table(sgd=[0.1, np.inf])))
    with pytest.raises(TableError, match=r"made_up/sgd trial 0: test_error is empty \(NaN\)"):
        values(rows, "test_error")
    with pytest.raises(TableError, match="lacks the column perplexity"):
        values(rows, "perplexity")
    with pytest.raises(TableError, match="the column status holds words"):
        values(rows, "status")


def test_the_choice_goes_with_the_table_and_is_never_read_from_one():
    trials = made_up_table(sgd=[0.1, np.inf])
    every = every_trial(trials)
    assert (centre(trials), noun(trials)) == ("mean", "feasible trials")
    assert (centre(every), noun(every)) == ("p50", "trials")
    assert EVERY not in check(every)
    assert EVERY not in feasible_alone(every)
    assert EVERY not in trials
