"""Examples by their difficulty: which of them make a minibatch, and how often."""

import numpy as np
import pytest
import torch

from workloads.task import DataError
from workloads.tasks.curriculum import Curriculum

EXAMPLES = torch.arange(1000) + 5000
SCORES = np.random.default_rng(0).permutation(1000).astype(float)  # the difficulty is the rank


def drawn(name, step=0, batches=40, **settings):
    """Difficulties from 0 to 1 of many examples drawn at a step."""
    order = Curriculum(EXAMPLES, 500, SCORES, name=name, **settings)
    found = torch.cat([order.minibatch(step, data_seed) for data_seed in range(batches)])
    return SCORES[found.numpy() - 5000] / 1000


def test_naive_draws_from_an_easiest_share_that_grows_to_all():
    settings = {"start": 0.2, "pace_steps": 100}
    for step, share in ((0, 0.2), (50, 0.6), (100, 1.0), (500, 1.0)):
        found = drawn("naive", step, **settings)
        assert share - 0.01 < found.max() < share
        assert found.mean() == pytest.approx(share / 2, abs=0.01)


def test_mixed_has_easy_examples_more_often_throughout():
    """Of a share u, uniform, then uniform in it: P(difficulty <= x) = x - x ln x."""
    found = drawn("mixed")
    for x in (0.1, 0.5, 0.9):
        assert (found <= x).mean() == pytest.approx(x - x * np.log(x), abs=0.015)


def test_combined_is_half_of_either():
    found = drawn("combined", start=0.1, pace_steps=100)
    expected = 0.5 + 0.5 * (0.1 - 0.1 * np.log(0.1))
    assert (found <= 0.1).mean() == pytest.approx(expected, abs=0.015)
    assert found.max() > 0.9


@pytest.mark.parametrize("name", ["naive", "mixed", "combined"])
def test_a_minibatch_is_a_function_of_seed_and_step(name):
    one, other = (
        Curriculum(EXAMPLES, 16, SCORES, name=name, start=0.5, pace_steps=9) for _ in "12"
    )
    other.minibatch(3, 1)
    assert torch.equal(one.minibatch(7, 2), other.minibatch(7, 2))
    assert not torch.equal(one.minibatch(7, 2), one.minibatch(8, 2))


def test_other_scores_than_examples_are_refused():
    with pytest.raises(DataError, match="holds 3 scores, and there are 1000 training examples"):
        Curriculum(EXAMPLES, 16, np.ones(3), name="mixed")
