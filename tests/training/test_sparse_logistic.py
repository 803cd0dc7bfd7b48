"""Logistic regression on sparse features, a step at a time: its gradient, its order, its quality."""

import contextlib

import numpy as np
import pytest
import torch

from harness.training.sparse_logistic import descend, order, quality

FEATURES = np.array([[0, 3], [0, 4], [0, 3], [0, 1]])
LABELS = np.array([1.0, 0.0, 1.0, 0.0])


def test_a_step_is_that_of_the_gradient_of_the_cross_entropy():
    weights = np.linspace(-1, 1, 6)
    theta = torch.tensor(weights, requires_grad=True)
    for example in (2, 0, 1):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            theta[FEATURES[example]].sum(), torch.tensor(LABELS[example])
        )
        (gradient,) = torch.autograd.grad(loss, theta)
        theta = (theta - 0.3 * gradient).detach().requires_grad_()
    descend(weights, FEATURES, LABELS, np.array([2, 0, 1]), 0.3)
    np.testing.assert_allclose(weights, theta.detach().numpy(), rtol=0, atol=1e-12)


def test_only_an_examples_own_weights_move():
    weights = np.zeros(6)
    descend(weights, FEATURES, LABELS, np.array([1]), 0.5)
    assert np.flatnonzero(weights).tolist() == [0, 4]


def test_a_lock_is_held_for_every_step_and_changes_nothing():
    class Lock(contextlib.AbstractContextManager):
        held = 0

        def __exit__(self, *_):
            self.held += 1

    lock, plain, locked = Lock(), np.zeros(6), np.zeros(6)
    descend(plain, FEATURES, LABELS, np.arange(4), 0.5)
    descend(locked, FEATURES, LABELS, np.arange(4), 0.5, lock)
    assert np.array_equal(plain, locked)
    assert lock.held == 4


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_share_an_epoch_without_a_rest(workers):
    shares = [order(100, 7, 2, worker, workers) for worker in range(workers)]
    assert sorted(np.concatenate(shares).tolist()) == list(range(100))
    assert not np.array_equal(order(100, 7, 2), order(100, 7, 3))
    assert np.array_equal(order(100, 7, 2), order(100, 7, 2))


def test_quality_is_error_rate_and_cross_entropy():
    weights = np.array([0.2, 0.0, 0.0, 1.0, -0.1, 0.0])
    found = quality(weights, FEATURES, LABELS)
    scores = weights[FEATURES].sum(1)
    assert found.error_rate == pytest.approx(((scores > 0) != (LABELS == 1)).mean())
    probabilities = 1 / (1 + np.exp(-scores))
    told = -np.mean(LABELS * np.log(probabilities) + (1 - LABELS) * np.log(1 - probabilities))
    assert found.loss == pytest.approx(told)
