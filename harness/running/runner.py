"""Run the trials asked for: a pool of worker processes, kept for all studies of one command."""

from __future__ import annotations

import contextlib
import importlib
import json
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Any

from harness.errors import ConfigError, SweepError
from harness.records import requests as asked
from harness.records import store
from harness.records.checkpoint import Every
from harness.records.claims import COMPACTION, Claims
from harness.records.record import Record, new_record
from harness.records.store import StudyFolder
from harness.running import device as devices
from harness.running import worker
from harness.running.progress import Progress, tell
from harness.running.shared_queue import SharedQueue
from harness.running.trial_queue import Request
from harness.study import indices

REFRESH_SECONDS = 0.25
STILLBORN = 3  # workers in a row that die before they can train: not the trials' fault
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # glibc keeps freed memory: a step of ResNet-8 takes 89 ms instead of 104 (LSTM: no difference).
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**31),
}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)
EXIT_COMPLETE, EXIT_FAILED = 0, 1
EXIT_SIGNAL = 128  # plus the signal's number, as a shell tells it: 130 after Ctrl-C
Recorded = Mapping[Path, frozenset[str]]  # by study folder, the SHA-256 of its records' data


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what: none of it changes a result (``device`` picks the machine)."""

    workers: int | None = None
    device: str = "auto"
    retry_failed: bool = False
    trial_timeout_seconds: float | None = None
    checkpoint_every: Every | None = None
    set_damaged_aside: bool = False
    quiet: bool = False


def run(requests: Sequence[Request], options: Options) -> int:
    """Train every missing trial of the requests and return the command's exit status.

    0 when every trial asked for is complete or diverged, 1 when one failed, 128 + n when signal n
    stopped it.

    Raises:
        ConfigError: before anything is trained, for a folder that can't be written, missing data, a
            model that can't be built, a damaged record, or a device that isn't there; for records
            of other data than is opened.
        SweepError: a full disk, or workers that won't start.
    """
    places = devices.resolve(options.device)
    count = devices.worker_count(options.workers, places)
    check_workloads(requests)
    with _opened(requests, options) as (queues, recorded):
        missing = sum(min(each.queue.missing, count) for each in queues)
        with Progress([each.queue for each in queues], quiet=options.quiet) as progress:
            if missing:
                with Pool(queues, recorded, places, min(count, missing), options, progress) as pool:
                    pool.run()
                if pool.signals:
                    progress.note = ""
                    progress.say("interrupted; the same command goes on where this one stopped")
                    return EXIT_SIGNAL + pool.signals[0]
        return _conclude(queues)


def check_workloads(requests: Sequence[Request]) -> None:
    """Each distinct model once, then each distinct data set: fetching data may take long.

    Raises:
        ConfigError: jobs of one study that name different data, or a module that can't be imported.
        DataError: what a workload finds wrong with its model or data.
    """
    _ask(requests, "check_model", "model")
    _ask(requests, "prepare", "data")
    _check_one_data_a_study(requests)


def _check_one_data_a_study(requests: Sequence[Request]) -> None:
    """Where data lies is no part of a study: two texts under -m would share its trials."""
    nodes: dict[tuple[str, str], Mapping[str, Any]] = {}
    for request in requests:
        study, node = request.study, request.study.config["data"]
        first = nodes.setdefault((request.root, study.name), node)
        for name in sorted(first.keys() | node.keys()):
            if first.get(name) != node.get(name):
                raise ConfigError(
                    f"data.{name} is {first.get(name)} for one job of {study.name} and"
                    f" {node.get(name)} for another; run them one by one, each with its own root="
                )


def _ask(requests: Sequence[Request], function: str, part: str) -> list[Any]:
    """What each request's workload answers, asked once a distinct node; None where it lacks the function."""
    answers: dict[str, Any] = {}
    keys = []
    for request in requests:
        config = request.study.config
        name, node = config["workload"]["module"], config[part]
        keys.append(key := json.dumps([name, node], sort_keys=True))
        if key not in answers:
            ask = getattr(_workload_module(name), function, None)
            answers[key] = ask(node) if ask else None
    return [answers[key] for key in keys]


