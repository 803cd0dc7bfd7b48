"""Of each record the little that tells how far a study is, read without checking the rest.

A hundred thousand records take a second so, and twenty where each is parsed and its checksum compared.
A file that does not look like a record is read in full, so that what is wrong with it can be said.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from harness.records.reading import Problem, further, read_record, record_names, scan
from harness.records.record import Record

HEAD, TAIL = 4096, 4096  # bytes of a file in which status and times stand
_STATUS = re.compile(rb'"status": "(\w+)",')
_STEPS = re.compile(rb'"steps": (\d+)')
_ENDED = re.compile(rb'"ended_at": ([0-9.e+]+)')
COLUMNS = (
    "trial",
    "status",
    "steps",
    "ended_at",
)  # of a compacted file; older ones lack the last two


class Headline(NamedTuple):
    """A record's ``status``, the ``steps`` it took, and when it ended, None where it does not say."""

    status: str
    steps: int
    ended_at: float | None


def of(record: Record) -> Headline:
    """The headline of a record that has been read."""
    run = record["run"]
    ended_at = run.get("ended_at")
    if ended_at is None and run.get("started_at") is not None:  # of schema 1
        ended_at = run["started_at"] + (run.get("train_seconds") or 0.0)
    return Headline(record["status"], int(record["steps"] or 0), ended_at)


def count(study_path: Path) -> int:
    """How many records a study's folder holds."""
    import pyarrow.parquet as pq

    found = len(record_names(study_path))
    for path in study_path.glob("trials-*.parquet"):
        try:
            found += pq.read_metadata(path).num_rows
        except Exception:  # whoever reads it says what is wrong with it
            continue
    return found


def read(study_path: Path, thoroughly: bool) -> tuple[dict[int, Headline], list[Problem]]:
    """The headlines of a study's records by trial, and the files that cannot be trusted.

    Args:
        thoroughly: check every record to its last byte, as `harness.records.reading.scan`.
    """
    if thoroughly:
        found, problems = scan(study_path)
        return {trial: of(record) for trial, record in found.items()}, problems
    headlines, problems = _of_files(study_path)
    for path in sorted(study_path.glob("trials-*.parquet")):
        try:
            compacted = _of_compacted(path)
        except Exception as error:  # pyarrow's are many
            problems.append(Problem(path, f"cannot be read ({' '.join(str(error).split())})"))
            continue
        for trial, headline in compacted.items():
            headlines[trial] = _further(headlines.get(trial), headline)
    return dict(sorted(headlines.items())), problems


def _of_files(study_path: Path) -> tuple[dict[int, Headline], list[Problem]]:
    found: dict[int, Headline] = {}
    problems = []
    folder = str(study_path / "trials")
    for name in record_names(study_path):
        path = f"{folder}/{name}"  # a Path each would take longer than the reading
        try:
            headline = _glance(path) or of(read_record(Path(path)))
        except FileNotFoundError:
            continue
        except ValueError as error:
            problems.append(Problem(Path(path), str(error)))
        else:
            found[int(name[:-5])] = headline
    return found, problems


def _glance(path: str) -> Headline | None:
    """The headline by the look of the text; None where it does not look like a record's."""
    file = os.open(path, os.O_RDONLY)
    try:
        head = os.read(file, HEAD)
        tail = head
        if len(head) == HEAD:
            size = os.fstat(file).st_size
            tail = os.pread(file, TAIL, max(size - TAIL, 0))
    except OSError:
        return None
    finally:
        os.close(file)
    status, steps = _STATUS.search(head), _STEPS.search(head)
    if status is None or steps is None or not tail.endswith(b"}\n"):
        return None
    ended = _ENDED.search(tail)
    return Headline(status[1].decode(), int(steps[1]), float(ended[1]) if ended else None)


def _of_compacted(path: Path) -> dict[int, Headline]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        there = set(file.schema_arrow.names)
        table = file.read(columns=[name for name in COLUMNS if name in there])
    if not {"trial", "status"} <= there:
        raise ValueError("its columns are not those of records")
    columns: dict[str, Any] = {name: table[name].to_pylist() for name in COLUMNS if name in there}
    nothing = [None] * table.num_rows
    rows = zip(*(columns.get(name, nothing) for name in COLUMNS), strict=True)
    return {int(t): Headline(str(s), int(steps or 0), ended) for t, s, steps, ended in rows}


def _further(one: Headline | None, other: Headline) -> Headline:
    """As `harness.records.reading.further` has it of records."""
    first = None if one is None else one._asdict()
    return Headline(**further(first, other._asdict()))
