"""Workload `digits_mlp`: one hidden layer on scikit-learn's handwritten digits. A second a trial.

No convolutions and no augmentation, so that many trials can be trained as one stacked model. The
data and its parts: tasks/digits.py. All of it is ours, no paper has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data import digits
from workloads.settings import FLAG, PATH, POSITIVE, read

if TYPE_CHECKING:
    from workloads.tasks.images import ImageTask
    from workloads.tasks.stacked_images import StackedImages

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
    """`model`: width, the units of the hidden layer; batch_norm, off by default."""
    from workloads.models.dense import mlp
    from workloads.tasks.digits import NUM_CLASSES, PIXELS, digits_task

    read("data", data, root=PATH, cache=PATH)
    settings = read("model", model, **MODEL)
    width, batch_norm = settings.width, bool(settings.batch_norm)
    return digits_task(lambda: mlp(PIXELS, width, NUM_CLASSES, batch_norm), batch_size, device)


def load_stacked(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> StackedImages:
    from workloads.tasks.stacked_images import StackedImages

    return StackedImages(load(data, model, batch_size, device))
