"""Workload `imagenet_resnet50`: ResNet-50 (v1.5, torchvision's) on ImageNet, or on any tree of photographs.

Random resized crops of 224 pixels and mirroring in training, the centre crop of 256 in evaluation.
Validation images are held out of the training images (*ours*: ten a class on average, of each
in proportion to its size), test is the official
validation part, whose labels are public. The last batch norm of a block starts at 0 (*ours*).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data import photographs
from workloads.settings import one_of, read
from workloads.task import DataError

if TYPE_CHECKING:
    from workloads.tasks.photographs import PhotographTask

MODEL = {"depth": one_of(18, 34, 50)}


def prepare(data: Mapping[str, Any]) -> str:
    """`data`: `photographs.DATA`; validation is how many images a class are held out."""
    listing = photographs.prepare(data)
    _held_out(listing, data)
    return str(listing.description["sha256"])


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model, **MODEL)


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> PhotographTask:
    """`model`: depth; 18 and 34 are He et al.'s smaller ones."""
    import torchvision

    from workloads.tasks.photographs import PhotographTask

    depth = read("model", model, **MODEL).depth
    settings = read("data", data, **photographs.DATA)
    listing = photographs.load(data)
    build = getattr(torchvision.models, f"resnet{depth}")
    return PhotographTask(
        listing,
        build_model=lambda: build(
            num_classes=listing.description["classes"], zero_init_residual=True
        ),
        validation=_held_out(listing, data),
        size=settings.size,
        decoders=settings.decoders,
        batch_size=batch_size,
        device=device,
    )


def _held_out(listing: photographs.Listing, data: Mapping[str, Any]) -> int:
    count = int(data["validation"]) * int(listing.description["classes"])
    if count * 2 > listing.train:
        raise DataError(
            f"data.validation={data['validation']} of each class are more than half of the "
            f"{listing.train} training images: hold out fewer"
        )
    return count
