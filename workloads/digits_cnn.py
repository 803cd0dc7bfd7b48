"""Workload `digits_cnn`: a small CNN on scikit-learn's handwritten digits. Seconds a trial.

1,797 real 8x8 images of ten digits (the test part of UCI's optical recognition of handwritten
digits), bundled with scikit-learn: 1,077 train, 360 validation, 360 test, no augmentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data import digits
from workloads.settings import PATH, POSITIVE, read

if TYPE_CHECKING:
    from workloads.tasks.images import ImageTask

SPLIT_SIZES = {"train": 1077, "validation": 360, "test": 360}
SPLIT_SEED = 0  # of the workload, not of a trial: every trial has the same split


def prepare(data: Mapping[str, Any]) -> str:
    """The data is bundled, so that data.root and data.cache are accepted and not used."""
    read("data", data, root=PATH, cache=PATH)
    return digits.read().sha256


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model, width=POSITIVE)


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> ImageTask:
    """`model`: width, the channels of the first convolution."""
    import numpy as np

    from workloads.models.small_cnn import small_cnn
    from workloads.tasks.images import ImageTask, stratified_split

    read("data", data, root=PATH, cache=PATH)
    width = read("model", model, width=POSITIVE).width
    found = digits.read()
    images = np.array(memoryview(found.pixels)).reshape(-1, 8, 8, 1)
    labels = np.array(memoryview(found.labels))
    splits = stratified_split(labels, list(SPLIT_SIZES.values()), SPLIT_SEED)
    return ImageTask(
        images,
        labels,
        dict(zip(SPLIT_SIZES, splits, strict=True)),
        build_model=lambda: small_cnn(width, num_classes=10),
        mean=[4.9],  # of all pixels, rounded
        std=[6.0],
        crop_pad=0,
        batch_size=batch_size,
        device=device,
        data_description={
            "label": "scikit-learn digits",
            "sha256": found.sha256,
            **SPLIT_SIZES,
        },
    )