def _workload_module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ImportError, ValueError, TypeError) as error:
        raise ConfigError(
            f"workload.module {name!r} cannot be imported ({error}); give a module on the Python path"
        ) from None


@contextlib.contextmanager
def _opened(
    requests: Sequence[Request], options: Options
) -> Iterator[tuple[list[SharedQueue], Recorded]]:
    """The requests' queues, knowing the records that are there. All are read before one is touched."""
    folders = [StudyFolder(request.root, request.study) for request in requests]
    if options.set_damaged_aside:
        set_damaged_aside(folders)
    recorded = {folder.path: _data_of(folder.read_all()) for folder in folders}
    _check_recorded(requests, [recorded[folder.path] for folder in folders])
    claims: dict[Path, Claims] = {}
    try:
        queues = []
        for request, folder in zip(requests, folders, strict=True):
            folder.create()
            folder.clean()
            asked.note(folder, request)
            path = folder.claims.resolve()
            if path not in claims:
                claims[path] = Claims(path)
            queues.append(SharedQueue(request, folder, claims[path], options.retry_failed))
        yield queues, recorded
    finally:
        for each in claims.values():
            each.close()


def _data_of(records: Mapping[int, Record]) -> frozenset[str]:
    digests = (record["data"].get("sha256") for record in records.values())
    return frozenset(digest for digest in digests if isinstance(digest, str))


def _check_recorded(requests: Sequence[Request], recorded: Sequence[frozenset[str]]) -> None:
    """Before the workers, which check it too: where all trials have records none would be started."""
    begun = [(request, known) for request, known in zip(requests, recorded, strict=True) if known]
    answers = _ask([request for request, _ in begun], "data_sha256", "data")
    for (request, known), sha256 in zip(begun, answers, strict=True):
        worker.check_data(request.study, known, sha256)


def set_damaged_aside(folders: Iterable[StudyFolder]) -> None:
    """Set aside what cannot be trusted in studies' folders, and say so."""
    for folder in folders:
        for set_aside in (store.set_aside_damaged, asked.set_aside_damaged):
            for problem, aside in set_aside(folder.path):
                print(f"set aside as {aside.name}: {problem.path} {problem.what}", file=sys.stderr)


def _conclude(queues: Sequence[SharedQueue]) -> int:
    """Say what a table of results would not, compact large studies, and give the exit status."""
    for each in queues:
        queue, request = each.queue, each.queue.request
        name = f"{request.study.workload}/{request.study.optimizer}"
        if queue.capped:
            tell(
                f"{name}: max_trials reached: {queue.feasible} of {request.num_feasible} feasible"
                f" trials found in {len(queue.asked)}"
            )
        if failures := queue.failures:
            first = each.folder.record_path(failures[0])
            tell(
                f"{name}: {len(failures)} trials failed: {indices.to_text(failures)}; why is in"
                f" {first}; retry_failed=true runs them again"
            )
        if each.claims.take(COMPACTION):
            store.compact(each.folder.path, at_least=store.COMPACT_FROM)
            each.claims.release(COMPACTION)
    return EXIT_FAILED if any(each.queue.failed for each in queues) else EXIT_COMPLETE


# --- the pool ---------------------------------------------------------------------------------


@dataclass
class Worker:
    """One process, its end of the pipe, and what it is doing."""

    process: SpawnProcess
    connection: multiprocessing.connection.Connection
    device: str
    device_name: str = ""  # as it tells it when it is ready; asking torch here would start CUDA
    queue: SharedQueue | None = None
    assignment: worker.Assignment | None = None
    since: float = field(default_factory=time.monotonic)
    begun: bool = False  # training: the data is open
    ready: bool = False
    leaving: bool = False
    stopping: bool = False


