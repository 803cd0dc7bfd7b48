"""Workload `digits_cnn`: a small CNN on scikit-learn's handwritten digits. Seconds a trial.

The data and its parts: tasks/digits.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data import digits
from workloads.settings import FLAG, PATH, POSITIVE, read

if TYPE_CHECKING:
    from workloads.tasks.images import ImageTask

MODEL = {"width": POSITIVE, "batch_norm": FLAG}


def prepare(data: Mapping[str, Any]) -> str:
    """The data is bundled, so that data.root and data.cache are accepted and not used."""
    read("data", data, root=PATH, cache=PATH)
    return digits.read().sha256


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model, **MODEL)


def training_examples(data: Mapping[str, Any]) -> int:
    from workloads.tasks.digits import SPLIT_SIZES

    return SPLIT_SIZES["train"]


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> ImageTask:
    """`model`: width, the channels of the first convolution; batch_norm, off by default."""
    from workloads.models.small_cnn import small_cnn
    from workloads.tasks.digits import NUM_CLASSES, digits_task

    read("data", data, root=PATH, cache=PATH)
    settings = read("model", model, **MODEL)
    width, batch_norm = settings.width, bool(settings.batch_norm)
    return digits_task(lambda: small_cnn(width, NUM_CLASSES, batch_norm), batch_size, device)
