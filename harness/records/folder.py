"""A study's folder: every path in it, and its records' writing and reading.

ROOT/<workload>/<optimizer>/<fingerprint>/study.json
ROOT/<workload>/<optimizer>/<fingerprint>/trials/000012.json
ROOT/<workload>/<optimizer>/<fingerprint>/trials-<hash>.parquet   many records in one file
ROOT/<workload>/<optimizer>/<fingerprint>/checkpoints/000012.pt   of an unfinished trial
ROOT/<workload>/<optimizer>/<fingerprint>/rungs/000012.json       of one that came to a rung: so far
ROOT/<workload>/<optimizer>/<fingerprint>/weights/                of evaluations, where they are kept
ROOT/<workload>/<optimizer>/<fingerprint>/resuming.json           do they resume to the same bits
ROOT/<workload>/<optimizer>/<fingerprint>/requests/               which trials were asked for
ROOT/<workload>/<optimizer>/<fingerprint>/claims                  which trials run now
ROOT/<workload>/<optimizer>/<fingerprint>/logs/                   what Slurm's tasks said
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Container
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, SweepError
from harness.records.files import sync, write_json, write_result, write_text
from harness.records.reading import (
    DamagedRecord,
    checked,
    compacted_texts,
    further,
    read_record,
    scan,
    scan_rungs,
    trusted,
)
from harness.records.record import SCHEMA, Record, to_text
from harness.study.study import Study

ABANDONED_SECONDS = 3600.0  # a temporary file this old has lost its writer; they live milliseconds


class StudyFolder:
    """Every path of a study, and the reading and writing of its records.

    Raises:
        ConfigError: a workload or optimizer whose name would lead out of the results root.
    """

    def __init__(self, root: Path | str, study: Study):
        for kind, name in (("workload", study.workload), ("optimizer", study.optimizer)):
            if not re.fullmatch(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*", name):
                raise ConfigError(
                    f"{kind}.name {name!r} cannot name a folder under root={root}; use letters,"
                    " digits, '_', '-', '+' and '.'"
                )
        self.study = study
        self.root = Path(root)
        self.path = self.root / study.workload / study.optimizer / study.fingerprint
        self.trials = self.path / "trials"
        self.claims = self.path / "claims"
        self.requests = self.path / "requests"
        self.checkpoints = self.path / "checkpoints"
        self.rungs = self.path / "rungs"

    def record_path(self, trial: int) -> Path:
        return self.trials / f"{trial:06d}.json"

    def checkpoint_path(self, trial: int) -> Path:
        return self.checkpoints / f"{trial:06d}.pt"

    def rung_path(self, trial: int) -> Path:
        return self.rungs / f"{trial:06d}.json"

    def create(self) -> None:
        """Make the folder and write study.json, once.

        Raises:
            ConfigError: the folder can't be written.
        """
        try:
            self.trials.mkdir(parents=True, exist_ok=True)
            self.requests.mkdir(exist_ok=True)
            if not os.access(self.trials, os.W_OK):
                raise PermissionError("no write permission")
            if not (self.path / "study.json").exists():
                write_json(self.path / "study.json", study_node(self.study))
        except (OSError, SweepError) as error:
            cause = error.__cause__ or error
            raise ConfigError(
                f"results cannot be written under root={self.root}"
                f" ({getattr(cause, 'strerror', None) or cause});"
                " give a folder you can write, such as root=results"
            ) from None

    def make(self, name: str) -> Path:
        """A folder beside the records.

        Raises:
            SweepError: it can't be made.
        """
        try:
            (self.path / name).mkdir(exist_ok=True)
        except OSError as error:
            raise SweepError(f"{self.path / name} cannot be made ({error.strerror})") from None
        return self.path / name

    def write(self, record: Record) -> None:
        """Put one trial's record in place, whole or not at all.

        Raises:
            SweepError: the disk is full, or the folder can no longer be written.
        """
        write_result(self.record_path(record["trial"]), to_text(record))

    def read(self, trial: int) -> Record | None:
        """The record of a trial as it is now, or None where there is none.

        Raises:
            DamagedRecord: it is there but cannot be trusted.
        """
        path = self.record_path(trial)
        with contextlib.suppress(FileNotFoundError):
            return trusted(read_record, path)
        found = None
        for compacted in sorted(self.path.glob("trials-*.parquet")):
            if compacted not in self._compacted:  # it never changes: its name is its hash
                self._compacted[compacted] = dict(trusted(compacted_texts, compacted))
            if trial in self._compacted[compacted]:
                text = self._compacted[compacted][trial]
                found = further(found, trusted(checked, text, compacted, trial))
        return found

    @cached_property
    def _compacted(self) -> dict[Path, dict[int, str]]:
        return {}

    def read_all(self) -> dict[int, Record]:
        """The records of the study that are there, by trial.

        Raises:
            DamagedRecord: one of them cannot be trusted.
        """
        found, problems = scan(self.path)
        if problems:
            raise DamagedRecord(problems)
        return found

    # --- trials at a rung -------------------------------------------------------------------

    def write_rung(self, record: Record) -> None:
        """Put in place what is known of a trial that came to a rung; its checkpoint is there already.

        Raises:
            SweepError: the disk is full, or the folder can no longer be written.
        """
        self.make("rungs")
        write_text(self.rung_path(record["trial"]), to_text(record))

    def read_rung(self, trial: int) -> Record | None:
        """What is known of a trial that came to a rung and has not ended, None where it has not.

        Raises:
            DamagedRecord: it is there but cannot be trusted.
        """
        with contextlib.suppress(FileNotFoundError):
            return trusted(read_record, self.rung_path(trial))
        return None

    def read_rungs(self, but_for: Container[int] = ()) -> dict[int, Record]:
        """All that came to a rung and have no result, by trial.

        Args:
            but_for: trials that need not be read.

        Raises:
            DamagedRecord: one of them cannot be trusted.
        """
        found, problems = scan_rungs(self.path, but_for)
        if problems:
            raise DamagedRecord(problems)
        return found

    def clean(self) -> None:
        """Remove temporary files whose writers died, once they are surely not being written."""
        oldest = time.time() - ABANDONED_SECONDS
        for folder in (self.path, self.trials, self.checkpoints, self.rungs, self.requests):
            for path in folder.glob(".*.tmp"):
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime < oldest:
                        path.unlink()

    def ended(self, trial: int) -> None:
        """Remove what was kept of a trial until it had a result."""
        kept = (self.checkpoint_path(trial), self.rung_path(trial))
        if any(map(os.path.exists, kept)):
            with contextlib.suppress(OSError):
                sync(self.trials)  # the result's name first
                for path in kept:
                    path.unlink(missing_ok=True)

    def clean_checkpoints(self, finished: Container[int]) -> None:
        """`ended` for trials that have a result: their workers died between the two."""
        for path in (*self.checkpoints.glob("*.pt"), *self.rungs.glob("*.json")):
            if path.stem.isdecimal() and int(path.stem) in finished:
                path.unlink(missing_ok=True)


def study_node(study: Study) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "fingerprint": study.fingerprint,
        "study": dict(study.config),
        "overrides": list(study.overrides),
    }
