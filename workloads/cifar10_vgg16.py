"""Workload `cifar10_vgg16`: Wilson et al.'s VGG-16 (arXiv:1705.08292) on CIFAR-10.

Batch norm, dropout before the dense layers, random crops and flips. 45,000 train, 5,000 validation
(of the official 50,000, 500 a class), 10,000 test, standardised per channel: both ours, as for
cifar10_resnet32.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data import cifar10
from workloads.settings import POSITIVE, read

if TYPE_CHECKING:
    from workloads.tasks.images import ImageTask

MODEL = {"width": POSITIVE}


def prepare(data: Mapping[str, Any]) -> str:
    """`data`: root, cache, format, download (cifar.py)."""
    return str(cifar10.load(data).description["sha256"])


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model, **MODEL)


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> ImageTask:
    """`model`: width, the channels of the first stage, an eighth of the last."""
    from workloads.models.vgg import vgg16
    from workloads.tasks.cifar import cifar_task

    settings = read("model", model, **MODEL)
    decoded = cifar10.load(data)
    return cifar_task(
        cifar10, decoded, lambda num_classes: vgg16(settings.width, num_classes), batch_size, device
    )
