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


def data_root(root: str | None, cache: str | None) -> Path:
    """data.root, else HARNESS_DATA_ROOT, else the cache folder. It may be read-only.

    Raises:
        DataError: when a root was given and there is nothing at that path.
    """
    for name, given in (("data.root", root), (ROOT_VARIABLE, os.environ.get(ROOT_VARIABLE))):
        if given:
            path = Path(given).expanduser()
            if not path.exists():
                raise DataError(
                    f"{name}={given} does not exist: give a folder that holds the data, "
                    "or unset it to use the cache folder"
                )
            return path
    return cache_folder(cache)


def cache_folder(cache: str | None) -> Path:
    """data.cache, else HARNESS_CACHE, else ~/.cache/optimizer-harness; not created here."""
    given = cache or os.environ.get(CACHE_VARIABLE) or "~/.cache/optimizer-harness"
    return Path(given).expanduser()


def sha256_of_file(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


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
