"""A point of a study, trained again: whatever words the study was composed with."""

import pytest

from harness.commands import retrained
from tests.studies import study

TINY = ("workload.steps=2", "workload.eval_every=2")
WORDS = {
    "shipped": ("optimizer=momentum",),
    "another space": ("optimizer=adam", "search_space=digits_cnn/paper/adam"),
    "a range": ("optimizer=sgd", "search_space.lr.high=1", "schedule.end_factor=0.01"),
    "an axis taken out, another added": (
        "optimizer=momentum", "~search_space.effective_lr", "+search_space.lr={low: 0.1, high: 1}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS.keys())
def test_every_trial_is_at_the_point(words):
    of = study(*words, *TINY)
    point = of.point(3)
    again = study(*retrained.at(of, point))
    assert [again.point(trial) for trial in range(3)] == [point] * 3
    assert again.config["workload"] == of.config["workload"]
    assert again.config["optimizer"] == of.config["optimizer"]


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS.keys())
def test_a_setting_by_the_hyperparameters_own_names(words):
    of = study(*words, *TINY)
    values = {"lr": 0.25, "end_factor": 0.5, "decay_steps_factor": 0.75}
    again = study(*retrained.by_name(of, values, "linear"))
    assert again.optimizer == of.optimizer
    point = again.point(0)
    assert all(point[name] == value for name, value in values.items())
    assert again.point(1) == point
    assert {"effective_lr", "lr_over_eps", "one_minus_momentum"}.isdisjoint(point)
