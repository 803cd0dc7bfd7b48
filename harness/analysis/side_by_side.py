"""Parts of a large report made in several processes at once; of a small one, one after the other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pandas as pd

LARGE = 20_000  # trials; fewer take as long as the processes' start
MOST_PROCESSES = 8

_parts: Sequence[Callable[[], Any]] = ()  # of the process that makes them


def side_by_side(trials: pd.DataFrame, *parts: Callable[[], Any]) -> list[Any]:
    """What each of the parts gives, in their order.

    Args:
        trials: what they are of; how many there are decides.

    Raises:
        whatever the first of them that fails raises.
    """
    processes = min(len(os.sched_getaffinity(0)), len(parts), MOST_PROCESSES)
    if processes == 1 or len(trials) < LARGE:
        return [part() for part in parts]
    # Forked, so that nothing is copied or pickled on the way there.
    context = multiprocessing.get_context("fork")
    with (
        warnings.catch_warnings(
            action="ignore", category=DeprecationWarning
        ),  # of threads at a fork
        ProcessPoolExecutor(processes, context, _begun, (parts,)) as pool,
    ):
        try:
            return [each.result() for each in [pool.submit(_made, i) for i in range(len(parts))]]
        finally:
            pool.shutdown(cancel_futures=True)


def _begun(parts: Sequence[Callable[[], Any]]) -> None:
    global _parts
    _parts = parts
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever began us tells us


def _made(place: int) -> Any:
    return _parts[place]()
