"""CIFAR-10 as two memory-mapped arrays, decoded once from whichever copy is at hand."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import logging
import os
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from workloads.data.folders import (
    ROOT_VARIABLE,
    cache_folder,
    data_root,
    sha256_of_file,
    written_whole,
)
from workloads.settings import FLAG, PATH, one_of, read
from workloads.task import DataError

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
"""In label order: torchvision's, and alphabetical."""

SIZES = {"train": 50_000, "test": 10_000}
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"  # of cifar-10-python.tar.gz, torchvision's
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}


class Decoded(NamedTuple):
    """The training images, then the test images.

    images: [60000, 32, 32, 3] uint8; labels: [60000] uint8, indices of CLASSES.
    """

    images: np.ndarray
    labels: np.ndarray
    description: dict[str, Any]


def prepare(data: Mapping[str, Any]) -> Path:
    """The folder of the decoded arrays, decoding them first (10 s) if nobody has.

    It is named by the source: the archive's checksum, or the listing (paths, sizes and times) of
    an image tree, so that a changed source is never taken for an old copy of it.

    Args:
        data: root, cache, download and format: "official" (torchvision's archive, found in the
            root or the cache or downloaded) or "image_folder" (train/<class>/* and test/<class>/*,
            a tree or a tar of one).

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
        digest = f"md5:{ARCHIVE_MD5}"
    else:
        source = find_images(root)
        digest = "sha256:" + (sha256_of_file(source) if source.is_file() else listing_hash(source))
    folder = cache / f"cifar10-{settings.format}-{digest.partition(':')[2][:16]}"
    if folder.is_dir():
        return folder
    if settings.format == "official":
        official = find_official(root, cache, bool(settings.download))

    import numpy as np

    with written_whole(folder) as scratch:
        log.info("decoding CIFAR-10 into %s (once)", folder)
        if settings.format == "official":
            images, labels = read_official(official, scratch)
            kind = "official"
        else:
            images, labels, kind = decode(source)
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
    import numpy as np

    folder = prepare(data)
    try:
        # Copy-on-write maps: pages are shared between processes, and torch takes no read-only one.
        images = np.load(folder / "images.npy", mmap_mode="c")
        labels = np.load(folder / "labels.npy")
        description = json.loads((folder / "description.json").read_text())
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{folder} is damaged ({error}): delete it to decode again") from error
    return Decoded(images, labels, description)


# --- image_folder -----------------------------------------------------------------------------


def find_images(root: Path) -> Path:
    """The tree (a folder with train/ and test/) or the tar file that `root` is or holds."""
    if root.is_file():
        return root
    for folder in (root, root / "cifar10", root / "cifar10-images"):
        if (folder / "train").is_dir() and (folder / "test").is_dir():
            return folder
    tars = sorted(path for path in root.glob("cifar10*.tar*") if path.is_file())
    if not tars:
        raise DataError(
            f"{root} holds neither train/ and test/ nor cifar10*.tar*: give the folder that does "
            f"with data.root= or {ROOT_VARIABLE}, or use data.format=official"
        )
    return tars[0]


def listing_hash(tree: Path) -> str:
    """SHA-256 of every image's path, size and time: 0.3 s for 60,000, reading them takes longer."""
    digest = hashlib.sha256()
    for path in _tree_paths(tree):
        stat = path.stat()
        digest.update(f"{path.relative_to(tree)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _tree_paths(tree: Path) -> list[Path]:
    return sorted(
        Path(folder, name)
        for part in SIZES
        for folder, _, names in os.walk(tree / part)
        for name in names
        if Path(name).suffix.lower() in IMAGE_SUFFIXES
    )


def image_files(source: Path) -> Iterator[tuple[str, bytes]]:
    """(path inside the tree, content) of every image of a tree or tar; a tar is never unpacked.

    Members are read as streams, so that a path such as ../../x in a tar is only a name.
    """
    if source.is_dir():
        for path in _tree_paths(source):
            yield path.relative_to(source).as_posix(), path.read_bytes()
        return
    try:
        with tarfile.open(source, "r|*") as tar:
            for member in tar:
                if member.isfile() and PurePosixPath(member.name).suffix.lower() in IMAGE_SUFFIXES:
                    file = tar.extractfile(member)
                    assert file is not None  # only for members that are no files
                    yield member.name, file.read()
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise DataError(f"{source} is damaged ({error}): fetch it again") from error


def decode(source: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Images, labels and the kind of copy ("JPEG q75 copy") of a tree or a tar of one.

    The order is by path, whatever the order in the tar. Decoded JPEG pixels may differ by a unit
    between libjpeg versions; the SHA-256 in the records tells.

    Raises:
        DataError: when an image is unreadable or the classes or the counts are not CIFAR-10's.
    """
    import numpy as np
    from PIL import Image

    found: dict[str, list[tuple[str, str, bytes]]] = {part: [] for part in SIZES}
    for path, content in image_files(source):
        parts = PurePosixPath(path).parts[-3:]
        if len(parts) == 3 and parts[0] in found:
            found[parts[0]].append((parts[1], parts[2], content))
    images, labels, kinds = [], [], set()
    for part, size in SIZES.items():
        classes = sorted({name for name, _, _ in found[part]})
        if classes != list(CLASSES) or len(found[part]) != size:
            raise DataError(
                f"{source}: {part}/ holds {len(found[part])} images of "
                f"{len(classes)} classes, CIFAR-10 has {size} of {', '.join(CLASSES)}: "
                "give a complete copy"
            )
        for name, file_name, content in sorted(found[part]):
            try:
                image = Image.open(io.BytesIO(content))
                if image.size != (32, 32):
                    raise ValueError(f"{image.size[0]}x{image.size[1]} pixels instead of 32x32")
                kinds.add(_kind(image))
                images.append(np.asarray(image.convert("RGB")))
            except (OSError, ValueError, SyntaxError) as error:  # Pillow raises all three
                raise DataError(
                    f"{source}: {part}/{name}/{file_name} cannot be read ({error}): "
                    "fetch the data again"
                ) from error
            labels.append(CLASSES.index(name))
    kind = kinds.pop() if len(kinds) == 1 else "copy of mixed formats"
    return np.stack(images), np.array(labels, dtype=np.uint8), kind


def _kind(image: Any) -> str:
    """PNG copy, or JPEG q75 copy where the quantisation tables are those of a quality."""
    if image.format != "JPEG":
        return f"{image.format} copy"
    quality = _jpeg_qualities().get(_tables(image))
    return "JPEG copy" if quality is None else f"JPEG q{quality} copy"


def _tables(image: Any) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(table) for _, table in sorted(image.quantization.items()))


@functools.cache
def _jpeg_qualities() -> dict[tuple[tuple[int, ...], ...], int]:
    """The quality (1 to 100) that libjpeg's standard quantisation tables belong to."""
    from PIL import Image

    qualities = {}
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
        qualities[_tables(Image.open(file))] = quality
    return qualities


# --- official ---------------------------------------------------------------------------------

ARCHIVE = "cifar-10-python.tar.gz"
BATCHES = "cifar-10-batches-py"
REMEDY = (
    f"put {ARCHIVE} into data.root=, or point data.root= at an image tree or a tar of one and set "
    "data.format=image_folder"
)


def find_official(root: Path, cache: Path, download: bool) -> Path | None:
    """The unpacked batches or the archive in the root or the cache; None to download it.

    Raises:
        DataError: when there is neither and nothing may be downloaded.
    """
    for folder in (root, cache):
        for name in (BATCHES, ARCHIVE):
            if (folder / name).exists():
                return folder / name
    if download:
        return None
    looked = " or ".join(dict.fromkeys(map(str, (root, cache))))
    raise DataError(
        f"neither {BATCHES} nor {ARCHIVE} in {looked}, and data.download is false: {REMEDY}"
    )


def read_official(source: Path | None, scratch: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels from torchvision's CIFAR10, which verifies checksums.

    An archive is unpacked, and one downloaded (170 MB) kept, in `scratch` only: the root may be
    read-only, and afterwards the decoded arrays are all that is needed.

    Raises:
        DataError: when the source is damaged, or there is no connection.
    """
    import numpy as np
    from torchvision.datasets import CIFAR10

    unpacked = source is not None and source.name == BATCHES
    if source is not None and not unpacked:
        with open(source, "rb") as file:  # torchvision would download over a damaged archive
            found = hashlib.file_digest(file, "md5").hexdigest()
        if found != ARCHIVE_MD5:
            raise DataError(f"{source} is damaged (md5 {found}): fetch it again")
        (scratch / ARCHIVE).symlink_to(source.resolve())
    folder = source.parent if source is not None and unpacked else scratch
    try:
        parts = [CIFAR10(folder, train, download=not unpacked) for train in (True, False)]
    except (OSError, RuntimeError) as error:  # no connection; a wrong checksum
        raise DataError(f"CIFAR-10 could not be read ({error}): {REMEDY}") from error
    images = np.concatenate([part.data for part in parts])
    labels = np.concatenate([part.targets for part in parts]).astype(np.uint8)
    return images, labels
