"""Photographs in a tree of class folders, or in ImageNet's own archives: listed, never held in memory."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workloads.data.folders import cache_folder, data_root, unreadable, written_whole
from workloads.data.image_tree import is_image
from workloads.settings import PATH, POSITIVE, one_of, read
from workloads.task import DataError

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)

PARTS = ("train", "val")
ARCHIVES = ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar", "ILSVRC2012_devkit_t12.tar.gz")
DATA = {
    "root": PATH,
    "cache": PATH,
    "format": one_of("image_folder", "official"),
    "validation": POSITIVE,
    "size": POSITIVE,
    "decoders": POSITIVE,
}


class Listing(NamedTuple):
    """The training images, then those of val/.

    paths: [images] bytes, inside the tree; labels: [images] int64; train: how many are training
    images; tree: the folder with train/ and val/.
    """

    tree: Path
    paths: np.ndarray
    labels: np.ndarray
    train: int
    description: dict[str, Any]


def prepare(data: Mapping[str, Any]) -> Listing:
    """The listing of the tree as it is now, kept in the cache. A million images take some 20 s.

    It is named by the paths and sizes of all images: too many bytes to hash.

    Args:
        data: root, cache; format, "image_folder" (train/<class>/*, val/<class>/*, in the root or in
            its folder imagenet/) or "official" (the three `ARCHIVES` in the root, which torchvision
            checks and unpacks into the cache).

    Raises:
        DataError: when there is no such tree, or its two parts have other classes or none.
    """
    tree, cache = _places(data)
    seen = _state(tree)  # before it is listed: what changes meanwhile is listed anew
    folder = _listed(tree, cache, str(data["format"]))
    note = {"folder": folder.name, "seen": seen}
    path = _note_path(tree, cache)
    if _note(path) != note:
        with contextlib.suppress(DataError), written_whole(path) as scratch:
            (scratch / path.name).write_text(json.dumps(note))  # but in a cache that is read-only
    return _opened(folder, tree)


def load(data: Mapping[str, Any]) -> Listing:
    """The listing that was `prepare`d last, memory-mapped; made anew if a folder of the tree has changed.

    So a command lists once, however many workers it has.

    Raises:
        DataError: as `prepare`; when the listing is damaged.
    """
    tree, cache = _places(data)
    note = _note(_note_path(tree, cache))
    if note.get("seen") != _state(tree):
        return prepare(data)
    return _opened(cache / note["folder"], tree)


def _places(data: Mapping[str, Any]) -> tuple[Path, Path]:
    """The folder with train/ and val/, and that of the cache."""
    settings = read("data", data, **DATA)
    root, cache = data_root(settings.root, settings.cache), cache_folder(settings.cache)
    return (_unpacked(root, cache) if settings.format == "official" else _tree(root)), cache


def _state(tree: Path) -> list[int]:
    """When each folder of a class was changed last, in nanoseconds: cheap, and tells new and lost files."""
    folders = [tree / part for part in PARTS]
    classes = [Path(entry) for part in folders for entry in os.scandir(part) if entry.is_dir()]
    return [os.stat(folder).st_mtime_ns for folder in sorted([*folders, *classes])]


def _note_path(tree: Path, cache: Path) -> Path:
    """Where it is noted which listing is this tree's."""
    digest = hashlib.sha256(os.fsencode(tree.resolve())).hexdigest()
    return cache / f"photographs-at-{digest[:16]}.json"


def _note(path: Path) -> dict[str, Any]:
    """What is noted there; nothing where no note can be read."""
    try:
        note = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _listed(tree: Path, cache: Path, source: str) -> Path:
    """The folder of the tree's listing, written first if nobody has."""
    import numpy as np

    paths, sizes = _images(tree)
    digest = hashlib.sha256()
    for path, size in zip(paths, sizes, strict=True):
        digest.update(os.fsencode(path) + f" {size}\n".encode())
    folder = cache / f"photographs-{digest.hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    classes = _classes(tree, paths)
    number = {name: label for label, name in enumerate(classes)}
    with written_whole(folder) as scratch:
        new = scratch / folder.name
        new.mkdir()
        np.save(new / "paths.npy", np.array([os.fsencode(path) for path in paths]))
        np.save(new / "labels.npy", np.array([number[path.split("/")[1]] for path in paths]))
        description = {
            "label": f"photographs of {len(classes)} classes ({source})",
            "sha256": digest.hexdigest(),
            "classes": len(classes),
            "train": sum(path.startswith("train/") for path in paths),
        }
        (new / "description.json").write_text(json.dumps(description, indent=2))
    return folder


def _opened(folder: Path, tree: Path) -> Listing:
    import numpy as np

    try:
        paths, labels = (
            np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("paths", "labels")
        )
        description = json.loads((folder / "description.json").read_text())
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{folder} is damaged ({error}): delete it to list again") from error
    description.pop("tree", None)  # of an earlier version
    return Listing(tree, paths, labels, description.pop("train"), description)


def _tree(root: Path) -> Path:
    for folder in (root, root / "imagenet"):
        if all(os.path.isdir(folder / part) for part in PARTS):
            return folder
    raise DataError(
        f"{root} holds no train/ and val/: give the folder that does with data.root=, or use "
        "data.format=official for ImageNet's own archives"
    )


def _unpacked(root: Path, cache: Path) -> Path:
    """The archives' tree in the cache, unpacked first (150 GB) if nobody has."""
    folder = cache / "imagenet"
    if folder.is_dir():
        return folder
    missing = [name for name in ARCHIVES if not os.path.isfile(root / name)]
    if missing:
        raise DataError(
            f"{', '.join(missing)} not in {root}: ImageNet's archives come from image-net.org, "
            "with an account; put them there, or use data.format=image_folder"
        )

    from torchvision.datasets import imagenet

    with written_whole(folder) as scratch:
        new = scratch / folder.name
        new.mkdir()
        log.info("checking and unpacking ImageNet's archives into %s (once)", folder)
        for name in ARCHIVES:
            (new / name).symlink_to((root / name).resolve())
        try:
            imagenet.parse_devkit_archive(new)
            imagenet.parse_train_archive(new)
            imagenet.parse_val_archive(new)
        except RuntimeError as error:
            words = str(error).split(". ")[0]
            raise DataError(f"{root}: {words}: fetch the archive again") from error
        for name in ARCHIVES:
            (new / name).unlink()
    return folder


def _images(tree: Path) -> tuple[list[str], list[int]]:
    """Paths inside the tree with their sizes in bytes, training images first, in order."""
    paths, sizes = [], []
    for part in PARTS:
        found = sorted(
            os.path.join(part, name, file)
            for name in os.listdir(tree / part)
            if os.path.isdir(tree / part / name)
            for file in os.listdir(tree / part / name)
        )
        for path in found:
            if is_image(Path(path)):
                try:
                    sizes.append(os.stat(tree / path).st_size)
                except OSError as error:
                    raise unreadable(tree / path, error) from error
                paths.append(path)
    return paths, sizes


def _classes(tree: Path, paths: list[str]) -> list[str]:
    """Names of the class folders in order, the same in both parts."""
    found = {
        part: {path.split("/")[1] for path in paths if path.startswith(part)} for part in PARTS
    }
    if len(found["train"]) < 2:
        raise DataError(
            f"{tree}/train holds images of {len(found['train'])} classes: give a tree "
            "train/<class>/*.jpg of two or more"
        )
    if odd := found["train"] ^ found["val"]:
        raise DataError(
            f"{tree}: class {min(odd)} is in one of train/ and val/ only: give a tree with the same "
            "classes in both"
        )
    return sorted(found["train"])
