"""Workload `cifar10_3c3d`: DeepOBS's 3c3d on CIFAR-10.

45,000 train, 5,000 validation (of the official 50,000, 500 a class, ours), 10,000 test. With
data.augmentation=deepobs images are prepared as in DeepOBS's code (tasks/cifar.py), with
crops_and_flips as for cifar10_resnet32. What else differs from DeepOBS, unless train_on_validation,
drop_remainder and same_order_each_epoch say otherwise: the validation part itself, remainders that
count, and an order of its own for each epoch. Its L2 regularisation is the search space's `l2`, on
all parameters where DeepOBS leaves out the biases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data import cifar, cifar10
from workloads.settings import DEEPOBS, one_of, read

if TYPE_CHECKING:
    from workloads.tasks.images import ImageTask

FURTHER = {**DEEPOBS, "augmentation": one_of("crops_and_flips", "deepobs")}


def prepare(data: Mapping[str, Any]) -> str:
    """`data`: root, cache, format, download (cifar.py), `settings.DEEPOBS` and augmentation."""
    return str(cifar10.load(data, **FURTHER).description["sha256"])


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model)


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> ImageTask:
    """`model` has no settings."""
    from workloads.models.cnn_3c3d import cnn_3c3d
    from workloads.tasks.cifar import cifar_task

    read("model", model)
    settings = read("data", data, **cifar.DATA, **FURTHER)
    decoded = cifar10.load(data, **FURTHER)
    return cifar_task(cifar10, decoded, cnn_3c3d, batch_size, device, settings)
