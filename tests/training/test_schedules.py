"""The shipped schedules: at points computed by hand, at their limits, with a warm-up, as they are searched."""

import itertools
import math

import pytest

from harness.study import parametrisation
from harness.training.schedule import schedule
from harness.training.schedules.constant import constant
from harness.training.schedules.cosine import cosine
from harness.training.schedules.exponential import exponential
from harness.training.schedules.inverse_time import inverse_time
from harness.training.schedules.linear import linear
from harness.training.schedules.step import step
from harness.training.schedules.wsd import wsd
from harness.training.signatures import keywords
from harness.training.warm_up import warm_up
from tests.studies import study

ALL = {
    each.__name__: each for each in (constant, cosine, exponential, inverse_time, linear, step, wsd)
}
DECAYING = {
    "cosine": {"end_factor": 0.01},
    "exponential": {"end_factor": 0.01},
    "inverse_time": {"end_factor": 0.01},
    "linear": {"end_factor": 0.01, "decay_steps_factor": 1.0},
    "step": {"drop_factor": 0.1, "drop_interval_factor": 0.3},
    "wsd": {"end_factor": 0.01, "cooldown_factor": 0.3},
}


def factors(name, steps=100, **axes):
    return [ALL[name](each, steps, **axes) for each in range(steps)]


# --- by hand ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "axes", "points"),
    [
        ("step", {"drop_factor": 0.1, "drop_interval_factor": 0.25},
         {0: 1, 24: 1, 25: 0.1, 49: 0.1, 50: 0.01, 75: 0.001, 99: 0.001}),
        ("step", {"drop_factor": 0.5, "drop_interval_factor": 0.1}, {29: 0.25, 30: 0.125}),
        ("exponential", {"end_factor": 1e-4}, {0: 1, 25: 0.1, 50: 0.01, 75: 0.001}),
        ("inverse_time", {"end_factor": 0.1}, {0: 1, 50: 1 / 5.5, 99: 1 / (1 + 9 * 0.99)}),
        ("inverse_time", {"end_factor": 0.5}, {50: 2 / 3}),
        ("cosine", {}, {0: 1, 25: (1 + math.sqrt(0.5)) / 2, 50: 0.5, 75: (1 - math.sqrt(0.5)) / 2}),
        ("cosine", {"end_factor": 0.1}, {0: 1, 50: 0.55}),
        ("wsd", {"warmup_factor": 0.1, "cooldown_factor": 0.2, "end_factor": 0.0},
         {0: 0.1, 4: 0.5, 9: 1, 10: 1, 80: 1, 85: 0.75, 90: 0.5, 99: 0.05}),
        ("wsd", {"cooldown_factor": 0.5, "end_factor": 0.1}, {0: 1, 50: 1, 75: 0.55}),
    ],
)  # fmt: skip
def test_at_points_computed_by_hand(name, axes, points):
    got = {each: ALL[name](each, 100, **axes) for each in points}
    assert got == pytest.approx(points)


def test_a_drop_on_a_whole_step_comes_at_that_step():
    """0.3 / 0.1 is 2.9999999999999996."""
    got = [step(each, 10, drop_factor=0.5, drop_interval_factor=0.1) for each in range(10)]
    assert got == [0.5**each for each in range(10)]


# --- limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DECAYING)
def test_it_begins_at_1_and_never_rises(name):
    got = factors(name, **DECAYING[name])
    assert got[0] == 1.0
    assert all(a >= b for a, b in itertools.pairwise(got))
    assert 0 < got[-1] < 0.2


@pytest.mark.parametrize("name", ["cosine", "exponential", "inverse_time", "linear", "wsd"])
@pytest.mark.parametrize("end", [1e-4, 0.1, 0.7])
def test_it_ends_near_its_end_factor_and_the_nearer_the_longer(name, end):
    axes = {**DECAYING[name], "end_factor": end}
    gaps = [factors(name, steps, **axes)[-1] - end for steps in (100, 1000, 10_000)]
    assert gaps[0] > gaps[1] > gaps[2] >= 0
    assert gaps[2] < 1e-3


