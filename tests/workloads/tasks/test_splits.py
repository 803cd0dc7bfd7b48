from types import SimpleNamespace

import numpy as np
import pytest
import torch

from workloads.settings import DEEPOBS
from workloads.task import DataError
from workloads.tasks.splits import as_deepobs, described, full_minibatches, stratified_split


@pytest.mark.parametrize("sizes", [[60, 20, 20], [45, 5], [7, 1, 2]])
def test_a_split_is_disjoint_has_its_sizes_and_the_classes_in_proportion(sizes):
    labels = np.random.default_rng(0).integers(4, size=sum(sizes) * 10)
    sizes = [10 * size for size in sizes]
    parts = stratified_split(labels, sizes, seed=0)
    assert [len(part) for part in parts] == sizes
    assert len(set(np.concatenate(parts))) == len(labels)
    for part in parts:
        expected = np.bincount(labels) * len(part) / len(labels)
        assert np.abs(np.bincount(labels[part], minlength=4) - expected).max() <= 2


def test_a_split_depends_on_its_seed_alone():
    labels = np.arange(100) % 10
    first = stratified_split(labels, [50, 50], seed=0)[0]
    assert np.array_equal(first, stratified_split(labels, [50, 50], seed=0)[0])
    assert not np.array_equal(first, stratified_split(labels, [50, 50], seed=1)[0])


def test_the_split_of_balanced_classes_is_exact_and_frozen():
    train, validation = stratified_split(np.arange(1000) % 10, [900, 100], seed=0)
    assert (np.bincount(train % 10) == 90).all()
    assert (np.bincount(validation % 10) == 10).all()
    # Results are comparable only while this holds.
    assert validation[:8].tolist() == [1, 9, 31, 32, 44, 58, 86, 90]


def settings(**on):
    return SimpleNamespace(**(dict.fromkeys(DEEPOBS) | on))


SPLITS = {
    "train": np.array([0, 2, 4, 6, 8]),
    "validation": np.array([1, 3, 5]),
    "test": np.array([7, 9, 10, 11, 12]),
}


def test_nothing_is_as_deepobs_unless_asked_for():
    found = as_deepobs(SPLITS, 2, settings())
    assert all(np.array_equal(found[name], SPLITS[name]) for name in SPLITS)
    assert described(found, settings(drop_remainder=False)) == {
        "train": 5,
        "validation": 3,
        "test": 5,
    }


def test_the_validation_part_is_trained_on_and_still_evaluated():
    asked = settings(train_on_validation=True)
    found = as_deepobs(SPLITS, 2, asked)
    assert found["train"].tolist() == [0, 1, 2, 3, 4, 5, 6, 8]
    assert found["validation"].tolist() == [1, 3, 5]
    told = described(found, asked)
    assert told == {"train": 8, "validation": 3, "test": 5, "train_on_validation": True}


def test_evaluations_drop_their_remainder():
    found = as_deepobs(SPLITS, 2, settings(drop_remainder=True))
    assert [part.tolist() for part in found.values()] == [[0, 2, 4, 6, 8], [1, 3], [7, 9, 10, 11]]


def test_a_part_that_fills_no_minibatch_is_an_error():
    message = r"workload\.batch_size=4 is more than the 3 examples of validation.*: give a smaller"
    with pytest.raises(DataError, match=message):
        as_deepobs(SPLITS, 4, settings(drop_remainder=True))
    assert full_minibatches(torch.arange(9), 4, "test").tolist() == list(range(8))
