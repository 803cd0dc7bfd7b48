"""Very many records read by several processes: parsing one and comparing its checksum takes .2 ms."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from harness.records.headlines import count
from harness.records.reading import (
    DamagedRecord,
    Problem,
    read_records,
    record_names,
    scan,
    scan_named,
    study_paths,
)
from harness.records.record import Record

MANY = 20_000  # records; so many are read in four seconds by one process
AT_ONCE = 1_000  # records that a process reads before it hands them over
MOST_PROCESSES = 8

T = TypeVar("T")
Keep = Callable[[Iterable[Record]], T]


class Part(NamedTuple, Generic[T]):
    """What was kept of some of a study's records, and the files that cannot be trusted."""

    kept: T
    problems: list[Problem]


def read(root: Path | str, keep: Keep[T]) -> Iterator[T]:
    """What is kept of every record under a results root, by study and trial, some records at a time.

    Args:
        keep: called where records are read, in this process or another; a function of a module.

    Raises:
        ConfigError: there is no such folder, or a record cannot be trusted.
    """
    paths = study_paths(root)
    processes = min(len(os.sched_getaffinity(0)), MOST_PROCESSES)
    if processes == 1 or sum(map(count, paths)) < MANY:
        with _uncollected():
            kept_here = keep(read_records(root))
        yield kept_here
        return
    # Forked: a process that starts anew would run the script of whoever called us once more.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, context, initializer=_begun) as pool:
        try:
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
                # Of other threads at a fork: what they do is not needed there.
                begun = [(path, _compacted(path), _begin(pool, path, keep)) for path in paths]
            for path, compacted, parts in begun:
                kept = _sound([part.result() for part in parts])
                if _compacted(path) != compacted:  # meanwhile; what was a file may be in there
                    kept = _sound([_whole(path, keep)])
                yield from kept
        finally:
            pool.shutdown(cancel_futures=True)


def _begun() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever reads tells us
    gc.disable()  # as _uncollected has it


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without looks for circles, which records hold none of: a tenth to a fifth of the time of reading many."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _begin(pool: ProcessPoolExecutor, path: Path, keep: Keep[T]) -> list[Future[Part[T]]]:
    if _compacted(path):
        return [pool.submit(_whole, path, keep)]
    names = sorted(record_names(path), key=lambda name: int(name[:-5]))
    return [
        pool.submit(_some, path, names[first : first + AT_ONCE], keep)
        for first in range(0, len(names), AT_ONCE)
    ]


def _compacted(path: Path) -> list[Path]:
    return sorted(path.glob("trials-*.parquet"))


def _whole(path: Path, keep: Keep[T]) -> Part[T]:
    found, problems = scan(path)
    return Part(keep(found.values()), problems)


def _some(path: Path, names: Sequence[str], keep: Keep[T]) -> Part[T]:
    found, problems = scan_named(path, names)
    return Part(keep(found.values()), problems)


def _sound(parts: Sequence[Part[T]]) -> list[T]:
    """What was kept of one study.

    Raises:
        DamagedRecord: one of its records cannot be trusted.
    """
    if problems := [problem for part in parts for problem in part.problems]:
        raise DamagedRecord(problems)
    return [part.kept for part in parts]
