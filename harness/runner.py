"""Run the trials asked for: a pool of worker processes, kept for all studies of one command."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any

from harness import device as devices
from harness import worker
from harness.errors import ConfigError
from harness.progress import Progress
from harness.provenance import provenance
from harness.store import StudyFolder, new_record
from harness.trial_queue import Request, TrialQueue

REFRESH_SECONDS = 0.25
EXIT_COMPLETE, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what: none of it changes a result (``device`` picks the machine)."""

    workers: int | None = None
    device: str = "auto"
    retry_failed: bool = False
    trial_timeout_seconds: float | None = None
    quiet: bool = False


def run(requests: Sequence[Request], options: Options) -> int:
    """Train every missing trial of the requests and return the command's exit status.

    0 when every trial asked for is complete or diverged, 1 when one failed, 130 when interrupted.

    Raises:
        ConfigError: before anything is trained, for a folder that can't be written, missing data, a
            damaged record, or a device that isn't there.
    """
    places = devices.resolve(options.device)
    count = devices.worker_count(options.workers, places)
    _prepare_data(requests)
    queues = [_open(request, options.retry_failed) for request in requests]
    missing = sum(min(len(_missing(queue)), count) for queue in queues)
    with Progress(queues, quiet=options.quiet) as progress:
        if missing:
            with Pool(queues, places, min(count, missing), options, progress) as pool:
                pool.run()
            if pool.interrupted:
                return EXIT_INTERRUPTED
    return _conclude(queues)


def _prepare_data(requests: Sequence[Request]) -> None:
    prepared = []
    for request in requests:
        config = request.study.config
        wanted = (config["workload"]["module"], config["data"])
        if wanted not in prepared:
            prepared.append(wanted)
            importlib.import_module(wanted[0]).prepare(config["data"])


def _open(request: Request, retry_failed: bool) -> TrialQueue:
    """The request's queue, knowing the statuses of the records that are there already."""
    folder = StudyFolder(request.root, request.study)
    folder.create()
    statuses = {trial: record["status"] for trial, record in folder.read_all().items()}
    return TrialQueue(request, statuses, retry_failed)


def _missing(queue: TrialQueue) -> list[int]:
    request = queue.request
    return [t for t in range(request.first_trial, request.end) if t not in queue.statuses]


def _conclude(queues: Sequence[TrialQueue]) -> int:
    for queue in queues:
        request = queue.request
        name = f"{request.study.workload}/{request.study.optimizer}"
        if queue.capped:
            print(
                f"{name}: max_trials reached: {queue.feasible} of {request.num_feasible} feasible"
                f" trials found in {len(queue.asked)}",
                file=sys.stderr,
            )
        if queue.failures:
            first = StudyFolder(request.root, request.study).record_path(queue.failures[0])
            print(
                f"{name}: {len(queue.failures)} trials failed: {_ranges(queue.failures)}; why is in"
                f" {first}; retry_failed=true runs them again",
                file=sys.stderr,
            )
    return EXIT_FAILED if any(queue.failures for queue in queues) else EXIT_COMPLETE


def _ranges(trials: Sequence[int]) -> str:
    """Indices as Slurm's --array and people write them: 0-3,7."""
    runs: list[list[int]] = []
    for trial in sorted(trials):
        if runs and trial == runs[-1][1] + 1:
            runs[-1][1] = trial
        else:
            runs.append([trial, trial])
    return ",".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs)


# --- the pool ---------------------------------------------------------------------------------


@dataclass
class Worker:
    """One process, its end of the pipe, and what it is doing."""

    process: SpawnProcess
    connection: multiprocessing.connection.Connection
    device: str
    queue: TrialQueue | None = None
    assignment: worker.Assignment | None = None
    since: float = field(default_factory=time.monotonic)
    ready: bool = False


