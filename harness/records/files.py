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


def write_whole(path: Path, fill: Callable[[Path], object]) -> None:
    """Fill a unique temporary file, fsync it, and rename it into place.

    Raises:
        SweepError: the disk is full, or the folder can no longer be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        try:
            fill(temporary)
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # the new name too
            finally:
                os.close(folder)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SweepError(
            f"{path} cannot be written ({error.strerror or error}); finished trials are safe:"
            " make room or mend the folder, and the same command goes on"
        ) from error


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
