"""How far a study is, from its folder alone: told from any machine, disturbing nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from harness.records import headlines, reading
from harness.records import requests as asked
from harness.records.claims import claimed
from harness.records.headlines import Headline
from harness.running.trial_queue import wanted
from harness.study.result import FAILURES, FINISHED, PRUNED
from harness.study.study import Study

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
    )


def _saved_share(ended: Sequence[Headline], study: Study) -> float:
    steps = study.config["workload"]["steps"]
    saved = sum(steps - each.steps for each in ended if each.status == PRUNED)
    return saved / (steps * max(len(ended), 1))


def rate(ended_at: Sequence[float | None]) -> float | None:
    """Trials a second, over the last hour in which any ended."""
    ends = sorted(end for end in ended_at if end is not None)
    recent = [end for end in ends if end > ends[-1] - RECENT_SECONDS]
    if len(recent) < 2 or recent[-1] == recent[0]:
        return None
    return (len(recent) - 1) / (recent[-1] - recent[0])
