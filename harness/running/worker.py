"""A worker process: takes a trial, trains it, writes its record, reports its status."""

from __future__ import annotations

import contextlib
import json
import os
import select
import threading
import time
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from harness.errors import SweepError
from harness.records.checkpoint import Checkpoint
from harness.records.folder import StudyFolder
from harness.records.record import Record, new_record
from harness.records.weights import Weights
from harness.running.messages import (
    AT_RUNG,
    BEGUN,
    LEAVING,
    REFUSED,
    SPLIT,
    STOP,
    STOPPED,
    UNWRITABLE,
    Assignment,
    Outcome,
    Outcomes,
    Ready,
    Warn,
)
from harness.study.result import FAILED, FINISHED, PRUNED
from harness.study.study import Study

TASKS_KEPT = 2  # opened data sets a worker holds on to; sweeps seldom mix more workloads
ORPHAN_SECONDS = 30.0  # what an orphan has to end its step and checkpoint


def work(connection: Connection, device: str) -> None:
    """Run assignments until the connection closes or says None.

    SIGINT, SIGTERM and SIGUSR2 are blocked here (the runner starts us so): a terminal or a batch
    system sends them to the whole group, and the runner alone decides.
    """
    import torch

    torch.set_num_threads(1)  # two cost 5x the CPU time under load
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tasks: dict[str, Any] = {}
    try:
        connection.send(Ready(device_name(device)))
        while (message := connection.recv()) is not None:
            if message != STOP:  # a stop that crossed the end of its trial
                run = _run_block if message.block else _run
                outcome = run(message, tasks, device, connection)
                # An error on a GPU may have broken the process's context for all trials to come.
                failed = isinstance(outcome, Outcome) and outcome.status in (FAILED, SPLIT)
                spoilt = failed and device != "cpu"
                if spoilt:
                    connection.send(LEAVING)
                connection.send(outcome)
                if spoilt:
                    return
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the runner is gone; so are we


def _end_with_parent() -> None:
    """The last resort for a trial that hangs while its runner is gone."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        time.sleep(ORPHAN_SECONDS)
        os._exit(1)


def _stop_check(connection: Connection) -> Callable[[], bool]:
    """Whether the runner has said something, or died: during a trial both mean stop.

    One system call, a microsecond. No lock shared with other processes: a worker that is killed
    while it holds one would stop all.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLHUP)
    return lambda: bool(poll.poll(0))


def _run(
    assignment: Assignment, tasks: dict[str, Any], device: str, connection: Connection
) -> Outcome:
    from harness.training.train import Stopped
    from workloads.task import DataError

    study, root, trial, every, _, pruning, keep, _ = assignment
    folder = StudyFolder(root, study)

    def warn(line: str) -> None:
        with contextlib.suppress(OSError):  # the runner is gone; the trial stops at its next step
            connection.send(Warn(f"{study.name} trial {trial}: {line}"))

    started = time.time()
    try:
        checkpoint = Checkpoint(folder, trial, every, device, warn)
        weights = Weights(folder, trial, keep) if keep else None
        record = _record(assignment, tasks, device, connection, checkpoint, weights)
        record["run"] |= run_facts(started, device_name(device))
        record["run"] |= {"pruning": pruning} if pruning else {}
        if record["status"] == PRUNED:
            folder.write_rung(record)
            return Outcome(AT_RUNG)
        folder.write(record)
        if record["status"] in FINISHED:
            folder.ended(trial)
        else:
            checkpoint.remove()
    except Stopped as stopped:
        return Outcome(STOPPED, steps=stopped.steps)
    except DataError as error:
        return Outcome(REFUSED, error=str(error))
    except SweepError as error:
        return Outcome(UNWRITABLE, error=str(error))
    return Outcome(record["status"], record["val_error"], record["error"])


def _run_block(
    assignment: Assignment, tasks: dict[str, Any], device: str, connection: Connection
) -> Outcome | Outcomes:
    from harness.records import compaction
    from harness.running.block import load_stacked, run_block
    from harness.training.train import Stopped
    from workloads.task import DataError

    study, started = assignment.study, time.time()
    try:
        task = _task(study, tasks, device, load_stacked)
        _check_data(study, task.data_description.get("sha256"))
        connection.send(BEGUN)
        records = run_block(study, assignment.block, task, device, _stop_check(connection))
        for record in records:
            record["run"] |= run_facts(started, device_name(device))
        compaction.write_together(StudyFolder(assignment.root, study), records)
    except Stopped:
        return Outcome(STOPPED)  # no step of it is kept
    except DataError as error:
        return Outcome(REFUSED, error=str(error))
    except SweepError as error:
        return Outcome(UNWRITABLE, error=str(error))
    except Exception as error:  # one trial alone may then fail, and its record says so
        return Outcome(SPLIT, error=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
    return Outcomes({each["trial"]: Outcome(each["status"], each["val_error"]) for each in records})


def _record(
    assignment: Assignment,
    tasks: dict[str, Any],
    device: str,
    connection: Connection,
    checkpoint: Checkpoint,
    weights: Weights | None,
) -> Record:
    from harness.running.trial import load_task, note_failure, run_trial
    from workloads.task import DataError

    study, trial = assignment.study, assignment.trial
    started = time.perf_counter()
    try:
        task = _task(study, tasks, device, load_task)
        _check_data(study, task.data_description.get("sha256"))
    except DataError:
        raise
    except Exception as error:  # a workload that cannot be imported or opened fails its trials
        record = new_record(study, trial)
        note_failure(record, error, time.perf_counter() - started)
        return record
    connection.send(BEGUN)
    stop = _stop_check(connection)
    return run_trial(study, trial, task, device, stop, checkpoint, assignment.until, weights)


def _check_data(study: Study, opened: str | None) -> None:
    """That the data are still those the study was composed with.

    Raises:
        DataError: they were changed since.
    """
    from workloads.task import DataError

    composed = study.config.get("data_sha256")
    if composed and opened and composed != opened:
        raise DataError(
            f"the data of {study.name} have sha256 {opened[:12]}…, and had {composed[:12]}… when the"
            " command started; let them be, and start it again"
        )


def run_facts(started: float, device: str) -> dict[str, Any]:
    """What a record's ``run`` tells of when and where, besides ``train_seconds``."""
    from harness.records.provenance import provenance

    times = {"started_at": round(started, 3), "ended_at": round(time.time(), 3)}
    return {**times, "device": device, **provenance()}


def _task(
    study: Study, tasks: dict[str, Any], device: str, load: Callable[[Study, str], Any]
) -> Any:
    """The study's workload with its data open, from the few kept."""
    config = study.config
    wanted = (
        config["workload"]["module"],
        config["data"],
        config["model"],
        config["workload"]["batch_size"],
        [config["order"], config["workload"]["steps"]] if "order" in config else None,
        load.__name__,
    )
    key = json.dumps(wanted, sort_keys=True)
    if key not in tasks:
        if len(tasks) >= TASKS_KEPT:
            tasks.pop(next(iter(tasks)))
        tasks[key] = load(study, device)
    return tasks[key]


def device_name(device: str) -> str:
    if device == "cpu":
        return "cpu"
    import torch

    return f"cuda ({torch.cuda.get_device_name(device)})"
