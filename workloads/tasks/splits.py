"""Which examples train, validate and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from workloads.settings import DEEPOBS
from workloads.task import DataError

Splits = dict[str, np.ndarray]
"""Index arrays named train, validation and test."""

Examples = TypeVar("Examples", np.ndarray, Tensor)


def stratified_split(labels: np.ndarray, sizes: Sequence[int], seed: int) -> list[np.ndarray]:
    """Disjoint index sets of the given sizes, each with the classes in the proportions of `labels`.

    Every class is shuffled and spread evenly over [0, 1); the examples in that order are cut into
    the parts, so that no class is off its share by more than one or two examples. Indices are
    returned in ascending order.
    """
    random = np.random.RandomState(seed)  # its stream is frozen; Generator's may change (NEP 19)
    place = np.empty(len(labels))
    for label in np.unique(labels):
        (members,) = np.nonzero(labels == label)
        place[random.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    order = np.argsort(place, kind="stable")
    return [np.sort(part) for part in np.split(order, np.cumsum(sizes))[: len(sizes)]]


def as_deepobs(splits: Mapping[str, np.ndarray], batch_size: int, data: SimpleNamespace) -> Splits:
    """The splits as a study asks for them with the settings `settings.DEEPOBS`.

    With train_on_validation the validation part is trained on too, and still evaluated: DeepOBS has
    none. With drop_remainder an evaluation is of as many full minibatches as there are, in order.
    The remainder of the training part is dropped by the Order, after its shuffling.

    Args:
        data: of `settings.DEEPOBS`, as `settings.read` gives them.

    Raises:
        DataError: when an evaluated part fills no minibatch.
    """
    found = dict(splits)
    if data.train_on_validation:
        found["train"] = np.sort(np.concatenate([splits["train"], splits["validation"]]))
    if data.drop_remainder:
        for name in ("validation", "test"):
            found[name] = full_minibatches(splits[name], batch_size, name)
    return found


def described(splits: Mapping[str, np.ndarray], data: SimpleNamespace) -> dict[str, Any]:
    """The sizes of the splits for a Task's data description, and which of DeepOBS's ways are on."""
    on = {name: True for name in DEEPOBS if getattr(data, name)}
    return {**{name: len(part) for name, part in splits.items()}, **on}


def full_minibatches(examples: Examples, batch_size: int, split: str) -> Examples:
    """The examples without the remainder that fills no minibatch: DeepOBS drops it everywhere.

    Raises:
        DataError: when nothing is left.
    """
    kept = len(examples) // batch_size * batch_size
    if not kept:
        raise DataError(
            f"workload.batch_size={batch_size} is more than the {len(examples)} examples of "
            f"{split}, of which only full minibatches count: give a smaller one"
        )
    return examples[:kept]


def sampled(examples: Tensor, count: int) -> Tensor:
    """The same `count` of the examples at every call, drawn once for all trials; all where fewer."""
    drawn = np.random.RandomState(0).permutation(len(examples))[:count]
    return examples[torch.from_numpy(np.sort(drawn)).to(examples.device)]
