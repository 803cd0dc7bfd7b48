"""``python -m harness.status ROOT``: how far each study under a results root is, from any machine.

Exit status: 0 when every trial asked for is complete or diverged, 1 when not, 2 for a mistake.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from harness.errors import ConfigError
from harness.records import requests as asked
from harness.records import store
from harness.records.claims import claimed
from harness.records.record import FINISHED, Record
from harness.study import indices
from harness.study.study import Study

RECENT_SECONDS = 3600.0  # what the rate is taken over: a sweep may have slept for days before


class Status(NamedTuple):
    """One study: ``counts`` of record statuses, indices that run now, and those still missing."""

    name: str
    path: Path
    counts: Counter[str]
    failed: list[int]
    running: list[int]
    missing: list[int]
    trials_per_second: float | None
    damaged: list[store.Problem]

    @property
    def finished(self) -> int:
        return sum(self.counts[status] for status in FINISHED)

    @property
    def complete(self) -> bool:
        return not (self.missing or self.failed or self.damaged)

    @property
    def seconds_left(self) -> float | None:
        """None when nothing is left, nothing runs, or no trial has ended yet."""
        if not (self.missing and self.running and self.trials_per_second):
            return None
        return len(self.missing) / self.trials_per_second


def read(study_path: Path) -> Status:
    """The status of the study in a folder. A running trial is still missing.

    Raises:
        DamagedRecord: its study.json or a request is damaged; damaged records are in the status.
    """
    node = store.read_study(study_path)
    study = Study({name: value for name, value in node.items() if name != "overrides"})
    found, damaged = store.scan(study_path)
    statuses = {trial: record["status"] for trial, record in found.items()}
    wanted = asked.read(study_path).wanted(study, statuses)
    missing = [trial for trial in wanted if trial not in statuses]
    failed = [trial for trial, status in statuses.items() if status not in FINISHED]
    return Status(
        "/".join(study_path.parts[-3:]),
        study_path,
        Counter(statuses.values()),
        failed,
        sorted(claimed(study_path / "claims", [*missing, *failed])),
        missing,
        rate([record for record in found.values() if record["status"] in FINISHED]),
        damaged,
    )


def rate(records: Sequence[Record]) -> float | None:
    """Trials a second, over the last hour in which any ended."""
    ends = sorted(end for record in records if (end := _ended_at(record)) is not None)
    recent = [end for end in ends if end > ends[-1] - RECENT_SECONDS]
    if len(recent) < 2 or recent[-1] == recent[0]:
        return None
    return (len(recent) - 1) / (recent[-1] - recent[0])


def _ended_at(record: Record) -> float | None:
    run = record["run"]
    if run.get("ended_at") is None and run.get("started_at") is not None:  # of schema 1
        return run["started_at"] + (run.get("train_seconds") or 0.0)
    return run.get("ended_at")


# --- as text ----------------------------------------------------------------------------------


def table(studies: Sequence[Status]) -> list[str]:
    header = ("study", "complete", "diverged", "failed", "running", "missing", "trials/h", "left")
    rows = [header, *(_row(status) for status in studies)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _row(status: Status) -> tuple[str, ...]:
    per_hour = status.trials_per_second and 3600 * status.trials_per_second
    return (
        status.name,
        str(status.counts["complete"]),
        str(status.counts["diverged"]),
        str(len(status.failed)),
        str(len(status.running)),
        str(len(status.missing)),
        f"{per_hour:.3g}" if per_hour else "-",
        _left(status.seconds_left),
    )


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    end = time.strftime("%a %H:%M", time.localtime(time.time() + seconds))
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}:{minutes:02d} ({end})"


def _to_do(status: Status) -> list[str]:
    lines = []
    if status.missing:
        lines.append(f"{status.name}: missing trial={indices.to_text(status.missing)}")
    if status.failed:
        lines.append(
            f"{status.name}: failed trial={indices.to_text(status.failed)}"
            " (retry_failed=true runs them again)"
        )
    for problem in status.damaged:
        lines.append(
            f"{status.name}: damaged {problem.path} {problem.what}"
            " (damaged=set_aside renames it and runs its trial again)"
        )
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m harness.status",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("root", help="a results folder (the root= of sweeps)")
    root = parser.parse_args(arguments).root
    try:
        studies = [read(path) for path in store.study_paths(root)]
    except ConfigError as error:
        print(f"harness.status: {error}", file=sys.stderr)
        return 2
    if not studies:
        print(f"harness.status: no study under {root} yet", file=sys.stderr)
        return 1
    print("\n".join(table(studies)))
    for status in studies:
        for line in _to_do(status):
            print(line)
    return 0 if all(status.complete for status in studies) else 1


if __name__ == "__main__":
    sys.exit(main())
