"""Workload `cifar100_cnn`: All-CNN-C on CIFAR-100, DeepOBS's `cifar100_allcnnc`.

45,000 train, 5,000 validation (of the official 50,000, 50 a class, ours), 10,000 test. Random crops
and flips, standardised per channel; with data.augmentation=deepobs as in DeepOBS's code
(tasks/cifar.py). What else differs from DeepOBS, unless train_on_validation, drop_remainder and
same_order_each_epoch say otherwise: the validation part itself, remainders that count, and an order
of its own for each epoch. Its L2 regularisation is the search space's `l2`, on all parameters where
DeepOBS leaves out the biases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data import cifar, cifar100
from workloads.settings import DEEPOBS, POSITIVE, one_of, read

if TYPE_CHECKING:
    from workloads.tasks.images import ImageTask

MODEL = {"width": POSITIVE}
FURTHER = {**DEEPOBS, "augmentation": one_of("crops_and_flips", "deepobs")}


def prepare(data: Mapping[str, Any]) -> str:
    """`data`: root, cache, format, download (cifar.py), `settings.DEEPOBS` and augmentation."""
    return str(cifar100.load(data, **FURTHER).description["sha256"])


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model, **MODEL)


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> ImageTask:
    """`model`: width, the channels of the first convolutions."""
    from workloads.models.all_cnn import AllCNN
    from workloads.tasks.cifar import cifar_task

    width = read("model", model, **MODEL).width
    settings = read("data", data, **cifar.DATA, **FURTHER)
    decoded = cifar100.load(data, **FURTHER)
    return cifar_task(
        cifar100,
        decoded,
        lambda num_classes: AllCNN(width, num_classes),
        batch_size,
        device,
        settings,
    )
