"""Sweeps as Slurm job arrays: what is missing, cut into arrays, given to Slurm.

Task ``b`` of a study runs its trials ``[b·k, (b+1)·k)``, k being ``trials_per_task``; those that have a
record, or wait or run in Slurm already, are not submitted again. MaxArraySize limits the index of a
task, so a long sweep becomes several arrays, each with an offset.

Of a pruned sweep these tasks end at a rung that is still open. Those that pass it go on in another
array, which Slurm starts when the arrays before have ended: an array a stretch, each task of which
runs whatever of the study is ready, until nothing is.
"""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import harness
from harness.errors import SweepError
from harness.records import requests as asked
from harness.records.folder import StudyFolder
from harness.study import indices
from harness.study.pruning import Pruning
from harness.study.request import Request
from harness.study.result import FAILURES, PRUNED
from harness.study.rung_choice import Auto

ARRAY_SCRIPT = Path(harness.__file__).parent.parent / "scripts" / "slurm_array.sh"
# Two minutes before the end (or at preemption) the batch shell, which Python has replaced, is told;
# USR2, because NCCL takes USR1.
DEFAULTS = ("--requeue", "--open-mode=append", "--signal=B:USR2@120")


# --- planning ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sweep:
    """What is asked of one study, and the words that make a task run it."""

    request: Request
    per_task: int
    retry_failed: bool
    words: tuple[str, ...]
    pruning: Pruning | Auto | None = None


class Array(NamedTuple):
    """One job array: tasks ``offset + index``, of ``per_task`` trials each within [low, high].

    A later ``stretch`` of a pruned sweep is of no trials in particular: ``per_task`` is 0 then.
    """

    folder: StudyFolder
    words: tuple[str, ...]
    offset: int
    per_task: int
    tasks: tuple[int, ...]
    trials: tuple[int, ...]
    low: int
    high: int
    stretch: int = 0  # 0: up to the first rung, as far as trials are not there yet

    @property
    def study_name(self) -> str:
        return self.folder.study.name

    @property
    def log(self) -> str:
        """One a task, named by study and index: %a is Slurm's index in this array."""
        name = self.study_name.replace("/", "-")
        start = f"rung{self.stretch}+" if self.stretch else ""
        start += f"{self.offset}+" if self.offset else ""
        folder = str(self.folder.path / "logs").replace("%", "%%")
        return f"{folder}/{name}_{start}%a.log"

    def specification(self, limit: int | None) -> str:
        text = indices.to_text(task - self.offset for task in self.tasks)
        return f"{text}%{limit}" if limit else text


def missing(sweep: Sweep, busy: Iterable[int] = ()) -> list[int]:
    """The trials asked for that have no record (or, with retry_failed, a failed one).

    What was pruned is missing where nothing is to be pruned any more.
    """
    found = StudyFolder(sweep.request.root, sweep.request.study).read_all()
    again = (*(FAILURES if sweep.retry_failed else ()), *(() if sweep.pruning else (PRUNED,)))
    done = {trial for trial, record in found.items() if record["status"] not in again}
    return sorted(set(sweep.request.indices) - done - set(busy))


def plan(sweeps: Sequence[Sweep], busy: Iterable[Queued], array_size: int) -> list[Array]:
    """The arrays to submit; the studies' folders are made and the requests noted on the way."""
    arrays = []
    taken = list(busy)
    for sweep in sweeps:
        request = sweep.request
        folder = StudyFolder(request.root, request.study)
        here = str(folder.path.resolve())
        trials = missing(sweep, {t for each in taken if each.path == here for t in each.trials})
        if not trials:
            continue
        folder.create()
        asked.note(folder, request)
        folder.make("logs")  # or Slurm loses the output
        added = _chunks(folder, sweep, trials, array_size)
        taken += [Queued(here, frozenset(array.trials)) for array in added]
        arrays += added + _later(folder, sweep, trials, array_size)
    return arrays