@pytest.mark.parametrize("name", ["cosine", "exponential", "inverse_time", "linear", "wsd"])
def test_an_end_factor_of_1_is_a_constant_rate(name):
    assert factors(name, **{**DECAYING[name], "end_factor": 1.0}) == pytest.approx([1.0] * 100)


@pytest.mark.parametrize("name", ["exponential", "inverse_time", "cosine", "wsd", "linear"])
def test_an_end_of_0_is_the_limit_and_no_error(name):
    got = factors(name, **{**DECAYING[name], "end_factor": 0.0})
    assert got[0] == 1.0
    assert 0.0 <= got[-1] < 0.05


def test_no_interval_between_drops_is_0_at_once():
    assert step(0, 10, drop_factor=0.1, drop_interval_factor=0.0) == 0.0
    assert step(5, 10, drop_factor=1.0, drop_interval_factor=0.0) == 1.0


def test_no_cool_down_is_none():
    assert factors("wsd", cooldown_factor=0.0) == [1.0] * 100


# --- warm-up ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_a_warm_up_rises_in_equal_steps_and_reaches_the_rate(name):
    axes = {**DECAYING.get(name, {}), "warmup_factor": 0.1}
    got = factors(name, **axes)
    assert got[:10] == pytest.approx([(each + 1) / 10 for each in range(10)])
    assert got[10] == 1.0
    assert all(a >= b for a, b in itertools.pairwise(got[10:]))


@pytest.mark.parametrize("name", sorted(set(DECAYING) - {"wsd"}))
def test_what_follows_a_warm_up_has_the_remaining_steps_to_itself(name):
    after = factors(name, **DECAYING[name], warmup_factor=0.2)[20:]
    assert after == pytest.approx(factors(name, 80, **DECAYING[name]))


@pytest.mark.parametrize("name", ALL)
def test_without_a_warm_up_nothing_changes(name):
    axes = DECAYING.get(name, {})
    assert factors(name, **axes) == factors(name, **axes, warmup_factor=0.0)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("factor", [1e-9, 0.025, 0.999, 1.0])
def test_any_share_of_the_steps_can_be_a_warm_up(name, factor):
    got = factors(name, 30, **DECAYING.get(name, {}), warmup_factor=factor)
    assert all(0 < each <= 1 for each in got)


def test_a_warm_up_may_end_between_two_steps():
    assert [warm_up(each, 10, 0.25)[0] for each in range(4)] == [0.4, 0.8, 1.0, 1.0]


# --- as they are searched --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_its_axes_are_searched_labelled_and_bounded(name):
    of = study("optimizer=sgd", f"schedule={name}")
    assert of.config["schedule"] == {"name": name}
    axes = [axis for axis in of.space.values() if axis.name != "lr"]
    assert {axis.name for axis in axes} <= set(keywords(schedule(name)))
    for axis in axes:
        assert axis.natural == (0.0, 1.0)
        assert axis.label != axis.name.replace("_", " ")
    names = [axis.name for axis in axes]
    assert parametrisation.order([*names, "lr", "of_mine"])[:2] == ["lr", "of_mine"]


@pytest.mark.parametrize("name", ["linear", "constant"])
def test_a_warm_up_is_one_more_axis_of_the_two_that_studies_had(name):
    plain, warm = ("optimizer=sgd", f"schedule={name}"), "+schedule.warmup_factor=0.1"
    assert "warmup_factor" not in study(*plain).space
    assert study(*plain, warm).space["warmup_factor"].ends == (0.1, 0.1)
    assert study(*plain, warm).fingerprint != study(*plain).fingerprint


def test_a_warm_up_can_be_searched_from_the_command_line():
    of = study("optimizer=sgd", "schedule=cosine", "schedule.warmup_factor={choices:[0,0.02,0.1]}")
    assert of.space["warmup_factor"].node == {"choices": [0, 0.02, 0.1]}
