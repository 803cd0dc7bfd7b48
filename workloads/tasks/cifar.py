"""CIFAR-10 or CIFAR-100 as a task for any model: what the workloads on them share."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import numpy as np
from torch import nn

from workloads.data.decoded import Decoded
from workloads.tasks.images import ImageTask, Preparation
from workloads.tasks.splits import as_deepobs, described, stratified_split

SPLIT_SEED = 0  # of the workloads, not of a trial: every trial has the same split
CROP_PAD = 4
AS_DEEPOBS = Preparation(crop_pad=2, colours=True)
"""Of DeepOBS's code. Left out is its change of brightness, by at most a quarter of one grey of 256:
an image standardised by its own mean does not show it."""

AS_IT_IS = SimpleNamespace(
    train_on_validation=False, drop_remainder=False, same_order_each_epoch=False
)


def cifar_task(
    cifar: ModuleType,
    decoded: Decoded,
    build_model: Callable[[int], nn.Module],
    batch_size: int,
    device: str,
    settings: SimpleNamespace = AS_IT_IS,
) -> ImageTask:
    """45,000 train, 5,000 validation (of the official 50,000, as many a class), 10,000 test.

    Args:
        cifar: the module workloads.data.cifar10 or cifar100.
        build_model: from the number of classes.
        settings: those of `settings.DEEPOBS`; and augmentation, "deepobs" for `AS_DEEPOBS` instead
            of random crops and flips of images standardised per channel.
    """
    labels, count = decoded.labels, cifar.SIZES["train"]
    train, validation = stratified_split(
        labels[:count], [count - cifar.VALIDATION_SIZE, cifar.VALIDATION_SIZE], SPLIT_SEED
    )
    test = np.arange(count, len(labels))
    splits = as_deepobs(
        {"train": train, "validation": validation, "test": test}, batch_size, settings
    )
    further = {}
    preparation = Preparation(cifar.MEAN, cifar.STD, CROP_PAD)
    if getattr(settings, "augmentation", None) == "deepobs":
        preparation, further = AS_DEEPOBS, {"augmentation": "deepobs"}
    return ImageTask(
        decoded.images,
        labels,
        splits,
        build_model=lambda: build_model(len(cifar.CLASSES)),
        preparation=preparation,
        batch_size=batch_size,
        device=device,
        data_description={**decoded.description, **described(splits, settings), **further},
        drop_remainder=bool(settings.drop_remainder),
        same_order_each_epoch=bool(settings.same_order_each_epoch),
    )
