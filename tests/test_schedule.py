import itertools

import pytest

from harness.training.schedules.linear import linear_decay


def test_decays_linearly_then_stays():
    rates = [
        linear_decay(2.0, step, 100, decay_steps_factor=0.5, end_factor=0.1) for step in range(101)
    ]
    assert rates[0] == 2.0
    assert rates[25] == pytest.approx(1.1)  # halfway down from 2.0 to 0.2
    assert rates[50:] == pytest.approx([0.2] * 51)
    assert all(a >= b for a, b in itertools.pairwise(rates))


def test_without_a_schedule_it_is_constant():
    assert {linear_decay(0.3, step, 10) for step in range(11)} == {0.3}


def test_no_steps_to_decay_over_is_the_end_at_once():
    assert linear_decay(1.0, 0, 10, decay_steps_factor=0.0, end_factor=0.1) == pytest.approx(0.1)
