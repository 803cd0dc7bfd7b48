"""A block of a study's trials, trained as one, from the study to their records."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable, Sequence

from harness.records.record import Record, new_record
from harness.study.parametrisation import hyperparameters
from harness.study.study import Study
from harness.training.stacked import StackedTraining, points_in_learning_rates
from workloads.task import StackedTask


def load_stacked(study: Study, device: str) -> StackedTask:
    """The study's workload for many trials as one, its data opened."""
    config = study.config
    module = importlib.import_module(config["workload"]["module"])
    task: StackedTask = module.load_stacked(
        config["data"], config["model"], config["workload"]["batch_size"], device
    )
    return task


def run_block(
    study: Study,
    trials: Sequence[int],
    task: StackedTask,
    device: str,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Record]:
    """Train these trials as one and return their records, whose ``run.stack`` says how many they were.

    ``run.train_seconds`` is a trial's share. No checkpoint is kept: a block that is stopped or killed
    starts over.

    Raises:
        Stopped: ``should_stop`` said so at a step boundary.
        Exception: whatever went wrong, of which no trial can be said to be the cause.
    """
    started = time.perf_counter()
    drawn = zip(trials, study.points(trials), strict=True)
    records = [new_record(study, trial, point) for trial, point in drawn]
    points = points_in_learning_rates(study.config, [each["point"] for each in records], task)
    seeds = [each["seeds"] for each in records]
    training = StackedTraining(study.config, points, seeds, task, device)
    training.run(should_stop)
    data = json.loads(json.dumps(task.data_description))
    seconds = round((time.perf_counter() - started) / len(trials), 4)
    for record, point, result in zip(records, points, training.results(), strict=True):
        record |= {"data": data, "hyperparameters": hyperparameters(point)} | result
        record["run"] = {"train_seconds": seconds, "stack": len(trials)}
    return records
