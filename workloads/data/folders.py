"""Where data is read from, where decoded copies go, and how they are written whole."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workloads.task import DataError

ROOT_VARIABLE = "HARNESS_DATA_ROOT"
CACHE_VARIABLE = "HARNESS_CACHE"
DEFAULT_CACHE = "~/.cache/optimizer-harness"


def data_root(root: str | None, cache: str | None) -> Path:
    """data.root, else HARNESS_DATA_ROOT, else the cache folder. It may be read-only.

    Raises:
        DataError: when a root was given and there is nothing at that path.
    """
    for name, given in (("data.root", root), (ROOT_VARIABLE, os.environ.get(ROOT_VARIABLE))):
        if given:
            path = expanded(given, name)
            if not os.path.exists(path):
                raise DataError(
                    f"{name}={given} does not exist: give a folder that holds the data, "
                    "or unset it to use the cache folder"
                )
            return path
    return cache_folder(cache)


def cache_folder(cache: str | None) -> Path:
    """data.cache, else HARNESS_CACHE, else ~/.cache/optimizer-harness; not created here.

    Ask for it only where it is needed: the last of the three needs a home folder.
    """
    for name, given in (("data.cache", cache), (CACHE_VARIABLE, os.environ.get(CACHE_VARIABLE))):
        if given:
            return expanded(given, name)
    return expanded(DEFAULT_CACHE, "the cache folder")


def expanded(given: str, name: str) -> Path:
    """The path `given` as setting `name`, with ~ as the home folder.

    Raises:
        DataError: when there is none, as for a container's unknown user without HOME.
    """
    try:
        return Path(given).expanduser()
    except RuntimeError as error:
        remedy = "a path without ~"
        if given == DEFAULT_CACHE:
            remedy = f"another with data.cache= or {CACHE_VARIABLE}"
        raise DataError(f"{name} {given} is in no known home folder: give {remedy}") from error


def content_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: object, error: OSError) -> DataError:
    return DataError(f"{path} cannot be read ({error.strerror or error}): give a copy that can")


def sha256_of_file(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """A scratch folder beside `target`: what the caller names `target.name` in it becomes `target`.

    The move is atomic, so that `target` (a file or a folder) is there whole or not at all, however
    many processes write it at once; the first one wins, as all write the same.

    Raises:
        DataError: when the folder of `target` cannot be written, or is full.
    """
    remedy = f"give another with data.cache= or {CACHE_VARIABLE}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise DataError(
            f"the cache folder {target.parent} cannot be written ({error.strerror}): {remedy}"
        ) from error
    try:
        yield scratch
        try:
            os.replace(scratch / target.name, target)
        except OSError:
            if not target.is_dir():  # a folder another process wrote meanwhile is as good as ours
                raise
    except OSError as error:
        raise DataError(
            f"the cache folder {target.parent} cannot be filled ({error}): make room, or {remedy}"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
