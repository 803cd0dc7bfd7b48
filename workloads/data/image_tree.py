"""32x32 images as a tree train/<class>/*, test/<class>/*, or as a tar of one, never unpacked."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any

from workloads.data.folders import ROOT_VARIABLE, content_of, unreadable
from workloads.task import DataError

if TYPE_CHECKING:
    import numpy as np

PARTS = ("train", "test")
SUFFIXES = {".jpg", ".jpeg", ".png"}


def find(root: Path, name: str) -> Path:
    """The tree (a folder with train/ and test/) or the tar file that `root` is or holds.

    Args:
        name: what a tree or a tar in `root` is called: <name>/, <name>-images/ or <name>*.tar*.

    Raises:
        DataError: when there is none.
    """
    if root.is_file():
        return root
    for folder in (root, root / name, root / f"{name}-images"):
        if all(os.path.isdir(folder / part) for part in PARTS):
            return folder
    tars = sorted(path for path in root.glob(f"{name}*.tar*") if path.is_file())
    if not tars:
        raise DataError(
            f"{root} holds neither train/ and test/ nor {name}*.tar*: give the folder that does "
            f"with data.root= or {ROOT_VARIABLE}, or use data.format=official"
        )
    return tars[0]


def is_image(path: PurePath) -> bool:
    """By the name. What systems leave behind is none: `._0001.jpg`, `.Trashes/`, `__MACOSX/`.

    Args:
        path: inside the tree or tar, so that a tree may itself lie in a hidden folder.
    """
    left_behind = any(
        part == "__MACOSX" or (part.startswith(".") and part != "..") for part in path.parts
    )
    return path.suffix.lower() in SUFFIXES and not left_behind


def image_paths(tree: Path) -> list[Path]:
    """Of every image, inside the tree, in order."""
    return sorted(
        path
        for part in PARTS
        for folder, _, names in os.walk(tree / part)
        for name in names
        if is_image(path := Path(folder, name).relative_to(tree))
    )


def listing_hash(tree: Path) -> str:
    """SHA-256 of every image's path, size and time: 0.3 s for 60,000, reading them takes longer.

    Raises:
        DataError: when an image is a link to nowhere.
    """
    digest = hashlib.sha256()
    for path in image_paths(tree):
        try:
            stat = (tree / path).stat()
        except OSError as error:
            raise unreadable(tree / path, error) from error
        digest.update(os.fsencode(path) + f" {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def image_files(source: Path) -> Iterator[tuple[PurePath, bytes]]:
    """(path inside the tree, content) of every image of a tree or tar.

    Members of a tar are read as streams, so that a path such as ../../x is only a name.

    Raises:
        DataError: when a file cannot be read.
    """
    if source.is_dir():
        for path in image_paths(source):
            yield path, content_of(source / path)
        return
    try:
        with tarfile.open(source, "r|*") as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                if member.isfile() and is_image(name):
                    file = tar.extractfile(member)
                    assert file is not None  # only for members that are no files
                    yield name, file.read()
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise DataError(f"{source} is damaged ({error}): fetch it again") from error


def decode(
    source: Path, classes: Sequence[str], sizes: Mapping[str, int]
) -> tuple[np.ndarray, np.ndarray, str]:
    """Images [examples, 32, 32, 3] and labels [examples], and the kind of copy ("JPEG q75 copy").

    Training images come first. The order is by path, whatever the order in a tar. Decoded JPEG
    pixels may differ by a unit between libjpeg versions; the SHA-256 in the records tells.

    Args:
        classes: names of the folders, in label order.
        sizes: how many images train/ and test/ must hold.

    Raises:
        DataError: when an image is unreadable, or the classes or the counts are others.
    """
    import numpy as np
    from PIL import Image

    found: dict[str, list[tuple[str, str, bytes]]] = {part: [] for part in PARTS}
    for path, content in image_files(source):
        last = path.parts[-3:]
        if len(last) == 3 and last[0] in found:
            found[last[0]].append((last[1], last[2], content))
    images, labels, kinds = [], [], set()
    for part, files in found.items():
        names = {name for name, _, _ in files}
        if names != set(classes) or len(files) != sizes[part]:
            raise DataError(
                f"{source}: {part}/ holds {len(files)} images of {len(names)} classes instead of "
                f"{sizes[part]} of {_listed(classes)}: give a complete copy"
            )
        for name, file_name, content in sorted(files):
            try:
                image = Image.open(io.BytesIO(content))
                if image.size != (32, 32):
                    raise ValueError(f"{image.size[0]}x{image.size[1]} pixels instead of 32x32")
                kinds.add(kind_of(image))
                images.append(np.asarray(image.convert("RGB")))
            except (OSError, ValueError, SyntaxError) as error:  # Pillow raises all three
                raise DataError(
                    f"{source}: {part}/{name}/{file_name} cannot be read ({error}): "
                    "fetch the data again"
                ) from error
            labels.append(classes.index(name))
    kind = kinds.pop() if len(kinds) == 1 else "copy of mixed formats"
    return np.stack(images), np.array(labels, dtype=np.uint8), kind


def _listed(classes: Sequence[str]) -> str:
    if len(classes) > 10:
        return f"{len(classes)}, {classes[0]} to {classes[-1]}"
    return ", ".join(classes)


def kind_of(image: Any) -> str:
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
