"""Averaged predictions: their error, and its spread over which members they are."""

import itertools

import numpy as np
import pytest

from harness.analysis.ensembles import SUBSETS, error, errors

LABELS = np.array([0, 1])


def test_the_mean_probability_decides_not_the_vote():
    """Two members are slightly wrong, one is surely right."""
    wrong, right = [[0.4, 0.6], [0.4, 0.6]], [[0.99, 0.01], [0.4, 0.6]]
    members = np.array([wrong, wrong, right], dtype=np.float32)
    assert error(members, LABELS) == 0.0
    assert error(members[:2], LABELS) == 0.5


def test_each_size_is_taken_over_all_members_of_that_size():
    random = np.random.default_rng(0)
    members = random.dirichlet([1, 1, 1], size=(5, 40)).astype(np.float32)
    labels = random.integers(3, size=40)
    found = errors(members, labels)
    for row in found.itertuples():
        every = [
            error(members[list(each)], labels)
            for each in itertools.combinations(range(5), row.members)
        ]
        assert row.mean == pytest.approx(np.mean(every))
        assert (row.p05, row.p95) == pytest.approx(tuple(np.quantile(every, (0.05, 0.95))))
        assert row.in_order == error(members[: row.members], labels)
    assert found["mean"].iloc[-1] == found["p05"].iloc[-1] == found["p95"].iloc[-1]


def test_of_many_members_some_choices_are_drawn():
    members = np.random.default_rng(0).dirichlet([1, 1], size=(12, 3)).astype(np.float32)
    found = errors(members, np.array([0, 1, 0]))
    assert found["subsets"].max() <= SUBSETS
    assert found["subsets"].tolist()[-2:] == [12, 1]


def test_independent_errors_average_out():
    """Members right with probability .7 each, independently: the more, the better."""
    random = np.random.default_rng(0)
    right = random.random((25, 2000)) < 0.7
    members = np.stack([right, ~right], axis=2).astype(np.float32)
    found = errors(members, np.zeros(2000, int)).set_index("members")
    assert found["mean"][1] == pytest.approx(0.3, abs=0.01)
    assert found["mean"][25] < 0.05
