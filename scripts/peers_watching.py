"""A command run and watched: its wall clock, processor time and memory, with all its processes."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

EVERY_SECONDS = 0.5


class Trials(NamedTuple):
    """What a command trained: times are seconds since the epoch."""

    count: int
    steps: int
    began: float
    ended: float
    overhead: float | None = (
        None  # seconds a trial that its worker did not train; where it is known
    )


class Watched(NamedTuple):
    """One run of a contender."""

    start_up: float  # seconds from the command's start to its first trial's
    training: float  # from there to the last trial's end
    seconds: float  # of the whole command
    cpu_seconds: float
    peak_mib: float  # proportional set size, all processes together
    trials: int
    steps: int
    overhead: float | None


def watch(
    command: Sequence[str], environment: Mapping[str, str], trials: object, log: Path
) -> Watched:
    """Run a command to its end.

    Args:
        trials: called once it has ended, gives its `Trials`.
        log: what it says, kept where it fails.

    Raises:
        RuntimeError: it ended with another status than 0.
    """
    assert callable(trials)
    began = time.time()
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=file, stderr=subprocess.STDOUT
        )
        usage = _Usage(process.pid)
        sampler = threading.Thread(target=usage.sample, daemon=True)
        sampler.start()
        status = process.wait()
        seconds = time.time() - began
        usage.ended = True
        sampler.join()
    if status:
        tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(command[:4])} … ended with status {status}:\n{tail}")
    found: Trials = trials()
    return Watched(
        found.began - began, found.ended - found.began, seconds, usage.cpu_seconds, usage.peak_mib,
        found.count, found.steps, found.overhead,
    )  # fmt: skip


class _Usage:
    """Samples of a process and its descendants; a process's time counts up to when it was last seen."""

    def __init__(self, pid: int):
        self.root = psutil.Process(pid)
        self.seen: dict[tuple[int, float], float] = {}
        self.peak_mib = 0.0
        self.ended = False

    @property
    def cpu_seconds(self) -> float:
        return sum(self.seen.values())

    def sample(self) -> None:
        while not self.ended:
            together = 0.0
            for each in self._processes():
                try:
                    times = each.cpu_times()
                    self.seen[each.pid, each.create_time()] = times.user + times.system
                    together += each.memory_full_info().pss / 2**20
                except psutil.Error:
                    continue
            self.peak_mib = max(self.peak_mib, together)
            time.sleep(EVERY_SECONDS)

    def _processes(self) -> list[psutil.Process]:
        try:
            return [self.root, *self.root.children(recursive=True)]
        except psutil.Error:
            return []


def of_log(path: Path) -> Trials:
    """The trials in the log that `peers_training` wrote."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    steps: dict[str, int] = {}
    for line in lines:
        steps[line["trial"]] = max(steps.get(line["trial"], 0), line["steps"])
    times = [line["time"] for line in lines]
    return Trials(len(steps), sum(steps.values()), min(times), max(times))


def of_records(root: Path) -> Trials:
    """The trials in the records of a sweep of this harness."""
    from harness.records.reading import read_records

    records = list(read_records(root))
    runs = sorted((record["run"] for record in records), key=lambda run: run["started_at"])
    ends = [run["ended_at"] for run in runs]
    whole = not any(record["status"] == "pruned" for record in records)
    return Trials(
        len(records),
        sum(record["steps"] for record in records),
        runs[0]["started_at"],
        max(ends),
        _overhead(runs) if whole else None,
    )


def _overhead(runs: Sequence[Mapping[str, float]]) -> float:
    """The median of what a worker does between two trials and beside training one, in seconds.

    A trial follows on the one that ended last before it began, and had none yet.
    """
    free: list[float] = []
    gaps = []
    for run in runs:
        before = [end for end in free if end <= run["started_at"] + 0.001]
        if before:
            gaps.append(max(run["started_at"] - max(before), 0.0))
            free.remove(max(before))
        free.append(run["ended_at"])
    beside = [run["ended_at"] - run["started_at"] - run["train_seconds"] for run in runs]
    return _median(gaps) + _median(beside)


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0
