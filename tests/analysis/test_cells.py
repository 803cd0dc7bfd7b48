"""Which cells a comparison has, and the budget they are compared at."""

import pytest

from harness.analysis.cells import cells, comparison_budget
from harness.analysis.counting import every_trial
from tests.analysis.conftest import errors_of, row_of
from tests.analysis.made_up import AXES, DIGITS, TEXT, results


@pytest.fixture(scope="module")
def trials():
    return results().trials


def test_every_cell_is_there_and_says_why_it_is_missing(trials):
    frame = cells(trials)
    assert len(frame) == 2 * 6
    assert row_of(frame, workload=TEXT, optimizer="nadam")["missing"] == "not run"
    assert row_of(frame, workload=DIGITS, optimizer="adadelta")["missing"] == "no feasible trial"
    assert (frame["missing"] == "").sum() == 9


def test_optimizers_are_compared_at_a_fifth_of_the_fewest_trials(trials):
    fewest = min(len(errors_of(trials, DIGITS, name)) for name in AXES if name != "adadelta")
    assert comparison_budget(trials)[DIGITS] == fewest // 5
    assert comparison_budget(trials, max_budget=3)[DIGITS] == 3


def test_where_every_trial_counts_n_is_that_of_trials_run(trials):
    every = cells(every_trial(trials))
    assert row_of(every, workload=DIGITS, optimizer="adam")["trials"] == 60
    assert row_of(every, workload=DIGITS, optimizer="sgd")["trials"] == 59  # one failed
    assert row_of(every, workload=DIGITS, optimizer="adadelta")["missing"] == "no feasible trial"
    assert comparison_budget(every_trial(trials))[DIGITS] == 59 // 5
    assert every["every_trial_counts"].all()
