"""CIFAR-100: 60,000 colour photographs of 32x32 pixels in a hundred classes (Krizhevsky 2009)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workloads.data import cifar
from workloads.data.cifar import Cifar
from workloads.data.cifar_official import Official
from workloads.data.decoded import Decoded
from workloads.settings import Rule

NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile
cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp
lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
CLASSES = tuple(NAMES.split())
"""The fine ones in label order: the official one, and alphabetical."""

SIZES = {"train": 50_000, "test": 10_000}
VALIDATION_SIZE = 5_000  # of the training images, 50 a class (ours)

# Of the official training images' channels, in units of 1/255 as stored.
MEAN = (129.3, 124.1, 112.4)
STD = (68.2, 65.4, 70.4)

OFFICIAL = Official(
    url="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    archive="cifar-100-python.tar.gz",
    md5="eb9058c3a382ffc7106e4002c42a8d85",
    folder="cifar-100-python",
    reader="CIFAR100",
)


def cifar100() -> Cifar:
    return Cifar("cifar100", "CIFAR-100", CLASSES, SIZES, OFFICIAL)


def decoded_folder(data: Mapping[str, Any], **further: Rule) -> Path:
    """See `cifar.decoded_folder`."""
    return cifar.decoded_folder(cifar100(), data, **further)


def load(data: Mapping[str, Any], **further: Rule) -> Decoded:
    """See `cifar.load`."""
    return cifar.load(cifar100(), data, **further)
