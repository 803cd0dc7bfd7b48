"""CIFAR-10 as two memory-mapped arrays, decoded once from whichever copy is at hand."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workloads.data import cifar10_official, image_tree
from workloads.data.folders import cache_folder, data_root, sha256_of_file, written_whole
from workloads.settings import FLAG, PATH, one_of, read
from workloads.task import DataError

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
"""In label order: the official one, and alphabetical."""

SIZES = {"train": 50_000, "test": 10_000}


class Decoded(NamedTuple):
    """The training images, then the test images.

    images: [60000, 32, 32, 3] uint8; labels: [60000] uint8, indices of CLASSES.
    """

    images: np.ndarray
    labels: np.ndarray
    description: dict[str, Any]


def decoded_folder(data: Mapping[str, Any]) -> Path:
    """The folder of the decoded arrays, decoding them first (10 s) if nobody has.

    It is named by the source: the archive's checksum, or the listing (paths, sizes and times) of
    an image tree, so that a changed source is never taken for an old copy of it.

    Args:
        data: root, cache, download and format: "official" (the archive of cifar10_official.py,
            found in the root or the cache or downloaded) or "image_folder" (image_tree.py).

    Raises:
        DataError: when the data is missing, incomplete or damaged.
    """
    settings = read(
        "data",
        data,
        root=PATH,
        cache=PATH,
        format=one_of("official", "image_folder"),
        download=FLAG,
    )
    root, cache = data_root(settings.root, settings.cache), cache_folder(settings.cache)
    if settings.format == "official":
        digest = f"md5:{cifar10_official.ARCHIVE_MD5}"
    else:
        source = image_tree.find(root, "cifar10")
        tree = source.is_dir()
        digest = f"sha256:{image_tree.listing_hash(source) if tree else sha256_of_file(source)}"
    folder = cache / f"cifar10-{settings.format}-{digest.partition(':')[2][:16]}"
    if folder.is_dir():
        return folder
    if settings.format == "official":
        official = cifar10_official.find(root, cache, bool(settings.download))

    import numpy as np

    with written_whole(folder) as scratch:
        log.info("decoding CIFAR-10 into %s (once)", folder)
        if settings.format == "official":
            images, labels = cifar10_official.read(official, scratch)
            kind = "official"
        else:
            images, labels, kind = image_tree.decode(source, CLASSES, SIZES)
        new = scratch / folder.name
        new.mkdir()
        np.save(new / "images.npy", images)
        np.save(new / "labels.npy", labels)
        description = {
            "label": f"CIFAR-10 ({kind})",
            "sha256": hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(),
            "source": digest,
        }
        (new / "description.json").write_text(json.dumps(description, indent=2))
    return folder


def load(data: Mapping[str, Any]) -> Decoded:
    """The arrays of `decoded_folder(data)`; the description holds their SHA-256."""
    folder = decoded_folder(data)

    import numpy as np

    try:
        # Copy-on-write maps: pages are shared between processes, and torch takes no read-only one.
        images = np.load(folder / "images.npy", mmap_mode="c")
        labels = np.load(folder / "labels.npy")
        description = json.loads((folder / "description.json").read_text())
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{folder} is damaged ({error}): delete it to decode again") from error
    return Decoded(images, labels, description)
