"""CIFAR-10 and CIFAR-100 as memory-mapped arrays, decoded from whichever copy is at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workloads.data import cifar_official, image_tree
from workloads.data.cifar_official import Official
from workloads.data.decoded import Decoded, read, written
from workloads.data.folders import cache_folder, data_root, sha256_of_file
from workloads.settings import FLAG, PATH, Rule, one_of
from workloads.settings import read as read_settings

if TYPE_CHECKING:
    import numpy as np

DATA = {
    "root": PATH,
    "cache": PATH,
    "format": one_of("official", "image_folder"),
    "download": FLAG,
}


class Cifar(NamedTuple):
    """One of the two.

    name: of its folder or tar, and of the decoded copy; classes: in label order; sizes: images of
    train and test.
    """

    name: str
    title: str
    classes: Sequence[str]
    sizes: Mapping[str, int]
    official: Official


def decoded_folder(cifar: Cifar, data: Mapping[str, Any], **further: Rule) -> Path:
    """The folder of the decoded arrays, decoding them first (10 s) if nobody has.

    It is named by the source: the archive's checksum, or the listing (paths, sizes and times) of
    an image tree, so that a changed source is never taken for an old copy of it.

    Args:
        data: root, cache, download and format: "official" (the archive of cifar_official.py,
            found in the root or the cache or downloaded) or "image_folder" (image_tree.py).
        further: settings of `data` that the workload reads.

    Raises:
        DataError: when the data is missing, incomplete or damaged.
    """
    settings = read_settings("data", data, **DATA, **further)
    root, cache = data_root(settings.root, settings.cache), cache_folder(settings.cache)
    if settings.format == "official":
        digest = f"md5:{cifar.official.md5}"
    else:
        source = image_tree.find(root, cifar.name)
        tree = source.is_dir()
        digest = f"sha256:{image_tree.listing_hash(source) if tree else sha256_of_file(source)}"
    folder = cache / f"{cifar.name}-{settings.format}-{digest.partition(':')[2][:16]}"

    def decode(scratch: Path) -> tuple[np.ndarray, np.ndarray, str]:
        if settings.format == "official":
            images, labels = cifar_official.read(cifar.official, official, scratch)
            kind = "official"
        else:
            images, labels, kind = image_tree.decode(source, cifar.classes, cifar.sizes)
        return images, labels, f"{cifar.title} ({kind})"

    if settings.format == "official" and not folder.is_dir():
        official = cifar_official.find(cifar.official, root, cache, bool(settings.download))
    return written(folder, digest, decode)


def load(cifar: Cifar, data: Mapping[str, Any], **further: Rule) -> Decoded:
    """The arrays of `decoded_folder`; the description holds their SHA-256."""
    return read(decoded_folder(cifar, data, **further))
