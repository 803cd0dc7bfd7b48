"""scikit-learn's handwritten digits as a task for any model: what the digits workloads share.

1,797 real 8x8 images of ten digits (the test part of UCI's optical recognition of handwritten
digits): 1,077 train, 360 validation, 360 test, no augmentation.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import nn

from workloads.data import digits
from workloads.tasks.images import ImageTask, Preparation
from workloads.tasks.splits import stratified_split

NUM_CLASSES = 10
PIXELS = 8 * 8
SPLIT_SIZES = {"train": 1077, "validation": 360, "test": 360}
SPLIT_SEED = 0  # of the workloads, not of a trial: every trial has the same split
AS_INPUTS = Preparation(mean=[4.9], std=[6.0])  # of all pixels, rounded


def digits_task(build_model: Callable[[], nn.Module], batch_size: int, device: str) -> ImageTask:
    found = digits.read()
    images = np.array(memoryview(found.pixels)).reshape(-1, 8, 8, 1)
    labels = np.array(memoryview(found.labels))
    splits = stratified_split(labels, list(SPLIT_SIZES.values()), SPLIT_SEED)
    return ImageTask(
        images,
        labels,
        dict(zip(SPLIT_SIZES, splits, strict=True)),
        build_model=build_model,
        preparation=AS_INPUTS,
        batch_size=batch_size,
        device=device,
        data_description={
            "label": "scikit-learn digits",
            "sha256": found.sha256,
            **SPLIT_SIZES,
        },
    )