def _later(
    folder: StudyFolder, sweep: Sweep, trials: Sequence[int], array_size: int
) -> list[Array]:
    """The stretches behind the rungs, with as many tasks as trials are expected to go on there."""
    if sweep.pruning is None:
        return []
    pruning, asked_for, passing = sweep.pruning, sweep.request.indices, 1.0
    words = (*sweep.words, f"trial={indices.to_text(asked_for)}")
    arrays = []
    keep: tuple[float, ...] = (1.0, 0.6, 0.6, 0.6)  # which rungs auto chooses is not known yet
    if isinstance(pruning, Pruning):
        keep = pruning.keep
    else:
        trials = [trial for trial in trials if trial >= pruning.probe]
    for stretch, share in enumerate(keep, 1):
        passing *= share
        going_on = len(trials) * (passing + pruning.audit * (1 - passing))
        tasks = range(math.ceil(going_on / sweep.per_task))
        for first in range(0, len(tasks), array_size):
            arrays.append(
                Array(
                    folder, words, 0, 0, tuple(range(len(tasks[first : first + array_size]))),
                    tuple(trials), min(asked_for), max(asked_for), stretch,
                )
            )  # fmt: skip
    return arrays


def shares(parallel: int, tasks: Sequence[int]) -> list[int]:
    """How many tasks of each array may run at once, ``parallel`` together where there are so many.

    >>> shares(4, [3, 1, 3]), shares(2, [3, 3, 3])
    ([2, 1, 1], [1, 1, 1])
    """
    found = [1] * len(tasks)  # where arrays are more, some wait for others
    for _ in range(parallel - len(tasks)):
        wanting = [place for place, count in enumerate(tasks) if found[place] < count]
        if not wanting:
            break
        found[min(wanting, key=lambda place: found[place])] += 1
    return found


def _chunks(
    folder: StudyFolder, sweep: Sweep, trials: Sequence[int], array_size: int
) -> list[Array]:
    per_task, span = sweep.per_task, (min(sweep.request.indices), max(sweep.request.indices))
    by_offset: dict[int, list[int]] = {}
    for trial in trials:
        task = trial // per_task
        by_offset.setdefault(task - task % array_size, []).append(trial)
    return [
        Array(
            folder,
            sweep.words,
            offset,
            per_task,
            tuple(sorted({trial // per_task for trial in chunk})),
            tuple(chunk),
            *span,
        )
        for offset, chunk in sorted(by_offset.items())
    ]


# --- Slurm ------------------------------------------------------------------------------------


class Queued(NamedTuple):
    """Trials of the study in a folder that wait or run in Slurm."""

    path: str
    trials: frozenset[int]


def max_array_size() -> int:
    """One more than the largest index a task of an array may have on this cluster."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", _slurm("scontrol", "show", "config"), re.M)
    if not found or int(found[1]) < 2:
        raise SweepError("this Slurm allows no job arrays (MaxArraySize in its configuration)")
    return int(found[1])


def queued() -> list[Queued]:
    """What earlier submissions of this user still have in Slurm, by the comment each carries."""
    text = _slurm("squeue", "--me", "--noheader", "--array", "--format=%K|%k")
    found = []
    for line in text.splitlines():
        index, _, comment = line.partition("|")
        match = re.fullmatch(r"harness (\d+) (\d+) (\d+) (\d+) (.*)", comment)
        if match and index.isdigit():
            offset, per_task, low, high = map(int, match.groups()[:4])
            first = (offset + int(index)) * per_task
            last = first + per_task - 1 if per_task else high
            trials = range(max(first, low), min(last, high) + 1)
            found.append(Queued(match[5], frozenset(trials)))
    return found


def sbatch(
    array: Array, options: Sequence[str], limit: int | None, after: Sequence[str] = ()
) -> str:
    if not ARRAY_SCRIPT.exists():
        raise SweepError(f"{ARRAY_SCRIPT} is not there; submit from a checkout of the project")
    numbers = [str(n) for n in (array.offset, array.per_task, array.low, array.high)]
    submitted = _slurm(
        "sbatch",
        "--parsable",
        *DEFAULTS,
        f"--output={array.log}",
        *options,
        f"--job-name={array.study_name.replace('/', '-')}",
        f"--comment=harness {' '.join(numbers)} {array.folder.path.resolve()}",
        f"--array={array.specification(limit)}",
        *([f"--dependency=afterany:{':'.join(after)}"] if after else []),
        str(ARRAY_SCRIPT),
        sys.executable,
        *numbers,
        *array.words,
    )
    return submitted.strip().split(";")[0]


def _slurm(*command: str) -> str:
    if shutil.which(command[0]) is None:
        raise SweepError(f"{command[0]} is not on this machine; submit from a login node of Slurm")
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        raise SweepError(f"{command[0]} refused: {ended.stderr.strip() or ended.stdout.strip()}")
    return ended.stdout
