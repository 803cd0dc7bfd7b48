"""Workload `fashion_mnist_cnn`: DeepOBS's 2c2d (`fmnist_2c2d`) on Fashion-MNIST.

55,000 train, 5,000 validation (of the official 60,000: the last of a fixed shuffle, ours), 10,000
test; pixels divided by 255, no augmentation. What differs from DeepOBS, unless the settings
train_on_validation, drop_remainder and same_order_each_epoch of `data` say otherwise: the
validation part itself, remainders that count, and an order of its own for each epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data import fashion_mnist
from workloads.settings import DEEPOBS, POSITIVE, or_null, read

if TYPE_CHECKING:
    from workloads.tasks.images import ImageTask

NUM_CLASSES = 10
WIDTH = 32
MODEL = {"width": or_null(POSITIVE)}
VALIDATION_SIZE = 5_000
SPLIT_SEED = 0  # of the workload, not of a trial: every trial has the same split


def prepare(data: Mapping[str, Any]) -> str:
    """`data`: root, cache, download (fashion_mnist.py) and `settings.DEEPOBS`."""
    return str(fashion_mnist.load(data, **DEEPOBS).description["sha256"])


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model, **MODEL)


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> ImageTask:
    """`model`: width, the channels of the first convolution; 32, DeepOBS's, unless it says another."""
    import numpy as np

    from workloads.models.cnn_2c2d import cnn_2c2d
    from workloads.tasks.images import ImageTask, Preparation
    from workloads.tasks.splits import as_deepobs, described

    width = read("model", model, **MODEL).width or WIDTH
    settings = read("data", data, **fashion_mnist.DATA, **DEEPOBS)
    images, labels, description = fashion_mnist.load(data, **DEEPOBS)
    count = fashion_mnist.SIZES["train"]
    # RandomState: its stream is frozen; Generator's may change (NEP 19).
    shuffled = np.random.RandomState(SPLIT_SEED).permutation(count)
    splits = {
        "train": np.sort(shuffled[: count - VALIDATION_SIZE]),
        "validation": np.sort(shuffled[count - VALIDATION_SIZE :]),
        "test": np.arange(count, len(labels)),
    }
    splits = as_deepobs(splits, batch_size, settings)
    return ImageTask(
        images,
        labels,
        splits,
        build_model=lambda: cnn_2c2d(NUM_CLASSES, width),
        preparation=Preparation(mean=[0.0], std=[255.0]),
        batch_size=batch_size,
        device=device,
        data_description={**description, **described(splits, settings)},
        drop_remainder=bool(settings.drop_remainder),
        same_order_each_epoch=bool(settings.same_order_each_epoch),
    )