class Pool:
    """The worker processes of one command; a worker's death costs its trial, not the sweep."""

    def __init__(
        self,
        queues: Sequence[SharedQueue],
        recorded: Recorded,
        places: Sequence[str],
        count: int,
        options: Options,
        progress: Progress,
    ):
        self.queues, self.recorded = queues, recorded
        self.options, self.progress = options, progress
        self.places = [places[index % len(places)] for index in range(count)]
        if multiprocessing.get_start_method() not in multiprocessing.get_all_start_methods():
            # In a process of joblib's: workers would be told of its method, which they lack.
            multiprocessing.set_start_method("spawn", force=True)
        self.context = multiprocessing.get_context("spawn")
        self.workers: list[Worker] = []
        self.stillborn = 0
        self.signals: list[int] = []  # in the order they came: one asks, the same again insists
        self.trouble: Exception | None = None  # why no further trial can be run
        self.handlers: dict[int, Any] = {}

    def __enter__(self) -> Pool:
        for number in SIGNALS:
            self.handlers[number] = signal.signal(number, self._interrupt)
        try:
            self.workers = [self._start(place) for place in self.places]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.workers:
            if each.ready and each.assignment is None:
                _tell(each, None)
            else:
                each.process.kill()
        for each in self.workers:
            each.process.join(timeout=5)
            if each.process.is_alive():
                each.process.kill()
                each.process.join()
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def run(self) -> None:
        """Hand out trials until every queue is finished, or an interrupt has been obeyed.

        Raises:
            ConfigError: a worker found a mistake in the configuration after all.
            SweepError: records can't be written, or workers won't start.
        """
        while not all(each.queue.finished for each in self.queues):
            if len(set(self.signals)) < len(self.signals):
                break
            if not (self.signals or self.trouble):
                try:
                    self._hand_out()
                except ConfigError as error:  # a record damaged since: running trials end first
                    self.trouble = error
            elif not self._stop():
                break
            for each in self._heard():
                self._listen(each)
            self._enforce_timeout()
            self.progress.show()
        if self.trouble:
            raise self.trouble

    # --- one turn of the loop -----------------------------------------------------------------

    def _hand_out(self) -> None:
        for each in self.workers:
            if each.ready and each.assignment is None:
                # The study that is furthest behind goes first: a sweep that is cut short has
                # given every optimizer the same budget.
                for queue in sorted(self.queues, key=lambda queue: queue.queue.position):
                    if (trial := queue.take()) is not None:
                        self._assign(each, queue, trial)
                        break

    def _assign(self, each: Worker, queue: SharedQueue, trial: int) -> None:
        each.queue, each.since, each.begun = queue, time.monotonic(), False
        request = queue.queue.request
        each.assignment = worker.Assignment(
            request.study,
            request.root,
            trial,
            self.options.checkpoint_every,
            self.recorded[queue.folder.path],
        )
        _tell(each, each.assignment)  # a dead worker's sentinel fires on the next turn

    def _stop(self) -> bool:
        """Ask running trials to stop, once each; whether there are any."""
        running = [each for each in self.workers if each.assignment]
        for each in running:
            if not each.stopping:
                each.stopping = True
                _tell(each, worker.STOP)
        return bool(running)

    def _heard(self) -> list[Worker]:
        by_handle: dict[Any, Worker] = {}
        for each in self.workers:
            by_handle[each.connection] = each
            by_handle[each.process.sentinel] = each
        ready = multiprocessing.connection.wait(list(by_handle), timeout=REFRESH_SECONDS)
        return list({id(by_handle[handle]): by_handle[handle] for handle in ready}.values())

    def _listen(self, each: Worker) -> None:
        try:
            while each.connection.poll():
                self._hear(each, each.connection.recv())
            alive = each.process.is_alive()
        except (EOFError, OSError):  # it closed its end: it is dead, or as good as
            each.process.kill()
            alive = False
        if not alive:
            each.process.join()
            self._bury(each, "failed", f"worker process died: {_exit(each.process)}")

    def _hear(self, each: Worker, message: Any) -> None:
        if isinstance(message, worker.Ready):
            each.ready, each.device_name = True, message.device_name
            self.stillborn = 0
        elif message == worker.LEAVING:
            each.ready, each.leaving = False, True
        elif message == worker.BEGUN:
            each.since, each.begun = time.monotonic(), True
        elif isinstance(message, worker.Warn):
            self.progress.say(message.line)
        else:
            self._finish(each, message)

    def _finish(self, each: Worker, outcome: worker.Outcome) -> None:
        queue, assignment = each.queue, each.assignment
        assert queue is not None
        assert assignment is not None
        each.queue = each.assignment = None
        if outcome.status in (worker.STOPPED, worker.REFUSED, worker.UNWRITABLE):
            queue.give_up(assignment.trial)
            kind = ConfigError if outcome.status == worker.REFUSED else SweepError
            if outcome.error:
                self.trouble = self.trouble or kind(outcome.error)
            return
        queue.done(assignment.trial, outcome.status, outcome.val_error)
        if outcome.error:
            last_line = outcome.error.strip().splitlines()[-1]
            self.progress.say(
                f"{assignment.study.name} trial {assignment.trial} failed: {last_line}"
            )

    def _bury(self, each: Worker, status: str, why: str) -> None:
        """A worker is dead: its trial gets a record that says so, and a new worker takes its place.

        Unless it had written one just before; that is a good one. Its checkpoint stays: what ended
        the trial came from outside, and a retry goes on from there.
        """
        if not each.ready and not each.leaving:
            self.stillborn += 1
            if self.stillborn >= STILLBORN:
                self.trouble = self.trouble or SweepError(
                    f"{STILLBORN} workers in a row ended before they could train a trial"
                    f" ({_exit(each.process)}); their own words stand above; lower workers= if"
                    " memory is short"
                )
                self.workers.remove(each)
                return
        if each.assignment is not None:
            try:
                outcome = self._outcome_of_dead(each, status, why)
            except SweepError as error:
                outcome = worker.Outcome(worker.UNWRITABLE, error=str(error))
            except ConfigError as error:
                outcome = worker.Outcome(worker.REFUSED, error=str(error))
            self._finish(each, outcome)
        self.workers[self.workers.index(each)] = self._start(each.device)

    def _outcome_of_dead(self, each: Worker, status: str, why: str) -> worker.Outcome:
        assert each.queue is not None
        assert each.assignment is not None
        study, trial = each.assignment.study, each.assignment.trial
        record = each.queue.new_record(trial)
        if record is None:
            record = new_record(study, trial) | {"status": status, "error": why}
            seconds = time.monotonic() - each.since
            record["run"] |= {"train_seconds": round(seconds, 4)}
            record["run"] |= worker.run_facts(time.time() - seconds, each.device_name)
            each.queue.folder.write(record)
        return worker.Outcome(*(record[k] for k in worker.Outcome._fields))

    def _enforce_timeout(self) -> None:
        limit = self.options.trial_timeout_seconds
        if limit is None:
            return
        for each in list(self.workers):
            if each.assignment and each.begun and time.monotonic() - each.since > limit:
                each.process.kill()
                each.process.join()
                self._bury(each, "timeout", f"stopped after trial_timeout={limit:g} seconds")

    def _start(self, place: str) -> Worker:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=worker.work, args=(theirs, place), daemon=True)
        with _worker_environment(), _signals_blocked():
            process.start()
        theirs.close()
        return Worker(process, ours, place)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.signals.append(number)
        self.progress.note = "stopping: running trials end at their next step"


@contextlib.contextmanager
def _worker_environment() -> Iterator[None]:
    """What is read at a process's start: set it for the child, not for the caller."""
    before = {name: os.environ.get(name) for name in WORKER_ENVIRONMENT}
    os.environ.update(WORKER_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """A child inherits the mask, from its first instruction on; what comes to us meanwhile waits."""
    resource_tracker.ensure_running()  # starting it unblocks SIGINT and SIGTERM again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _tell(each: Worker, message: Any) -> None:
    with contextlib.suppress(OSError):  # it died between turns; its sentinel says so
        each.connection.send(message)


def _exit(process: SpawnProcess) -> str:
    code = process.exitcode
    if code == -signal.SIGKILL:
        return "signal SIGKILL (by hand, or by the system for want of memory)"
    if code is not None and code < 0:
        names = {each.value: each.name for each in signal.Signals}
        return f"signal {names.get(-code, -code)}"
    return f"exit status {code}"
