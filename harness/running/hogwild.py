"""Several processes that train one weight vector in shared memory at once, with a lock or without."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.context import SpawnProcess
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import SweepError
from harness.training.sparse_logistic import Weights, descend, order

START_SECONDS = 120.0  # to start a process; a loaded machine may take its time


class Run(NamedTuple):
    """What came of it; ``seconds`` from the first worker's first step to the last one's last.

    ``cpu_seconds`` are those of all workers: what a run costs, however loaded the machine is.
    """

    weights: Weights
    seconds: float
    cpu_seconds: float


def train(
    features: NDArray[np.int64],
    labels: NDArray[np.float64],
    size: int,
    *,
    lr: float,
    workers: int,
    locked: bool,
    epochs: int = 1,
    seed: int = 0,
) -> Run:
    """Train ``size`` weights from 0, each epoch's examples dealt out to that many processes.

    Not repeatable, but with one worker: who writes first is the machine's to say.

    Raises:
        SweepError: a process ended before its work did.
    """
    context = multiprocessing.get_context("spawn")
    shared: dict[str, Any] = {"weights": context.RawArray("d", size)}
    for name, array in (("features", features), ("labels", labels)):
        shared[name] = context.RawArray("b", array.nbytes)
        np.frombuffer(shared[name], array.dtype)[:] = array.ravel()
    lock = context.Lock() if locked else None
    ready = context.Barrier(workers)
    times = context.RawArray("d", 3 * workers)
    processes = [
        SpawnProcess(
            target=_work,
            args=(shared, features.shape, lock, ready, times, lr, worker, workers, epochs, seed),
            daemon=True,
        )
        for worker in range(workers)
    ]
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()
    if any(process.exitcode for process in processes) or not all(times):
        raise SweepError(
            f"one of {workers} workers ended before its work did; are there enough memory and cores?"
        )
    began, ended, cost = np.frombuffer(times).reshape(workers, 3).T
    weights = np.frombuffer(shared["weights"]).copy()
    return Run(weights, float(ended.max() - began.min()), float(cost.sum()))


def _work(
    shared: dict[str, Any],
    shape: tuple[int, int],
    lock: Any,
    ready: Any,
    times: Any,
    lr: float,
    worker: int,
    workers: int,
    epochs: int,
    seed: int,
) -> None:
    """One process: its share of every epoch, then when it was done and what it cost."""
    weights = np.frombuffer(shared["weights"])
    features = np.frombuffer(shared["features"], np.int64).reshape(shape)
    labels = np.frombuffer(shared["labels"])
    ready.wait(START_SECONDS)
    # The clock that counts from the machine's start is that of all its processes.
    began, before = time.monotonic(), time.process_time()
    for epoch in range(epochs):
        mine = order(len(labels), seed, epoch, worker, workers)
        descend(weights, features, labels, mine, lr, lock)
    times[3 * worker : 3 * worker + 3] = [began, time.monotonic(), time.process_time() - before]
