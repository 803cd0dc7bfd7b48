"""Workload `cifar10_resnet32`: He et al.'s ResNet on CIFAR-10, with random crops and flips.

45,000 train, 5,000 validation (of the official 50,000, 500 a class), 10,000 test.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data import cifar10
from workloads.settings import FLAG, POSITIVE, one_of, read

if TYPE_CHECKING:
    from workloads.tasks.images import ImageTask

MODEL = {"depth": one_of(8, 14, 20, 32, 56), "width": POSITIVE, "batch_norm": FLAG}


def prepare(data: Mapping[str, Any]) -> str:
    """`data`: root, cache, format, download (cifar.py)."""
    return str(cifar10.load(data).description["sha256"])


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model, **MODEL)


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> ImageTask:
    """`model`: depth (6n+2) and width (the channels of the first stage); batch_norm, on by default."""
    from workloads.models.resnet import ResNet
    from workloads.tasks.cifar import cifar_task

    settings = read("model", model, **MODEL)
    return cifar_task(
        cifar10,
        cifar10.load(data),
        lambda num_classes: ResNet(
            settings.depth, settings.width, num_classes, settings.batch_norm is not False
        ),
        batch_size,
        device,
    )
