"""Files written whole: a unique temporary name, fsynced, renamed into place. A reader sees all or nothing."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.errors import SweepError
from harness.records.record import finite


def write_json(path: Path, node: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(finite(node), allow_nan=False, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_result(path: Path, text: str) -> None:
    """`write_text` without the fsync of the folder: whole or, where the power fails, not there.

    A trial that is lost so is run again; `sync` comes before anything that it took is removed.
    """
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"), named=False)


def write_whole(path: Path, fill: Callable[[Path], object], *, named: bool = True) -> None:
    """Fill a unique temporary file, fsync it, and rename it into place.

    Args:
        named: fsync the folder too, for the new name.

    Raises:
        SweepError: the disk is full, or the folder can no longer be written.
    """
    try:
        _replace(path, fill)
        if named:
            sync(path.parent)
    except OSError as error:
        raise SweepError(
            f"{path} cannot be written ({error.strerror or error}); finished trials are safe:"
            " make room or mend the folder, and the same command goes on"
        ) from error


def write_named(path: Path, text: str) -> None:
    """A file that a person named: whole or not at all. A link or a device stays what it is.

    Raises:
        SweepError: it can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = text.encode("utf-8", "replace")  # a name in it may be no text
        if path.exists() and not path.is_file():
            path.write_bytes(content)
        else:
            _replace(path.resolve(), lambda temporary: temporary.write_bytes(content))
            sync(path.resolve().parent)
    except OSError as error:
        raise SweepError(
            f"{path} cannot be written ({error.strerror or error}); make room, or give another place"
        ) from error


def _replace(path: Path, fill: Callable[[Path], object]) -> None:
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        fill(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync(folder: Path) -> None:
    """fsync a folder: names that were given in it outlive a power failure."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def set_aside(path: Path) -> Path:
    """Rename a file so that nothing reads it and nothing is lost; the new name.

    Raises:
        SweepError: it cannot be renamed.
    """
    aside = path.with_name(f"{path.name}.damaged-{uuid.uuid4().hex[:8]}")
    try:
        os.replace(path, aside)
    except OSError as error:
        raise SweepError(f"{path} cannot be set aside ({error.strerror})") from None
    return aside
