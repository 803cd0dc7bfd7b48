"""``harness submit [--parallel=N] [--dry-run] [sbatch options] -- KEY=VALUE …``: a sweep as Slurm job arrays.

Everything is composed and checked here, on the login node, before anything is submitted; what has a
record, or waits or runs in Slurm already, is not submitted again. An array a study, and of a pruned
one an array for what goes on after each rung.

--dry-run prints tasks, arrays and hours, without data or Slurm: of the records under root=, else of
--seconds-per-step=[WORKLOAD:]SECONDS, which harness plan prints on the machine in question.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.commands import bill, one_line
from harness.errors import EXIT_COMPLETE, ConfigError
from harness.study import indices
from harness.study.study import key_of

if TYPE_CHECKING:
    from harness.running.slurm import Array, Sweep
    from harness.study.request import Request

USAGE = (
    "harness submit [--parallel=N] [--dry-run [--seconds-per-step=S]] [sbatch options]"
    " -- KEY=VALUE …"
)
OURS = (
    "--array", "-a", "--comment", "--job-name", "-J", "--wrap", "--parsable", "--dependency", "-d",
    "--chdir", "-D",  # relative folders would be others there
)  # fmt: skip
# Which trials: the array's to say.
CHOOSING = ("trial", "first_trial", "num_trials", "trials_per_task")


def main(arguments: Sequence[str]) -> int:
    """Check and submit a sweep, and print what became of it."""
    if any(word in ("-h", "--help") for word in arguments[: _end(arguments)]):
        print(f"{__doc__}\nusage: {USAGE}")
        return EXIT_COMPLETE
    options, words = _split(arguments)
    seconds = [option for option in options if option.split("=")[0] == bill.PER_STEP]
    if "--dry-run" in options:
        print("\n".join(bill.dry_run(words, seconds)))
        return EXIT_COMPLETE
    if seconds:
        raise ConfigError(
            f"{bill.PER_STEP} tells --dry-run the hours; add --dry-run or leave it out"
        )
    parallel, options = _parallel(options)

    from harness.running import slurm

    sweeps = _sweeps(words)
    arrays = slurm.plan(sweeps, slurm.queued(), slurm.max_array_size())
    jobs_of: dict[tuple[str, int], list[str]] = {}  # by study and stretch
    for stretch in sorted({array.stretch for array in arrays}):
        together = [array for array in arrays if array.stretch == stretch]
        limits = slurm.shares(parallel, [len(a.tasks) for a in together]) if parallel else None
        jobs: list[str] = []
        for place, array in enumerate(together):
            # With a limit to how many tasks run at once, a stretch of all studies after the other.
            before = [
                job
                for (study, earlier), those in jobs_of.items()
                if earlier == stretch - 1 and (parallel or study == array.study_name)
                for job in those
            ]
            # Fewer tasks at once than arrays: an array starts when one before it has ended.
            before = before + ([jobs[place - parallel]] if parallel and place >= parallel else [])
            limit = limits[place] if limits else None
            jobs.append(slurm.sbatch(array, options, limit, before))
            jobs_of.setdefault((array.study_name, stretch), []).append(jobs[-1])
            print(f"job {jobs[-1]}: {array.study_name} {_what(array)}")
            print(f"  tasks {array.specification(limit)}, logs {array.log}")
    if not arrays:
        print("nothing to submit: every trial asked for has a record, or waits or runs in Slurm")
    for root in dict.fromkeys(sweep.request.root for sweep in sweeps):
        python = shlex.quote(sys.executable)
        print(f"progress: {python} -m harness status {one_line.quoted(root)}")
    return EXIT_COMPLETE


def _what(array: Array) -> str:
    if array.stretch:
        return f"what goes on after rung {array.stretch}"
    return f"trials {indices.to_text(array.trials)}"


def _sweeps(words: Sequence[str]) -> list[Sweep]:
    """What is asked of each study, checked."""
    from harness.config import build, how
    from harness.config.compose import compose
    from harness.records.folder import StudyFolder
    from harness.running.rungs import check_cohorts
    from harness.running.runner import set_damaged_aside
    from harness.running.slurm import Sweep

    sweeps = []
    for request, (composed, overrides) in build.asked(compose(words)):
        settings = how.options(composed)
        if settings.checkpoint_every is None:
            raise ConfigError(
                "checkpoint_every=null would start a trial over at every time limit; leave it out"
            )
        if settings.set_damaged_aside:
            set_damaged_aside([StudyFolder(request.root, request.study)])
        per_task = composed.trials_per_task
        if request.num_feasible is not None:
            raise ConfigError(
                "num_feasible= needs one process that counts; for an array give num_feasible=null"
                " max_trials=null num_trials="
            )
        if request.study.asks:
            raise ConfigError(
                f"sampler={composed.sampler.name.value} chooses each trial by those before it, and tasks of an"
                " array come in any order; run it by one command, without harness submit"
            )
        if request.trials is not None and per_task > 1:
            raise ConfigError("trial= names trials one by one; leave out trials_per_task")
        passed = [word for word in overrides if key_of(word) not in CHOOSING]
        flags = [*_searchpath(words), "hydra.mode=RUN"]  # an experiment's sweep has been unfolded
        if composed.report:  # of all studies, once they are done
            passed.append("report=null")
        if settings.pruning is not None:
            check_cohorts(request, _asked_before(request), settings.pruning)
            passed.append("pruning.leave_open=true")
        told = (*flags, *passed)
        sweeps.append(Sweep(request, per_task, composed.retry_failed, told, settings.pruning))
    return sweeps


def _asked_before(request: Request) -> frozenset[int]:
    from harness.records import requests
    from harness.records.folder import StudyFolder

    return requests.read(StudyFolder(request.root, request.study).path).trials


def _end(arguments: Sequence[str]) -> int:
    return list(arguments).index("--") if "--" in arguments else len(arguments)


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        raise ConfigError(f"no '--' between sbatch's options and the overrides; usage: {USAGE}")
    place = list(arguments).index("--")
    options = list(arguments[:place])
    for option in options:
        if option.split("=")[0] in OURS:
            raise ConfigError(
                f"{option.split('=')[0]} is set here, one array a study; give the others of sbatch's"
                " options, and --parallel=N for at most N tasks at once"
            )
    return options, list(arguments[place + 1 :])


def _parallel(options: Sequence[str]) -> tuple[int | None, list[str]]:
    given = [option for option in options if option.split("=")[0] == "--parallel"]
    rest = [option for option in options if option not in given]
    if not given:
        return None, rest
    number = given[-1].partition("=")[2]
    if not re.fullmatch(r"[1-9][0-9]{0,8}", number):
        raise ConfigError(f"--parallel=N must be 1 or more tasks at once, got {given[-1]!r}")
    return int(number), rest


def _searchpath(words: Sequence[str]) -> list[str]:
    """Where else to find configurations, which a task needs to be told again."""
    return [word for word in words if word.split("=")[0] == "hydra.searchpath"]
