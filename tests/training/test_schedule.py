"""What the learning rate is multiplied by at each step."""

import itertools

import pytest

from harness.errors import ConfigError
from harness.training.schedule import schedule
from harness.training.schedules.constant import constant
from harness.training.schedules.linear import linear
from harness.training.signatures import keywords


def halving(step, total_steps, *, every=2):
    """A user's own."""
    return 0.5 ** (step // every)


def test_linear_falls_evenly_then_stays():
    factors = [linear(step, 100, decay_steps_factor=0.5, end_factor=0.1) for step in range(101)]
    assert factors[0] == 1.0
    assert factors[25] == pytest.approx(0.55)  # halfway down from 1 to 0.1
    assert factors[50:] == pytest.approx([0.1] * 51)
    assert all(a >= b for a, b in itertools.pairwise(factors))


def test_linear_to_the_learning_rate_itself_is_constant():
    assert {linear(step, 10) for step in range(11)} == {1.0}
    assert {linear(step, 10, decay_steps_factor=0.5) for step in range(11)} == {1.0}


def test_no_steps_to_decay_over_is_the_end_at_once():
    assert linear(0, 10, decay_steps_factor=0.0, end_factor=0.1) == pytest.approx(0.1)


def linear_decay(lr, step, total_steps, *, decay_steps_factor=1.0, end_factor=1.0):
    """As up to version 0.1, in one expression: the learning rate itself."""
    decay_steps = decay_steps_factor * total_steps
    progress = min(step / decay_steps, 1.0) if decay_steps > 0 else 1.0
    return lr * (1.0 - (1.0 - end_factor) * progress)


@pytest.mark.parametrize("lr", [0.1, 3.7e-4, 12.0])
@pytest.mark.parametrize(
    "axes",
    [
        {},
        {"decay_steps_factor": 0.7316, "end_factor": 1e-3},
        {"decay_steps_factor": 1.0, "end_factor": 1e-4},
        {"end_factor": 0.1},
        {"decay_steps_factor": 0.0, "end_factor": 0.01},
    ],
)
def test_linear_gives_the_rates_that_studies_before_it_had_to_the_bit(lr, axes):
    for total in (1, 7, 400):
        ours = [lr * linear(step, total, **axes) for step in range(total)]
        assert ours == [linear_decay(lr, step, total, **axes) for step in range(total)]


def test_constant_is_one():
    assert {constant(step, 10) for step in range(10)} == {1.0}


def test_by_name_or_import_path():
    assert (schedule("linear"), schedule("constant")) == (linear, constant)
    assert schedule("tests.training.test_schedule.halving")(5, 10, every=2) == 0.25


def test_its_axes_are_its_keyword_only_arguments():
    assert keywords(linear) == ("decay_steps_factor", "end_factor", "warmup_factor")
    assert keywords(constant) == ("warmup_factor",)
    assert keywords(halving) == ("every",)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cosin", r"schedule.name 'cosin' is not one of: constant, cosine, .*; or an import path"),
        ("no_such.thing", r"schedule.name 'no_such.thing' cannot be imported"),
        ("math.no_such", r"schedule.name 'math.no_such' cannot be imported"),
        ("..x", r"schedule.name '..x' cannot be imported"),
    ],
)
def test_an_unknown_one_is_refused_in_one_line(name, says):
    with pytest.raises(ConfigError, match=says) as error:
        schedule(name)
    assert "\n" not in str(error.value)
