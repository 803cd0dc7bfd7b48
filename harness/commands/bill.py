"""What a sweep costs before it starts: seconds a trial, hours here, tasks of a Slurm array."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.errors import ConfigError

if TYPE_CHECKING:
    from harness.study.request import Request
    from harness.study.study import Study

ARRAY_SIZE = 1001  # MaxArraySize as Slurm has it unless told
TASK_SECONDS = 3600.0  # of a task that is neither lost in the queue nor too long for one
PER_STEP = "--seconds-per-step"  # of submit --dry-run, as plan prints it


class Line(NamedTuple):
    """One study's part of the bill."""

    name: str  # workload/optimizer
    trials: int  # still to be run
    seconds_a_trial: float | None
    how: str  # where that is from


def of_records(
    root: Path | str, study: Study, place: str | None = None, stack: int | str = 1
) -> float | None:
    """Seconds a trial as the records of this workload and optimizer under a root say, None without.

    Of whole trials that cost what these would: the same workload, steps, model, data and precision, on such
    a device, and stacked where these will be; whatever their study's fingerprint. The median.

    Args:
        place: cpu, or cuda, with or without a number; None for any.
        stack: as asked for; with AUTO stacked ones come first.
    """
    from harness.records.reading import read_study, scan, study_paths
    from harness.running.stacking import AUTO
    from harness.study.result import COMPLETE

    if not Path(root).is_dir():
        return None
    kind = (place or "").partition(":")[0]
    runs: list[Mapping[str, Any]] = []
    for path in study_paths(root):
        if path.parts[-3:-1] != (study.workload, study.optimizer):
            continue
        if _decides_cost(read_study(path)) != _decides_cost(study.config):
            continue
        records, _ = scan(path)
        runs += [
            record["run"]
            for record in records.values()
            if record["status"] == COMPLETE
            and record["run"].get("train_seconds")
            and record["run"].get("device", kind).startswith(kind)
        ]
    stacked = [run["train_seconds"] for run in runs if run.get("stack", 1) != 1]
    alone = [run["train_seconds"] for run in runs if run.get("stack", 1) == 1]
    seconds = alone if stack == 1 or (stack == AUTO and not stacked) else stacked
    return statistics.median(seconds) if len(seconds) >= 3 else None


def _decides_cost(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a study a trial's seconds follow, but for the optimizer."""
    from harness.running.stacking import SAME_COST
    from harness.study.study import of_the_study

    parts = {part: config.get(part) for part in SAME_COST}
    return parts | {part: of_the_study(part, parts[part] or {}) for part in ("workload", "data")}


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


def per_step(costs: Sequence[tuple[str, int, float]]) -> Iterator[str]:
    """The words that tell `dry_run` what was measured.

    Args:
        costs: workload, steps and seconds of a trial of each study; a workload's dearest counts.

    >>> list(per_step([("digits_cnn", 1000, 15.52), ("digits_cnn", 1000, 12.0)]))
    ['--seconds-per-step=digits_cnn:0.0156']
    """
    dearest: dict[str, float] = {}
    for workload, steps, seconds in costs:
        dearest[workload] = max(dearest.get(workload, 0.0), seconds / steps)
    for workload, seconds in dearest.items():
        yield f"{PER_STEP}={workload}:{1.005 * seconds:.3g}"  # no less by rounding


def _told(options: Sequence[str]) -> dict[str, float]:
    """Seconds a step by workload, ``""`` for all others.

    Raises:
        ConfigError: a value that is no time.

    >>> _told(["--seconds-per-step=0.06", "--seconds-per-step=digits_cnn:.001"])
    {'': 0.06, 'digits_cnn': 0.001}
    """
    told = {}
    for option in options:
        workload, _, number = option.partition("=")[2].rpartition(":")
        if not re.fullmatch(r"(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", number) or float(number) == 0:
            raise ConfigError(
                f"{PER_STEP} must be seconds as harness plan prints them, such as {PER_STEP}=0.06 or"
                f" {PER_STEP}=digits_cnn:0.06, got {option!r}"
            )
        told[workload] = float(number)
    return told


def dry_run(words: Sequence[str], options: Sequence[str] = ()) -> Iterator[str]:
    """What `harness submit` would submit, from the configuration alone: no data, no Slurm, no folder made.

    Every trial asked for is counted: which have a record is known only with the data. Hours are those of
    the records, else of the seconds a step that are given.

    Args:
        words: overrides, as of a run.
        options: the ``--seconds-per-step=`` among those of `harness submit`.

    Raises:
        ConfigError: words that cannot be composed or describe no study, or seconds that are none.
    """
    from harness.config import build
    from harness.config import how as how_to
    from harness.config.compose import compose

    told = _told(options)
    jobs = [(build.of_node(build.study_node(c), None), c, own) for c, own in compose(words)]
    workloads = {study.workload for study, *_ in jobs}
    if unknown := sorted(set(told) - {"", *workloads}):
        raise ConfigError(
            f"{PER_STEP}={unknown[0]}: is not of this sweep; its workloads: {', '.join(sorted(workloads))}"
        )
    bill = []
    arrays = tasks = 0
    for study, config, own in jobs:
        request = build.request(config, study, own)
        made = _chunks(request.indices, config.trials_per_task)
        arrays, tasks = arrays + len(made), tasks + sum(made)
        name = f"{study.workload}/{study.optimizer}"
        yield (
            f"{name}: {_count(len(request.indices), 'trial')}, {_count(sum(made), 'task')} of"
            f" {config.trials_per_task} in {_count(len(made), 'array')}"
        )
        place = None if config.device.value == "auto" else config.device.value
        seconds = of_records(request.root, study, place, how_to.stack(config))
        how = "as its records say"
        given = told.get(study.workload, told.get(""))
        if seconds is None and given is not None:
            steps = study.config["workload"]["steps"]
            seconds, how = steps * given, f"at {duration(given)} a step, as given"
        elif seconds is None:
            how = f"no record tells how long; give {PER_STEP}=, which harness plan prints where it runs"
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
    from harness.study.result import COMPLETE, FINISHED

    path = Path(request.root) / request.study.workload / request.study.optimizer
    path /= request.study.fingerprint
    if not path.is_dir():
        return len(request.indices)
    records, _ = scan(path)
    done = {trial for trial, record in records.items() if record["status"] in FINISHED}
    if request.num_feasible is not None:
        feasible = sum(record["status"] == COMPLETE for record in records.values())
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
