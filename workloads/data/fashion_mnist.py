"""Fashion-MNIST (arXiv:1708.07747): 70,000 grey pictures of clothes, 28x28 pixels, ten classes.

Read from the four files that its authors published, gzipped as torchvision has them or plain.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workloads.data import decoded
from workloads.data.decoded import Decoded
from workloads.data.download import download
from workloads.data.folders import cache_folder, data_root, unreadable
from workloads.settings import FLAG, PATH, Rule
from workloads.settings import read as read_settings
from workloads.task import DataError

if TYPE_CHECKING:
    import numpy as np

SIZES = {"train": 60_000, "test": 10_000}
PIXELS = (28, 28)

URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"  # torchvision's, too
DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
FOLDERS = ("", "FashionMNIST/raw", "fashion-mnist")  # in a root: as it is, torchvision's, Debian's

# The MD5 of what is downloaded, torchvision's; the SHA-256 of what it unpacks to. Debian's package
# is compressed without the files' names and so has other MD5s, with them it has the same.
FILES = {
    "train-images-idx3-ubyte": (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "train-labels-idx1-ubyte": (
        "25c81989df183df01b3e8a0aad5dffbe",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "t10k-images-idx3-ubyte": (
        "bef4ecab320f06d8554ea6380940ec79",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "t10k-labels-idx1-ubyte": (
        "bb300cfdad3c16e7a12a480ee83cd310",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}
REMEDY = (
    "apt-get install dataset-fashion-mnist, or put its four files such as "
    "train-images-idx3-ubyte.gz into data.root="
)
DATA = {"root": PATH, "cache": PATH, "download": FLAG}


def load(data: Mapping[str, Any], **further: Rule) -> Decoded:
    """Images [70000, 28, 28, 1] and labels [70000], the training images first.

    Args:
        data: root, cache and download: read from the root, Debian's package, the cache, or
            downloaded (31 MB), whichever has it first; decoded once (a second).
        further: settings of `data` that the workload reads.

    Raises:
        DataError: when the data is missing or damaged.
    """
    settings = read_settings("data", data, **DATA, **further)
    root, cache = data_root(settings.root, settings.cache), cache_folder(settings.cache)
    digest = hashlib.sha256("".join(sha256 for _, sha256 in FILES.values()).encode()).hexdigest()
    folder = cache / f"fashion-mnist-{digest[:16]}"

    def decode(scratch: Path) -> tuple[np.ndarray, np.ndarray, str]:
        contents = _contents(source or _downloaded(scratch))
        return *_arrays(contents), "Fashion-MNIST (official)"

    if not folder.is_dir():
        source = find(root, cache, bool(settings.download))
    return decoded.read(decoded.written(folder, f"sha256:{digest}", decode))


def find(root: Path, cache: Path, may_download: bool) -> Path | None:
    """The first folder that holds all four files; None to download them.

    Raises:
        DataError: when there is none and nothing may be downloaded.
    """
    in_root, in_cache = ([place / folder for folder in FOLDERS] for place in (root, cache))
    for place in (*in_root, DEBIAN, *in_cache):
        if all(_path(place, name) for name in FILES):
            return place
    if may_download:
        return None
    looked = ", ".join(dict.fromkeys(map(str, (root, DEBIAN, cache))))
    raise DataError(f"Fashion-MNIST is not in {looked}, and data.download is false: {REMEDY}")


def _path(folder: Path, name: str) -> Path | None:
    return next((folder / n for n in (name, f"{name}.gz") if os.path.isfile(folder / n)), None)


def _downloaded(scratch: Path) -> Path:
    for name, (md5, _) in FILES.items():
        download(f"{URL}{name}.gz", scratch / f"{name}.gz", f"md5:{md5}", REMEDY)
    return scratch


def _contents(folder: Path) -> Iterator[bytes]:
    """Of the four files, unpacked and checked.

    Raises:
        DataError: when one is damaged or another data set's.
    """
    for name, (_, sha256) in FILES.items():
        path = _path(folder, name)
        assert path is not None  # of a folder that `find` found
        try:
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(f"{path} is damaged ({error}): fetch it again") from error
        except OSError as error:
            raise unreadable(path, error) from error
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise DataError(
                f"{path} unpacks to sha256 {found[:12]}…, Fashion-MNIST's is {sha256[:12]}…: "
                "damaged, or of another data set; fetch it again"
            )
        yield content


def _arrays(contents: Iterator[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Of the IDX format: a header (16 bytes for images, 8 for labels), then a byte a number."""
    import numpy as np

    images, labels = [], []
    for count in SIZES.values():
        images.append(np.frombuffer(next(contents), np.uint8, offset=16).reshape(count, *PIXELS, 1))
        labels.append(np.frombuffer(next(contents), np.uint8, offset=8))
    return np.concatenate(images), np.concatenate(labels)