class Pool:
    """The worker processes of one command; a worker's death costs its trial, not the sweep."""

    def __init__(
        self,
        queues: Sequence[TrialQueue],
        places: Sequence[str],
        count: int,
        options: Options,
        progress: Progress,
    ):
        self.queues, self.options, self.progress = queues, options, progress
        self.context = multiprocessing.get_context("spawn")
        self.stop = self.context.Event()
        self.interrupts = 0
        self.refusal: str | None = None
        self.handlers: dict[int, Any] = {}
        self.workers = [self._start(places[index % len(places)]) for index in range(count)]

    @property
    def interrupted(self) -> bool:
        return self.interrupts > 0

    def __enter__(self) -> Pool:
        for number in (signal.SIGINT, signal.SIGTERM):
            self.handlers[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        for each in self.workers:
            if each.assignment is None and each.process.is_alive():
                _tell(each, None)
            else:
                each.process.kill()
        for each in self.workers:
            each.process.join(timeout=5)
            if each.process.is_alive():
                each.process.kill()

    def run(self) -> None:
        """Hand out trials until every queue is finished, or an interrupt has been obeyed."""
        while not all(queue.finished for queue in self.queues):
            self._hand_out()
            busy = [each for each in self.workers if each.assignment or not each.ready]
            if not any(each.assignment for each in busy) and self.stop.is_set():
                break
            for each in self._heard(busy):
                self._listen(each)
            self._enforce_timeout()
            self.progress.show()
            if self.interrupts > 1:
                break
        if self.refusal:
            raise ConfigError(self.refusal)

    # --- one turn of the loop -----------------------------------------------------------------

    def _hand_out(self) -> None:
        if self.stop.is_set():
            return
        for each in self.workers:
            if each.ready and each.assignment is None:
                # The study that is furthest behind goes first: a sweep that is cut short has
                # given every optimizer the same budget.
                for queue in sorted(self.queues, key=lambda queue: queue.next_trial):
                    if (trial := queue.take()) is not None:
                        self._assign(each, queue, trial)
                        break

    def _assign(self, each: Worker, queue: TrialQueue, trial: int) -> None:
        each.queue, each.since = queue, time.monotonic()
        each.assignment = worker.Assignment(queue.request.study, queue.request.root, trial)
        _tell(each, each.assignment)  # a dead worker's sentinel fires on the next turn

    def _heard(self, busy: Sequence[Worker]) -> list[Worker]:
        by_handle: dict[Any, Worker] = {}
        for each in busy:
            by_handle[each.connection] = each
            by_handle[each.process.sentinel] = each
        ready = multiprocessing.connection.wait(list(by_handle), timeout=REFRESH_SECONDS)
        return list({id(by_handle[handle]): by_handle[handle] for handle in ready}.values())

    def _listen(self, each: Worker) -> None:
        try:
            message = each.connection.recv() if each.connection.poll() else None
        except (EOFError, OSError):
            message = None
        if message == "ready":
            each.ready = True
        elif message is not None:
            self._finish(each, message)
        elif not each.process.is_alive():
            self._bury(each, "failed", f"worker process died: {_exit(each.process)}")

    def _finish(self, each: Worker, outcome: worker.Outcome) -> None:
        queue, assignment = each.queue, each.assignment
        assert queue is not None
        assert assignment is not None
        each.queue = each.assignment = None
        if outcome.status in (worker.STOPPED, worker.REFUSED):
            queue.running.discard(assignment.trial)
            if outcome.status == worker.REFUSED:
                self.refusal = outcome.error
                self.stop.set()
            return
        queue.done(assignment.trial, outcome.status)
        self.progress.ended(queue, outcome.val_error)
        if outcome.error:
            last_line = outcome.error.strip().splitlines()[-1]
            self.progress.say(
                f"{assignment.study.name} trial {assignment.trial} failed: {last_line}"
            )

    def _bury(self, each: Worker, status: str, why: str) -> None:
        """A worker is dead: its trial gets a record that says so, and a new worker takes its place."""
        each.process.join()
        if each.assignment is None:
            raise RuntimeError(f"a worker ended before its first trial: {_exit(each.process)}")
        study, root, trial = each.assignment
        record = new_record(study, trial) | {"status": status, "error": why}
        record["run"] |= {"train_seconds": round(time.monotonic() - each.since, 4), **provenance()}
        StudyFolder(root, study).write(record)
        self._finish(each, worker.Outcome(status, None, why))
        self.workers[self.workers.index(each)] = self._start(each.device)

    def _enforce_timeout(self) -> None:
        limit = self.options.trial_timeout_seconds
        if limit is None:
            return
        for each in list(self.workers):
            if each.assignment and time.monotonic() - each.since > limit:
                each.process.kill()
                each.process.join()
                self._bury(each, "timeout", f"stopped after trial_timeout_seconds={limit:g}")

    def _start(self, place: str) -> Worker:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(
            target=worker.work, args=(theirs, self.stop, place, os.getpid()), daemon=True
        )
        with _one_thread():
            process.start()
        theirs.close()
        return Worker(process, ours, place)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupts += 1
        self.stop.set()
        self.progress.note = "stopping: running trials end at their next step"


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """OpenMP and MKL read their thread count at import: set it for the child, not for the caller."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _tell(each: Worker, message: Any) -> None:
    with contextlib.suppress(OSError):  # it died between turns; its sentinel says so
        each.connection.send(message)


def _exit(process: SpawnProcess) -> str:
    code = process.exitcode
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit status {code}"
