"""Early stopping by patience."""

import math

import pytest

from harness.training.stopping import Patience


@pytest.mark.parametrize(
    ("errors", "over", "best"),
    [
        ([0.5], False, 0),
        ([0.5, 0.4, 0.4], False, 1),
        ([0.5, 0.4, 0.4, 0.4], True, 1),  # as good is no better
        ([0.5, 0.6, 0.4], False, 2),
        ([None, math.nan, math.inf], True, 0),
    ],
)
def test_it_ends_after_two_evaluations_without_a_better_one(errors, over, best):
    assert Patience(2).over(errors) is over
    assert Patience(2).best(errors) == best


def test_less_than_the_margin_is_no_improvement():
    errors = [0.50, 0.46, 0.43, 0.44]
    assert Patience(3, margin=0.05).best(errors) == 2  # .07 better than the first
    assert Patience(1, margin=0.05).best([0.50, 0.46]) == 0
