"""What a sweep costs before it starts: seconds a trial, hours here, tasks of a Slurm array."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from harness.study.request import Request
    from harness.study.study import Study

ARRAY_SIZE = 1001  # MaxArraySize as Slurm has it unless told
TASK_SECONDS = 3600.0  # of a task that is neither lost in the queue nor too long for one


class Line(NamedTuple):
    """One study's part of the bill."""

    name: str  # workload/optimizer
    trials: int  # still to be run
    seconds_a_trial: float | None
    how: str  # where that is from


def of_records(root: Path | str, study: Study) -> float | None:
    """Seconds a trial as the records of this workload and optimizer under a root say, None without.

    Of whole trials with as many steps, whatever their study's fingerprint; the median.
    """
    from harness.records.reading import read_study, scan, study_paths

    if not Path(root).is_dir():
        return None
    seconds: list[float] = []
    for path in study_paths(root):
        if path.parts[-3:-1] != (study.workload, study.optimizer):
            continue
        if read_study(path)["workload"]["steps"] != study.config["workload"]["steps"]:
            continue
        records, _ = scan(path)
        seconds += [
            record["run"]["train_seconds"]
            for record in records.values()
            if record["status"] == "complete" and record["run"].get("train_seconds")
        ]
    return statistics.median(seconds) if len(seconds) >= 3 else None


def lines(bill: Sequence[Line], workers: int) -> Iterator[str]:
    """The bill in words: a line a study, then all together."""
    for line in bill:
        if line.seconds_a_trial is None:
            yield f"  {line.name}: {_count(line.trials, 'trial')}, {line.how}"
            continue
        hours = line.trials * line.seconds_a_trial / 3600
        yield (
            f"  {line.name}: {_count(line.trials, 'trial')} of {duration(line.seconds_a_trial)} ({line.how}):"
            f" {_hours(hours)} of one worker"
        )
    known = [line for line in bill if line.seconds_a_trial is not None]
    if not known:
        return
    total = sum(line.trials * (line.seconds_a_trial or 0.0) for line in known)
    of = "" if len(known) == len(bill) else f" (of {len(known)} of {len(bill)} studies)"
    here = f", {_hours(total / 3600 / workers)} here with {_count(workers, 'worker')}"
    yield f"  together{of}: {_hours(total / 3600)} of one worker{here if workers > 1 else ''}"
    longest = max(line.seconds_a_trial or 0.0 for line in known)
    most = max(line.trials for line in known)
    per_task = max(1, min(round(TASK_SECONDS / max(longest, 1e-9)), most))
    tasks = sum(-(-line.trials // per_task) for line in known)
    yield (
        f"  as Slurm arrays: trials_per_task={per_task} makes {_count(tasks, 'task')} of"
        f" {duration(per_task * longest)} or less; harness submit --dry-run counts them exactly"
    )


def _count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> _count(1, "task"), _count(1200, "array")
    ('1 task', '1,200 arrays')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def dry_run(words: Sequence[str]) -> Iterator[str]:
    """What `harness submit` would submit, from the configuration alone: no data, no Slurm, no folder made.

    Every trial asked for is counted: which have a record is known only with the data.

    Raises:
        ConfigError: words that cannot be composed or describe no study.
    """
    from harness.config import build
    from harness.config.compose import compose
    from harness.study.study import Study

    bill = []
    arrays = tasks = 0
    for config, own in compose(words):
        study = Study({**build.study_node(config), "data_sha256": None})
        request = build.request(config, study, own)
        made = _chunks(request.indices, config.trials_per_task)
        arrays, tasks = arrays + len(made), tasks + sum(made)
        name = f"{study.workload}/{study.optimizer}"
        yield (
            f"{name}: {_count(len(request.indices), 'trial')}, {_count(sum(made), 'task')} of"
            f" {config.trials_per_task} in {_count(len(made), 'array')}"
        )
        seconds = of_records(request.root, study)
        how = (
            "as its records say"
            if seconds
            else "no record tells how long; harness plan measures it"
        )
        bill.append(Line(name, len(request.indices), seconds, how))
    yield f"{_count(tasks, 'task')} in {_count(arrays, 'array')}, of at most {ARRAY_SIZE:,} tasks each (Slurm's MaxArraySize)"
    yield "hours, if none of them has a record yet:"
    yield from (line for line in lines(bill, 1) if "as Slurm" not in line)


def _chunks(indices: Sequence[int], per_task: int) -> list[int]:
    """How many tasks each array of a study has, as `harness.running.slurm` cuts them."""
    tasks = sorted({trial // per_task for trial in indices})
    chunks: dict[int, int] = {}
    for task in tasks:
        chunks[task - task % ARRAY_SIZE] = chunks.get(task - task % ARRAY_SIZE, 0) + 1
    return list(chunks.values())


def left(request: Request) -> int:
    """How many of the trials asked for have no result yet."""
    from harness.records.reading import scan
    from harness.study.result import FINISHED

    path = Path(request.root) / request.study.workload / request.study.optimizer
    path /= request.study.fingerprint
    if not path.is_dir():
        return len(request.indices)
    records, _ = scan(path)
    done = {trial for trial, record in records.items() if record["status"] in FINISHED}
    if request.num_feasible is not None:
        feasible = sum(record["status"] == "complete" for record in records.values())
        return max(0, request.num_feasible - feasible)
    return len(set(request.indices) - done)


def duration(seconds: float) -> str:
    """A duration in one number.

    >>> duration(0.0123), duration(12.3), duration(200), duration(9000)
    ('12.3 ms', '12.3 s', '3.33 min', '2.5 h')
    """
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"


def _hours(hours: float) -> str:
    """Hours, or minutes of what is less than one.

    >>> _hours(0.25), _hours(3.26), _hours(1234.5)
    ('15 min', '3.3 h', '1,234 h')
    """
    if hours < 1 / 30:
        return f"{3600 * hours:.3g} s"
    if hours < 1:
        return f"{60 * hours:.3g} min"
    return f"{hours:,.1f} h" if hours < 100 else f"{hours:,.0f} h"
