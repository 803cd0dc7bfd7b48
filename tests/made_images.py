"""A workload for tests: He et al.'s ResNet, small, on made images, with random crops and flips.

Of a workload's functions it has `load` alone, as a user's own may.
"""

import numpy as np

from workloads.models.resnet import ResNet
from workloads.tasks.images import ImageTask, Preparation

SIZES = (96, 32, 32)


def load(data, model, batch_size, device):
    random = np.random.default_rng(0)
    images = random.integers(256, size=(sum(SIZES), 32, 32, 3), dtype=np.uint8)
    labels = random.integers(10, size=sum(SIZES))
    train, validation, test = np.split(np.arange(sum(SIZES)), np.cumsum(SIZES)[:-1])
    return ImageTask(
        images,
        labels,
        {"train": train, "validation": validation, "test": test},
        build_model=lambda: ResNet(8, model["width"], 10),
        preparation=Preparation(mean=[128.0] * 3, std=[64.0] * 3, crop_pad=4),
        batch_size=batch_size,
        device=device,
        data_description={"label": "made images"},
    )
