"""How far a study is, from its folder alone: told from any machine, disturbing nobody."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from harness.records import headlines, reading
from harness.records import requests as asked
from harness.records.claims import claimed
from harness.records.headlines import Headline
from harness.running.rung_queue import RungQueue
from harness.running.rungs import Rungs, known
from harness.running.trial_queue import wanted
from harness.study.pruning import Pruning, parse
from harness.study.request import Request
from harness.study.result import FAILURES, FINISHED, PRUNED
from harness.study.study import Study

LEAST_SECONDS = 1.0  # what ended within it may have been trained as one
RECENT_SECONDS = 3600.0  # what the rate is taken over: a sweep may have slept for days before


class Status(NamedTuple):
    """One study: ``counts`` of record statuses, indices that run now, and those still missing.

    A pruned trial is not missing: a command with ``pruning=none`` carries it on.
    """

    name: str
    path: Path
    counts: Counter[str]
    failed: list[int]
    running: list[int]
    missing: list[int]
    trials_per_second: float | None
    damaged: list[reading.Problem]
    at_rung: Sequence[int] = ()  # came to a rung, and wait for their cohort or for a worker
    saved_share: float = 0.0  # of the steps of all trials that ended, by pruning
    audited: int | None = (
        None  # failed a rung and go on or went on; None where that was not looked up
    )

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


def read(study_path: Path, thoroughly: bool = True) -> Status:
    """The status of the study in a folder. A running trial is still missing.

    Args:
        thoroughly: check each record to its last byte.

    Raises:
        DamagedRecord: its study.json or a request is damaged; damaged records are in the status.
    """
    node = reading.read_study(study_path)
    study = Study({name: value for name, value in node.items() if name != "overrides"})
    found, damaged = headlines.read(study_path, thoroughly)
    statuses = {trial: each.status for trial, each in found.items()}
    of_interest = wanted(asked.read(study_path), study, statuses)
    missing = [trial for trial in of_interest if trial not in statuses]
    failed = [trial for trial, status in statuses.items() if status in FAILURES]
    running = sorted(claimed(study_path / "claims", [*missing, *failed]))
    ended = (*FINISHED, PRUNED)
    came = [int(path.stem) for path in reading.record_paths(study_path, "rungs")]
    return Status(
        "/".join(study_path.parts[-3:]),
        study_path,
        Counter(statuses.values()),
        failed,
        running,
        missing,
        rate([each.ended_at for each in found.values() if each.status in FINISHED]),
        damaged,
        [t for t in came if statuses.get(t) not in ended and t not in running],
        _saved_share([each for each in found.values() if each.status in ended], study),
        _audited(study_path, study) if thoroughly and PRUNED in statuses.values() else None,
    )


def _saved_share(ended: Sequence[Headline], study: Study) -> float:
    steps = study.config["workload"]["steps"]
    saved = sum(steps - each.steps for each in ended if each.status == PRUNED)
    return saved / (steps * max(len(ended), 1))


def _audited(study_path: Path, study: Study) -> int:
    """How many trials of the cohorts that were pruned failed a rung and are trained to the end."""
    records, _ = reading.scan(study_path)
    found = known(records, reading.scan_rungs(study_path)[0])
    statuses = {trial: record["status"] for trial, record in records.items()}
    cohorts: dict[Pruning, set[int]] = defaultdict(set)
    for trial, record in records.items():
        text = record["run"].get("pruning")
        if record["status"] == PRUNED and isinstance(text, str):
            with contextlib.suppress(ValueError):  # whoever uses the record says so
                cohorts[(pruning := parse(text))].update(pruning.block(trial))
    return sum(
        RungQueue(Request(study, "", trials=tuple(sorted(trials))), statuses, found, rungs).audited
        for pruning, trials in cohorts.items()
        if (rungs := Rungs.of(pruning, study))
    )


def rate(ended_at: Sequence[float | None]) -> float | None:
    """Trials a second, over the last hour in which any ended."""
    ends = sorted(end for end in ended_at if end is not None)
    recent = [end for end in ends if end > ends[-1] - RECENT_SECONDS]
    if len(recent) < 2 or recent[-1] - recent[0] < LEAST_SECONDS:
        return None
    return (len(recent) - 1) / (recent[-1] - recent[0])
