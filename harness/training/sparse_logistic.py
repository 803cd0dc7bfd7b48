"""Logistic regression on sparse binary features by stochastic gradient descent, one example a step."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
Features = NDArray[np.int64]


class Quality(NamedTuple):
    """On some examples."""

    error_rate: float
    loss: float  # mean cross entropy, nats


def descend(
    weights: Weights,
    features: Features,
    labels: NDArray[np.float64],
    order: NDArray[np.int64],
    lr: float,
    lock: AbstractContextManager[object] | None = None,
) -> None:
    """A step with each example of an order: w_i <- w_i - lr (sigmoid(sum_j w_j) - y), i in its features.

    In place. Only the weights of an example's features are read or written, which is what lets others
    do the same at once: Niu et al. (2011), Hogwild!, arXiv:1106.5730, algorithm 1. Nothing is locked
    unless a ``lock`` is given, which is then held for a step: without one an update may be lost when
    two write the same weight at once.
    """
    exclusive = nullcontext() if lock is None else lock
    for example in order:
        indices = features[example]
        with exclusive:
            score = weights[indices].sum()
            weights[indices] -= lr * (1.0 / (1.0 + np.exp(-score)) - labels[example])


def quality(weights: Weights, features: Features, labels: NDArray[np.float64]) -> Quality:
    """Error rate and loss of weights on examples."""
    score = weights[features].sum(1)
    signed = np.where(labels == 1, score, -score)
    return Quality(float((signed <= 0).mean()), float(np.logaddexp(0, -signed).mean()))


def order(examples: int, seed: int, epoch: int, worker: int = 0, workers: int = 1) -> Features:
    """A worker's share of an epoch: all examples shuffled by (seed, epoch) and dealt out in turn."""
    shuffled = np.random.default_rng([seed, epoch]).permutation(examples)
    return shuffled[worker::workers]
