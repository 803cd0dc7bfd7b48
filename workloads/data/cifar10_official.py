"""CIFAR-10 as Krizhevsky published it, read and verified by torchvision."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from workloads.data.download import download
from workloads.task import DataError

if TYPE_CHECKING:
    import numpy as np

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
ARCHIVE = "cifar-10-python.tar.gz"
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"
FOLDER = "cifar-10-batches-py"
REMEDY = (
    f"put {ARCHIVE} into data.root=, or point data.root= at an image tree or a tar of one and set "
    "data.format=image_folder"
)


def find(root: Path, cache: Path, may_download: bool) -> Path | None:
    """The unpacked batches or the archive in the root or the cache; None to download it.

    Raises:
        DataError: when there is neither and nothing may be downloaded.
    """
    for folder in (root, cache):
        for name in (FOLDER, ARCHIVE):
            if os.path.exists(folder / name):
                return folder / name
    if may_download:
        return None
    looked = " or ".join(dict.fromkeys(map(str, (root, cache))))
    raise DataError(
        f"neither {FOLDER} nor {ARCHIVE} in {looked}, and data.download is false: {REMEDY}"
    )


def read(source: Path | None, scratch: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images [60000, 32, 32, 3] and labels [60000], the training images first.

    An archive is unpacked, and one downloaded (170 MB) kept, in `scratch` only: the root may be
    read-only, and afterwards the decoded arrays are all that is needed.

    Raises:
        DataError: when the source is damaged, or there is no connection.
    """
    import numpy as np
    from torchvision.datasets import CIFAR10  # imports torch: once, for the decoded copy

    unpacked = source is not None and source.name == FOLDER
    if source is None:
        download(URL, scratch / ARCHIVE, f"md5:{ARCHIVE_MD5}", REMEDY)
    elif not unpacked:
        with open(source, "rb") as file:  # torchvision would download over a damaged archive
            found = hashlib.file_digest(file, "md5").hexdigest()
        if found != ARCHIVE_MD5:
            raise DataError(f"{source} is damaged (md5 {found}): fetch it again")
        (scratch / ARCHIVE).symlink_to(source.resolve())
    folder = source.parent if source is not None and unpacked else scratch
    try:
        parts = [CIFAR10(folder, train, download=not unpacked) for train in (True, False)]
    except (OSError, RuntimeError) as error:  # a wrong checksum
        raise DataError(f"{source or URL} is damaged ({error}): fetch it again") from error
    images = np.concatenate([part.data for part in parts])
    labels = np.concatenate([part.targets for part in parts]).astype(np.uint8)
    return images, labels
