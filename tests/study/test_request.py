"""Which trials of a study are asked for."""

import pytest

from harness.errors import ConfigError
from harness.study.request import Request
from tests.study.test_study import CONFIG, Study

STUDY = Study(CONFIG)


def test_the_indices_in_the_order_they_are_handed_out():
    assert list(Request(STUDY, "", first_trial=2, num_trials=3).indices) == [2, 3, 4]
    assert list(Request(STUDY, "", trials=(3, 9)).indices) == [3, 9]
    assert list(Request(STUDY, "", 1, num_feasible=2, max_trials=5).indices) == [1, 2, 3, 4, 5]


def test_feasible_trials_are_sought_among_twenty_times_as_many():
    assert len(Request(STUDY, "", num_feasible=3).indices) == 60


@pytest.mark.parametrize("name", ["num_trials", "num_feasible", "first_trial"])
def test_absurd_numbers_are_refused(name):
    with pytest.raises(ConfigError, match=f"{name} must be at most 1,000,000, got 1000000000"):
        Request(STUDY, "", **{name: 10**9})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"num_trials": 0}, "num_trials must be 1 or more, got 0"),
        ({"first_trial": -1}, "first_trial must be 0 or more, got -1"),
        ({"num_feasible": 0}, "num_feasible must be 1 or more, got 0"),
        ({"num_feasible": 1, "max_trials": 0}, "max_trials must be 1 or more, got 0"),
        ({"max_trials": 3}, "max_trials caps num_feasible=, which is not given; use num_trials="),
    ],
)
def test_requests_that_mean_nothing_are_refused(given, says):
    with pytest.raises(ConfigError, match=says):
        Request(STUDY, "", **given)
