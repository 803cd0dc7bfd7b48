"""Workload `digits_logistic`: logistic regression on scikit-learn's handwritten digits.

A second a trial, and convex: with all weights starting at 0, trials differ in the order of their
data alone. The data and its parts: tasks/digits.py. All of it is ours, no paper has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data import digits
from workloads.settings import PATH, read

if TYPE_CHECKING:
    from workloads.tasks.images import ImageTask
    from workloads.tasks.stacked_images import StackedImages


def prepare(data: Mapping[str, Any]) -> str:
    """The data is bundled, so that data.root and data.cache are accepted and not used."""
    read("data", data, root=PATH, cache=PATH)
    return digits.read().sha256


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model)


def training_examples(data: Mapping[str, Any]) -> int:
    from workloads.tasks.digits import SPLIT_SIZES

    return SPLIT_SIZES["train"]


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> ImageTask:
    """`model` has no settings."""
    from workloads.models.dense import logistic_regression
    from workloads.tasks.digits import NUM_CLASSES, PIXELS, digits_task

    read("data", data, root=PATH, cache=PATH)
    read("model", model)
    return digits_task(lambda: logistic_regression(PIXELS, NUM_CLASSES), batch_size, device)


def load_stacked(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> StackedImages:
    from workloads.tasks.stacked_images import StackedImages

    return StackedImages(load(data, model, batch_size, device))
