"""A worker process: takes a trial, trains it, writes its record, reports its status."""

from __future__ import annotations

import json
import os
import signal
import time
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any, NamedTuple

from harness.store import StudyFolder
from harness.study import Study

TASKS_KEPT = 2  # opened data sets a worker holds on to; sweeps seldom mix more workloads


class Assignment(NamedTuple):
    study: Study
    root: str
    trial: int


class Outcome(NamedTuple):
    """What the runner needs to know of an ended trial; the record itself is in the store."""

    status: str
    val_error: float | None
    error: str | None


# Statuses of an outcome, never of a record:
STOPPED = "stopped"  # the trial was asked to stop
REFUSED = "refused"  # the workload refused its data or model settings: a mistake in the config


def work(connection: Connection, stop: Event, device: str, parent: int) -> None:
    """Run assignments until the connection closes or says None."""
    # The terminal sends Ctrl-C to the whole group; the runner alone decides, and tells by `stop`.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

    import torch

    torch.set_num_threads(1)  # two cost 5x the CPU time under load

    def should_stop() -> bool:
        return stop.is_set() or os.getppid() != parent  # an orphan stops too

    tasks: dict[str, Any] = {}
    try:
        connection.send("ready")
        while (assignment := connection.recv()) is not None:
            connection.send(_run(assignment, tasks, device, should_stop))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the runner is gone; so are we


def _run(assignment: Assignment, tasks: dict[str, Any], device: str, should_stop: Any) -> Outcome:
    from harness.provenance import provenance
    from harness.train import Stopped, run_trial
    from workloads.task import DataError

    study, root, trial = assignment
    started = time.time()
    try:
        record = run_trial(study, trial, _task(study, tasks, device), device, should_stop)
    except Stopped:
        return Outcome(STOPPED, None, None)
    except DataError as error:
        return Outcome(REFUSED, None, str(error))
    record["run"] |= {
        "started_at": round(started, 3),
        "device": device_name(device),
        **provenance(),
    }
    StudyFolder(root, study).write(record)
    return Outcome(record["status"], record.get("val_error"), record["error"])


def _task(study: Study, tasks: dict[str, Any], device: str) -> Any:
    """The study's workload with its data open, from the few kept."""
    from harness.train import load_task

    config = study.config
    wanted = (
        config["workload"]["module"],
        config["data"],
        config["model"],
        config["workload"]["batch_size"],
    )
    key = json.dumps(wanted, sort_keys=True)
    if key not in tasks:
        if len(tasks) >= TASKS_KEPT:
            tasks.pop(next(iter(tasks)))
        tasks[key] = load_task(study, device)
    return tasks[key]


def device_name(device: str) -> str:
    if device == "cpu":
        return "cpu"
    import torch

    return f"cuda ({torch.cuda.get_device_name(device)})"
