"""What a trial costs here: a few steps and an evaluation of the real thing, timed in a process of its own.

Alone on a core. Workers on all cores at once share memory and caches, and are slower.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from harness.errors import SweepError
from harness.running import processes
from harness.study.study import Study

WARM_UP = 3  # steps: the first ones allocate
LEAST_STEPS = 5
MOST_TRIALS = 8  # whose points are tried until one does not diverge at once


@dataclass(frozen=True)
class Cost:
    """What a study's trials cost on one worker."""

    seconds_a_step: float
    seconds_an_evaluation: float
    memory_bytes: int  # the worker's, data and model included

    def seconds_a_trial(self, workload: dict[str, Any]) -> float:
        """Of all steps and evaluations; the last evaluation is of the test set too."""
        evaluations = -(-workload["steps"] // workload["eval_every"]) + 1
        if workload["test_every"]:
            evaluations += workload["steps"] // workload["test_every"]
        return self.seconds_a_step * workload["steps"] + self.seconds_an_evaluation * evaluations


def measure(study: Study, device: str, seconds: float) -> Cost:
    """Train for about so many seconds, and measure.

    Raises:
        SweepError: it could not be trained; what went wrong is in the message.
    """
    found: Cost = apart(cost, study, device, seconds)
    return found


def apart(function: Callable[..., Any], study: Study, device: str, *further: Any) -> Any:
    """What a function says of a study and a device, called in a process of its own.

    Raises:
        SweepError: it failed; what went wrong is in the message.
    """
    here, there = multiprocessing.Pipe(duplex=False)
    process = processes.start(device, _answer, there, function, study, device, *further)
    there.close()
    try:
        told = here.recv()
    except EOFError:
        told = "its process died; perhaps memory ran out"
    finally:
        process.join()
    if isinstance(told, str):
        raise SweepError(f"{study.name} cannot be measured: {told}")
    return told


def _answer(connection: Connection, function: Callable[..., Any], *arguments: Any) -> None:
    """In the process of its own."""
    try:
        connection.send(function(*arguments))
    except Exception as error:  # said by the one that asked
        connection.send(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def cost(study: Study, device: str, seconds: float) -> Cost:
    """`measure` in this process."""
    import torch

    from harness.running.trial import load_task
    from harness.training.effective_rate import in_learning_rates
    from harness.training.train import Training

    torch.set_num_threads(1)  # as a worker has
    task = load_task(study, device)
    per_step = 0.0
    for trial in range(MOST_TRIALS):
        point = in_learning_rates(study.config, study.point(trial), task.model)
        training = Training(study.config, point, study.seeds(trial), task, device)
        made, began = 0, time.perf_counter()
        last = study.config["workload"]["steps"]
        while training.step < last and training.train_one_step():
            made += 1
            if made == WARM_UP:
                began = time.perf_counter()
            if made > WARM_UP + LEAST_STEPS and time.perf_counter() - began > seconds:
                break
        timed = made - WARM_UP
        if timed > 0:
            per_step = (time.perf_counter() - began) / timed
        if timed >= min(LEAST_STEPS, last - WARM_UP):
            break
    if per_step == 0.0 and made:
        per_step = (time.perf_counter() - began) / made
    began = time.perf_counter()
    training.loss_count = max(training.loss_count, 1)
    training.evaluate()
    evaluation = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if device != "cpu":
        memory = int(torch.cuda.max_memory_allocated(device))
    return Cost(per_step, evaluation, memory)
