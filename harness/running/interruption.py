"""A Slurm task that is told its time is up goes back into the queue.

Imports nothing that takes time: the signal may come while Python still imports the rest.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import FrameType


def when_told() -> None:
    """From here on, until the pool takes over: in a Slurm task, USR2 requeues and ends it."""
    if _task() is not None:
        signal.signal(signal.SIGUSR2, _requeue)


def _requeue(number: int, frame: FrameType | None) -> None:
    after(number)
    sys.stderr.flush()
    os._exit(128 + number)


def after(number: int) -> None:
    """Put this task back into Slurm's queue when USR2 stopped it: its time, not a person, was up.

    Slurm does so itself only for a preempted job that is still there when its grace time is over.
    SIGTERM is what that job gets then, and what scancel sends.
    """
    task = _task()
    if number != signal.SIGUSR2 or task is None:
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
