"""What can be read near a folder that holds no trials of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.records.reading import study_paths

TABLE = "trials.csv"
COLUMNS = ("workload", "optimizer", "trial", "status")  # of a table of trials, among others
MOST = 6  # are named


def readable(folder: Path | str) -> list[Path]:
    """Results folders and tables of trials in the folder and right below it; or the one it is part of."""
    folder = Path(folder)
    below = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    found = [path for each in (folder, *below) for path in _readable(each)]
    return found or list(_around(folder))[:1]


def told(found: Sequence[Path]) -> str:
    """The first of them in words."""
    return ", ".join(map(str, found[:MOST])) + (
        f" and {len(found) - MOST} more" if found[MOST:] else ""
    )


def _readable(folder: Path) -> Iterator[Path]:
    if study_paths(folder):
        yield folder
    elif _is_table(folder / TABLE):
        yield folder / TABLE


def _is_table(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return set(COLUMNS) <= set(file.readline().strip().split(","))
    except (OSError, UnicodeDecodeError):
        return False


def _around(folder: Path) -> Iterator[Path]:
    """The results folder of which this is a workload's, an optimizer's or a study's."""
    for depth, inside in enumerate(("*/*/study.json", "*/study.json", "study.json"), start=1):
        if any(folder.glob(inside)):
            yield Path(os.path.normpath(folder.joinpath(*[".."] * depth)))
