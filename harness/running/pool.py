"""The worker processes of one command, kept for all its studies."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from typing import Any

from harness.errors import ConfigError, SweepError
from harness.records.record import new_record
from harness.running import messages, processes, worker
from harness.running.interruption import Interruption
from harness.running.options import Options
from harness.running.progress import Progress
from harness.running.shared_queue import SharedQueue
from harness.study.result import FAILED, TIMEOUT

REFRESH_SECONDS = 0.25
STILLBORN = 3  # workers in a row that die before they can train: not the trials' fault


@dataclass
class Worker:
    """One process, its end of the pipe, and what it is doing."""

    process: BaseProcess
    connection: multiprocessing.connection.Connection
    device: str
    device_name: str = ""  # as it tells it when it is ready; asking torch here would start CUDA
    queue: SharedQueue | None = None
    assignment: messages.Assignment | None = None
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
        places: Sequence[str],
        count: int,
        options: Options,
        progress: Progress,
        interruption: Interruption,
    ):
        self.queues, self.options, self.progress = queues, options, progress
        self.interruption = interruption
        self.places = [places[index % len(places)] for index in range(count)]
        self.workers: list[Worker] = []
        self.stillborn = 0
        self.trouble: Exception | None = None  # why no further trial can be run

    def __enter__(self) -> Pool:
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
            processes.buried(each.process)

    def run(self) -> None:
        """Hand out trials until every queue is finished, or an interrupt has been obeyed.

        Raises:
            ConfigError: a worker found a mistake in the configuration after all.
            SweepError: records can't be written, or workers won't start.
        """
        while not all(each.queue.finished for each in self.queues):
            if self.interruption.insisted:
                break
            if self.interruption.asked:
                self.progress.note = "stopping: running trials end at their next step"
            if not (self.interruption.asked or self.trouble):
                try:
                    self._hand_out()
                except ConfigError as error:  # a record damaged since: running trials end first
                    self.trouble = error
            elif not self._stop():
                break
            for each in self._heard():
                self._listen(each)
            self._enforce_timeout()
            self._tell_news()
            self.progress.show()
        if self.trouble:
            raise self.trouble

    # --- one turn of the loop -----------------------------------------------------------------

    def _tell_news(self) -> None:
        for queue in self.queues:
            while queue.news:
                self.progress.say(queue.news.pop(0))

    def _hand_out(self) -> None:
        for each in self.workers:
            if each.ready and each.assignment is None:
                # The study that is furthest behind goes first: a sweep that is cut short has
                # given every optimizer the same budget.
                for queue in sorted(self.queues, key=lambda queue: queue.queue.position):
                    if trials := queue.take_together():
                        self._assign(each, queue, trials)
                        break

    def _assign(self, each: Worker, queue: SharedQueue, trials: Sequence[int]) -> None:
        trial = trials[0]
        study = queue.study(trial)
        each.queue, each.since, each.begun = queue, time.monotonic(), False
        each.assignment = messages.Assignment(
            study,
            queue.queue.request.root,
            trial,
            self.options.checkpoint_every,
            queue.until(trial),
            queue.text(trial),
            self.options.keep,
            tuple(trials) if len(trials) > 1 else (),
        )
        _tell(each, each.assignment)  # a dead worker's sentinel fires on the next turn

    def _stop(self) -> bool:
        """Ask running trials to stop, once each; whether there are any."""
        running = [each for each in self.workers if each.assignment]
        for each in running:
            if not each.stopping:
                each.stopping = True
                _tell(each, messages.STOP)
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
            processes.buried(each.process)
            self._bury(each, FAILED, f"worker process died: {_exit(each.process)}")

    def _hear(self, each: Worker, message: Any) -> None:
        if isinstance(message, messages.Ready):
            each.ready, each.device_name = True, message.device_name
            self.stillborn = 0
        elif message == messages.LEAVING:
            each.ready, each.leaving = False, True
        elif message == messages.BEGUN:
            each.since, each.begun = time.monotonic(), True
        elif isinstance(message, messages.Warn):
            self.progress.say(message.line)
        else:
            self._finish(each, message)

    def _finish(self, each: Worker, outcome: messages.Outcome | messages.Outcomes) -> None:
        queue, assignment = each.queue, each.assignment
        assert queue is not None
        assert assignment is not None
        each.queue = each.assignment = None
        if isinstance(outcome, messages.Outcomes):
            self.interruption.progressed = True
            for trial, one in outcome.by_trial.items():
                self._done(queue, trial, one)
            return
        if outcome.status == messages.SPLIT:
            queue.split(assignment.trials, outcome.error or "")
            return
        if outcome.status != messages.STOPPED or outcome.steps:
            self.interruption.progressed = True
        if outcome.status in (messages.STOPPED, messages.REFUSED, messages.UNWRITABLE):
            for trial in assignment.trials:
                queue.give_up(trial)
            kind = ConfigError if outcome.status == messages.REFUSED else SweepError
            if outcome.error:
                self.trouble = self.trouble or kind(outcome.error)
            return
        self._done(queue, assignment.trial, outcome)
        if outcome.error:
            last_line = outcome.error.strip().splitlines()[-1]
            self.progress.say(
                f"{assignment.study.name} trial {assignment.trial} failed: {last_line}"
            )

    def _done(self, queue: SharedQueue, trial: int, outcome: messages.Outcome) -> None:
        try:
            if outcome.status == messages.AT_RUNG:
                queue.came(trial)
            else:
                queue.done(trial, outcome.status, outcome.val_error)
        except (
            ConfigError
        ) as error:  # what others left at a rung is damaged: running trials end first
            self.trouble = self.trouble or error

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
                outcome = messages.Outcome(messages.UNWRITABLE, error=str(error))
            except ConfigError as error:
                outcome = messages.Outcome(messages.REFUSED, error=str(error))
            self._finish(each, outcome)
        self.workers[self.workers.index(each)] = self._start(each.device)

    def _outcome_of_dead(self, each: Worker, status: str, why: str) -> messages.Outcome:
        assert each.queue is not None
        assert each.assignment is not None
        study, trial = each.assignment.study, each.assignment.trial
        if each.assignment.block:
            return messages.Outcome(messages.SPLIT, error=why)
        record = each.queue.new_record(trial)
        if record is None and each.queue.came_to_rung(trial):
            return messages.Outcome(messages.AT_RUNG)
        if record is None:
            record = new_record(study, trial) | {"status": status, "error": why}
            seconds = time.monotonic() - each.since
            record["run"] |= {"train_seconds": round(seconds, 4)}
            record["run"] |= worker.run_facts(time.time() - seconds, each.device_name)
            record["run"] |= {"pruning": text} if (text := each.assignment.pruning) else {}
            each.queue.folder.write(record)
        return messages.Outcome(*(record[k] for k in messages.Outcome._fields))

    def _enforce_timeout(self) -> None:
        limit = self.options.trial_timeout_seconds
        if limit is None:
            return
        for each in list(self.workers):
            if not each.assignment:
                continue
            allowed = limit * len(each.assignment.trials)
            if each.begun and time.monotonic() - each.since > allowed:
                each.process.kill()
                processes.buried(each.process)
                self._bury(each, TIMEOUT, f"stopped after trial_timeout={limit:g} seconds")

    def _start(self, place: str) -> Worker:
        ours, theirs = multiprocessing.Pipe()
        # It hears no signals, and ends with us all the same (worker.py).
        process = processes.start(place, worker.work, theirs, place, deaf=True)
        theirs.close()
        return Worker(process, ours, place)


def _tell(each: Worker, message: Any) -> None:
    with contextlib.suppress(OSError):  # it died between turns; its sentinel says so
        each.connection.send(message)


def _exit(process: BaseProcess) -> str:
    code = process.exitcode
    if code == -signal.SIGKILL:
        return "signal SIGKILL (by hand, or by the system for want of memory)"
    if code is not None and code < 0:
        names = {each.value: each.name for each in signal.Signals}
        return f"signal {names.get(-code, -code)}"
    return f"exit status {code}"
