"""Workload `cifar10_resnet32`: He et al.'s ResNet on CIFAR-10, with random crops and flips.

45,000 train, 5,000 validation (of the official 50,000, 500 a class), 10,000 test.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data import cifar10
from workloads.settings import POSITIVE, one_of, read

if TYPE_CHECKING:
    from workloads.tasks.images import ImageTask

VALIDATION_SIZE = 5_000
SPLIT_SEED = 0  # of the workload, not of a trial: every trial has the same split
CROP_PAD = 4

# Of the official training images' channels, in units of 1/255 as stored.
MEAN = (125.3, 123.0, 113.9)
STD = (63.0, 62.1, 66.7)

MODEL = {"depth": one_of(8, 14, 20, 32, 56), "width": POSITIVE}


def prepare(data: Mapping[str, Any]) -> str:
    """`data`: root, cache, format, download (cifar10.py)."""
    return str(cifar10.load(data).description["sha256"])


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model, **MODEL)


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> ImageTask:
    """`model`: depth (6n+2) and width (the channels of the first stage)."""
    import numpy as np

    from workloads.models.resnet import ResNet
    from workloads.tasks.images import ImageTask, stratified_split

    settings = read("model", model, **MODEL)
    images, labels, description = cifar10.load(data)
    sizes = {
        "train": cifar10.SIZES["train"] - VALIDATION_SIZE,
        "validation": VALIDATION_SIZE,
        "test": cifar10.SIZES["test"],
    }
    training_labels = labels[: cifar10.SIZES["train"]]
    train, validation = stratified_split(
        training_labels, [sizes["train"], sizes["validation"]], SPLIT_SEED
    )
    test = np.arange(cifar10.SIZES["train"], len(labels))
    num_classes = len(cifar10.CLASSES)
    return ImageTask(
        images,
        labels,
        {"train": train, "validation": validation, "test": test},
        build_model=lambda: ResNet(settings.depth, settings.width, num_classes),
        mean=MEAN,
        std=STD,
        crop_pad=CROP_PAD,
        batch_size=batch_size,
        device=device,
        data_description={**description, **sizes},
    )
