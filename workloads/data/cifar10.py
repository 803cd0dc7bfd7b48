"""CIFAR-10: 60,000 colour photographs of 32x32 pixels in ten classes (Krizhevsky 2009)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workloads.data import cifar
from workloads.data.cifar import Cifar
from workloads.data.cifar_official import Official
from workloads.data.decoded import Decoded
from workloads.settings import Rule

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
"""In label order: the official one, and alphabetical."""

SIZES = {"train": 50_000, "test": 10_000}
VALIDATION_SIZE = 5_000  # of the training images, 500 a class (ours)

# Of the official training images' channels, in units of 1/255 as stored.
MEAN = (125.3, 123.0, 113.9)
STD = (63.0, 62.1, 66.7)

OFFICIAL = Official(
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    archive="cifar-10-python.tar.gz",
    md5="c58f30108f718f92721af3b95e74349a",
    folder="cifar-10-batches-py",
    reader="CIFAR10",
)


def cifar10() -> Cifar:
    return Cifar("cifar10", "CIFAR-10", CLASSES, SIZES, OFFICIAL)


def decoded_folder(data: Mapping[str, Any], **further: Rule) -> Path:
    """See `cifar.decoded_folder`."""
    return cifar.decoded_folder(cifar10(), data, **further)


def load(data: Mapping[str, Any], **further: Rule) -> Decoded:
    """See `cifar.load`."""
    return cifar.load(cifar10(), data, **further)
