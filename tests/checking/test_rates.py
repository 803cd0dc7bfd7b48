"""Rates by name, from losses made up."""

import math

import pytest

from harness.checking import rates
from harness.checking.finding import LOOK, OK, WRONG

FLAT = [2.3] * 10


def falling(to):
    return [2.3 + (to - 2.3) * step / 9 for step in range(10)]


def named(*runs):
    runs = [list(run) for run in (*runs, *[[2.3, math.inf]] * (len(rates.RATES) - len(runs)))]
    return rates._named(runs, 10)


def test_each_rate_is_called_what_it_does():
    spiky = [2.3, 9.0, *falling(0.4)[2:]]
    found = named(FLAT, FLAT, falling(2.2), falling(0.5), falling(0.3), spiky, falling(2.0))
    assert [each.called for each in found] == [
        "low", "low", "low", "good", "good", "high", "high", *["too high"] * 3,
    ]  # fmt: skip
    assert rates.good_rate(found) == pytest.approx(1e-3)
    assert rates.finding(found).verdict == OK


def test_where_nothing_lowers_the_loss_it_is_wrong():
    found = named(FLAT, FLAT)
    assert rates.finding(found).verdict == WRONG


def test_a_good_rate_at_the_edge_is_to_be_looked_at():
    found = named(falling(0.3))
    assert rates.finding(found).verdict == LOOK
