"""Run the trials asked for: open the studies' folders, train what is missing, say what came of it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.errors import EXIT_COMPLETE, EXIT_FAILED
from harness.records import compaction, damage
from harness.records import requests as asked
from harness.records.claims import COMPACTION, Claims
from harness.records.folder import StudyFolder
from harness.running import device as devices
from harness.running import rungs, stacking
from harness.running.interruption import INTERRUPTED, Interruption, requeue_after
from harness.running.options import Options
from harness.running.pool import Pool
from harness.running.progress import Progress
from harness.running.saying import tell
from harness.running.shared_queue import SharedQueue
from harness.study import indices
from harness.study.request import Request


def run(requests: Sequence[Request], options: Options) -> int:
    """Train every missing trial of the requests and return the command's exit status.

    0 when every trial asked for is complete or diverged, 1 when one failed, 128 + n when signal n
    stopped it.

    Raises:
        ConfigError: before anything is trained, for a folder that can't be written, a damaged
            record, or a device that isn't there; data that changed since they were checked.
        SweepError: a full disk, or workers that won't start.
    """
    places = devices.resolve(options.device)
    count = devices.worker_count(options.workers, places)
    with _opened(requests, options) as queues:
        missing = sum(min(each.queue.missing, count) for each in queues)
        with (
            Progress([each.queue for each in queues], quiet=options.quiet) as progress,
            Interruption() as interruption,
        ):
            if missing:
                if devices.slow_bfloat16((each.study for each in requests), places):
                    progress.say(devices.SLOW_BFLOAT16)
                workers = min(count, missing)
                stacking.arrange(queues, options.stack, places[0], workers)
                with Pool(queues, places, workers, options, progress, interruption) as pool:
                    pool.run()
            if interruption.asked:
                progress.note = ""
                progress.say(INTERRUPTED)
                requeue_after(interruption.signals[0], progressed=interruption.progressed)
                return interruption.exit_status
        return _conclude(queues)


@contextlib.contextmanager
def _opened(requests: Sequence[Request], options: Options) -> Iterator[list[SharedQueue]]:
    """The requests' queues, knowing the records that are there. All are read before one is touched."""
    folders = [StudyFolder(request.root, request.study) for request in requests]
    if options.set_damaged_aside:
        set_damaged_aside(folders)
    found = {folder.path: folder.read_all() for folder in folders}
    if options.pruning is not None:
        for request, folder in zip(requests, folders, strict=True):
            rungs.check_cohorts(request, asked.read(folder.path).trials, options.pruning)
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
            records = found[folder.path]
            queues.append(
                SharedQueue(
                    request, folder, claims[path], records, options.retry_failed,
                    options.pruning, options.leave_open,
                )
            )  # fmt: skip
        yield queues
    finally:
        for each in claims.values():
            each.close()


def set_damaged_aside(folders: Iterable[StudyFolder]) -> None:
    """Set aside what cannot be trusted in studies' folders, and say so."""
    for folder in folders:
        for problem, aside in damage.set_aside_damaged(folder.path):
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
        if each.rungs is not None and each.rungs.waiting:
            tell(f"{name}: {each.rungs.why_waiting()}")
        if each.claims.take(COMPACTION):
            compaction.compact(each.folder.path, at_least=compaction.COMPACT_FROM)
            each.claims.release(COMPACTION)
    unanswered = [each for each in queues if each.queue.failed or _left_waiting(each)]
    return EXIT_FAILED if unanswered else EXIT_COMPLETE


def _left_waiting(each: SharedQueue) -> bool:
    """Whether trials wait at a rung that nobody else was said to close."""
    return each.rungs is not None and bool(each.rungs.waiting) and not each.rungs.leave_open
