"""Where a trial's parameters were after each step: the trainer itself, watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.training.train import Training
from workloads.task import Task

REST = 10  # steps of which none has moved anything


def trajectory(
    config: Mapping[str, Any],
    point: Mapping[str, float],
    seeds: Mapping[str, int],
    task: Task,
    until: Callable[[NDArray[np.float64]], bool] = lambda at: False,
) -> NDArray[np.float64]:
    """Parameters ``[steps + 1, parameters]`` as evaluation sees them, from the initial ones on.

    Of models of few parameters: all of them are kept. Arguments as of `Training`. It ends after all
    steps, or where the loss is not finite, ``until`` says so of the parameters, or they have rested
    for `REST` steps.
    """
    training = Training(config, point, seeds, task, "cpu")
    found = [_seen(training)]
    while (
        training.step < config["workload"]["steps"]
        and not until(found[-1])
        and not (len(found) > REST and all(np.array_equal(found[-1], at) for at in found[-REST:-1]))
        and training.train_one_step()
    ):
        found.append(_seen(training))
    return np.stack(found)


def _seen(training: Training) -> NDArray[np.float64]:
    with training.chain.evaluated():
        each = [p.detach().reshape(-1) for p in training.model.parameters()]
        return torch.cat(each).double().cpu().numpy()
