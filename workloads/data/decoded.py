"""Images decoded once into arrays that every process maps: 16 workers hold one copy."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workloads.data.folders import written_whole
from workloads.task import DataError

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)

Decode = Callable[[Path], "tuple[np.ndarray, np.ndarray, str]"]
"""Given a scratch folder: images, labels and a label such as "CIFAR-10 (official)"."""


class Decoded(NamedTuple):
    """The training images, then the test images.

    images: [examples, height, width, channels] uint8; labels: [examples] uint8.
    """

    images: np.ndarray
    labels: np.ndarray
    description: dict[str, Any]


def written(folder: Path, source: str, decode: Decode) -> Path:
    """`folder`, filled by `decode` first if nobody has: its name stands for the source.

    Args:
        source: a checksum of what is decoded, for the description.
    """
    if folder.is_dir():
        return folder

    import numpy as np

    with written_whole(folder) as scratch:
        log.info("decoding images into %s (once)", folder)
        images, labels, label = decode(scratch)
        new = scratch / folder.name
        new.mkdir()
        np.save(new / "images.npy", images)
        np.save(new / "labels.npy", labels)
        description = {
            "label": label,
            "sha256": hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(),
            "source": source,
        }
        (new / "description.json").write_text(json.dumps(description, indent=2))
    return folder


def read(folder: Path) -> Decoded:
    """The arrays of a folder that is `written`; the description holds their SHA-256.

    Raises:
        DataError: when they are damaged.
    """
    import numpy as np

    try:
        # Copy-on-write maps: pages are shared between processes, and torch takes no read-only one.
        images = np.load(folder / "images.npy", mmap_mode="c")
        labels = np.load(folder / "labels.npy")
        description = json.loads((folder / "description.json").read_text())
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{folder} is damaged ({error}): delete it to decode again") from error
    return Decoded(images, labels, description)
