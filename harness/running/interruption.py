"""Ctrl-C, SIGTERM and USR2: the one owner of what they do to a command.

Imports nothing that takes time: a signal may come while Python still imports the rest.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from harness.errors import EXIT_SIGNAL

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)
INTERRUPTED = "interrupted; the same command goes on where this one stopped"


class Interruption:
    """The signals that came while this was entered: one asks, the same again insists."""

    def __init__(self) -> None:
        self.signals: list[int] = []  # in the order they came
        self.progressed = False  # whether any trial made a step before
        self.handlers: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        for number in SIGNALS:
            self.handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    @property
    def asked(self) -> bool:
        return bool(self.signals)

    @property
    def insisted(self) -> bool:
        return len(set(self.signals)) < len(self.signals)

    @property
    def exit_status(self) -> int:
        """As a shell tells it, of the first signal."""
        return EXIT_SIGNAL + self.signals[0]

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signals.append(number)


@contextlib.contextmanager
def blocked() -> Iterator[None]:
    """A child inherits the mask, from its first instruction on; what comes to us meanwhile waits."""
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # starting it unblocks SIGINT and SIGTERM again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# --- a Slurm task that is told its time is up goes back into the queue -----------------------------


def when_told() -> None:
    """From here on, until the pool takes over: in a Slurm task, USR2 requeues and ends it."""
    if _task() is not None:
        signal.signal(signal.SIGUSR2, _requeue)


def _requeue(number: int, frame: FrameType | None) -> None:
    requeue_after(number, progressed=False)
    sys.stderr.flush()
    os._exit(EXIT_SIGNAL + number)


def requeue_after(number: int, *, progressed: bool) -> None:
    """Put this task back into Slurm's queue when USR2 stopped it: its time, not a person, was up.

    Slurm does so itself only for a preempted job that is still there when its grace time is over.
    SIGTERM is what that job gets then, and what scancel sends. A task that was restarted before and
    again made no step would be requeued for ever: it ends.
    """
    task = _task()
    if number != signal.SIGUSR2 or task is None:
        return
    if not progressed and int(os.environ.get("SLURM_RESTART_COUNT") or 0) > 0:
        print(
            f"harness: Slurm task {task} made no step in the time it was given, twice; not requeued."
            " Submit again with more --time (its signal comes two minutes before the end)",
            file=sys.stderr,
        )
        return
    try:
        ended = subprocess.run(["scontrol", "requeue", task], capture_output=True, text=True)
        problem = ended.stderr.strip() if ended.returncode else ""
    except OSError as error:
        problem = f"scontrol: {error.strerror}"
    if problem:
        print(f"harness: Slurm task {task} was not requeued: {problem}", file=sys.stderr)
    else:
        print(f"harness: requeued Slurm task {task}: it goes on where it stopped", file=sys.stderr)


def _task() -> str | None:
    job = os.environ.get("SLURM_ARRAY_JOB_ID")
    return f"{job}_{os.environ['SLURM_ARRAY_TASK_ID']}" if job else None
