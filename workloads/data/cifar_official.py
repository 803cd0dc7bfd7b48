"""CIFAR-10 and CIFAR-100 as Krizhevsky published them, read and verified by torchvision."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workloads.data.download import download
from workloads.task import DataError

if TYPE_CHECKING:
    import numpy as np


class Official(NamedTuple):
    """One published archive, the folder inside it, and torchvision's class that reads that."""

    url: str
    archive: str
    md5: str
    folder: str
    reader: str

    @property
    def remedy(self) -> str:
        return (
            f"put {self.archive} into data.root=, or point data.root= at an image tree or a tar of "
            "one and set data.format=image_folder"
        )


def find(official: Official, root: Path, cache: Path, may_download: bool) -> Path | None:
    """The unpacked batches or the archive in the root or the cache; None to download it.

    Raises:
        DataError: when there is neither and nothing may be downloaded.
    """
    for folder in (root, cache):
        for name in (official.folder, official.archive):
            if os.path.exists(folder / name):
                return folder / name
    if may_download:
        return None
    looked = " or ".join(dict.fromkeys(map(str, (root, cache))))
    raise DataError(
        f"neither {official.folder} nor {official.archive} in {looked}, and data.download is "
        f"false: {official.remedy}"
    )


def read(official: Official, source: Path | None, scratch: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images [60000, 32, 32, 3] and labels [60000], the training images first.

    An archive is unpacked, and one downloaded (170 MB) kept, in `scratch` only: the root may be
    read-only, and afterwards the decoded arrays are all that is needed.

    Raises:
        DataError: when the source is damaged, or there is no connection.
    """
    import numpy as np
    import torchvision.datasets  # imports torch: once, for the decoded copy

    reader = getattr(torchvision.datasets, official.reader)
    unpacked = source is not None and source.name == official.folder
    if source is None:
        download(official.url, scratch / official.archive, f"md5:{official.md5}", official.remedy)
    elif not unpacked:
        with open(source, "rb") as file:  # torchvision would download over a damaged archive
            found = hashlib.file_digest(file, "md5").hexdigest()
        if found != official.md5:
            raise DataError(f"{source} is damaged (md5 {found}): fetch it again")
        (scratch / official.archive).symlink_to(source.resolve())
    folder = source.parent if source is not None and unpacked else scratch
    try:
        parts = [reader(folder, train, download=not unpacked) for train in (True, False)]
    except (OSError, RuntimeError) as error:  # a wrong checksum
        raise DataError(f"{source or official.url} is damaged ({error}): fetch it again") from error
    images = np.concatenate([part.data for part in parts])
    labels = np.concatenate([part.targets for part in parts]).astype(np.uint8)
    return images, labels
