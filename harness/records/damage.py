"""What cannot be trusted is renamed, so that nothing reads it and nothing is lost."""

from __future__ import annotations

from pathlib import Path

from harness.records import requests
from harness.records.files import set_aside, write_text
from harness.records.reading import (
    DamagedRecord,
    Problem,
    read_record,
    read_study,
    scan,
    scan_compacted,
    scan_rungs,
)
from harness.records.record import to_text


def set_aside_records(study_path: Path) -> list[tuple[Problem, Path]]:
    """Set aside every record, and study.json, that cannot be trusted: each problem and its new name.

    The good records of a damaged Parquet file get files of their own again.
    """
    moved = []
    problems = scan(study_path)[1] + scan_rungs(study_path)[1]
    if (study_path / "study.json").exists():
        try:
            read_study(study_path)
        except DamagedRecord as error:
            problems += error.problems
    for problem in problems:
        if problem.path.parent.name in ("trials", "rungs") and not _still_damaged(problem.path):
            continue  # another command has set it aside, and run the trial again
        if problem.path.suffix == ".parquet":
            for trial, record in scan_compacted(problem.path)[0].items():
                own = study_path / "trials" / f"{trial:06d}.json"
                if not own.exists():
                    write_text(own, to_text(record))
        moved.append((problem, set_aside(problem.path)))
    return moved


def _still_damaged(path: Path) -> bool:
    try:
        read_record(path)
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return False


def set_aside_requests(study_path: Path) -> list[tuple[Problem, Path]]:
    """Set aside every request that cannot be read: each problem and its new name."""
    try:
        requests.read(study_path)
    except DamagedRecord as error:
        return [(problem, set_aside(problem.path)) for problem in error.problems]
    return []


def set_aside_damaged(study_path: Path) -> list[tuple[Problem, Path]]:
    """Set aside all of a study's folder that cannot be trusted: each problem and its new name."""
    return [*set_aside_records(study_path), *set_aside_requests(study_path)]
