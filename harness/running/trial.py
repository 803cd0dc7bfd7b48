"""One trial from its study to its record, whatever happens in it."""

from __future__ import annotations

import copy
import functools
import importlib
import json
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import torch

from harness.errors import SweepError
from harness.records import difficulty
from harness.records.checkpoint import Checkpoint
from harness.records.record import Record, new_record
from harness.records.weights import Weights
from harness.running.keeper import Keeper
from harness.study.parametrisation import hyperparameters
from harness.study.result import FAILED, OUT_OF_MEMORY, PRUNED
from harness.study.study import Study
from harness.training.effective_rate import in_learning_rates
from harness.training.train import Stopped, Training
from workloads.task import DataError, Task


def load_task(study: Study, device: str) -> Task:
    """The study's workload, its data opened (memory-mapped) and its model's shape known.

    Raises:
        DataError: what the workload finds wrong with its data, or cannot evaluate.
    """
    config = study.config
    module = importlib.import_module(config["workload"]["module"])
    task: Task = module.load(
        config["data"], config["model"], config["workload"]["batch_size"], device
    )
    if config["workload"].get("train_sample") and not hasattr(task, "evaluate_training"):
        raise DataError(
            f"workload.train_sample: {config['workload']['name']} has no evaluate_training(model, examples)"
            " (workloads/task.py); add it, or give workload.train_sample=null"
        )
    if "order" in config:
        _put_in_order(task, config)
    return task


def _put_in_order(task: Any, config: Mapping[str, Any]) -> None:
    """Have a task draw its minibatches by the difficulty of examples."""
    order = {key: each for key, each in config["order"].items() if key != "scores_sha256"}
    if not hasattr(task, "in_order"):
        raise DataError(
            f"order={order['name']}: {config['workload']['name']} has no in_order(scores, …)"
            " (workloads/task.py), as a text has an order of its own; leave order= out"
        )
    scores = difficulty.read(order.pop("scores"))
    if difficulty.digest(scores) != config["order"]["scores_sha256"]:
        raise DataError("order.scores was changed since the command started; start it again")
    if "pace" in order:
        order["pace_steps"] = round(order.pop("pace") * config["workload"]["steps"])
    task.in_order(scores, **order)


def run_trial(
    study: Study,
    trial: int,
    task: Task,
    device: str,
    should_stop: Callable[[], bool] = lambda: False,
    checkpoint: Checkpoint | None = None,
    until: int | None = None,
    weights: Weights | None = None,
) -> Record:
    """Train trial ``trial`` of a study and return its record.

    With a checkpoint it goes on from the state saved there, and ends with the same bits. ``until``
    is the step of a rung: the trial is left there, its record is a pruned one and its state saved.
    ``weights`` keeps those of its evaluations.

    Raises:
        Stopped: ``should_stop`` said so at a step boundary.
        SweepError: a checkpoint, or weights, could not be written.
        DataError: the workload found its data damaged: nothing of the optimizer's.
    """
    started = time.perf_counter()
    record = new_record(study, trial)
    try:
        record["data"] = json.loads(json.dumps(task.data_description))  # plain, or it fails here
        point = in_learning_rates(study.config, record["point"], task.model)
        record["hyperparameters"] = hyperparameters(point)

        def begin() -> Training:
            return Training(study.config, point, record["seeds"], task, device)

        keeper = None if checkpoint is None else Keeper(checkpoint, begin)
        training = begin() if keeper is None else keeper.resumed()
        kept = None if weights is None else functools.partial(_keep_weights, weights)
        status = training.run(should_stop, keeper, until, kept)
        record |= training.results(status)
        record["run"] = {"train_seconds": round(training.seconds(), 4), **training.spent.facts()}
        if training.resumed_at:
            record["run"]["resumed_at_steps"] = training.resumed_at
        if keeper and keeper.started_over_at:
            record["run"]["started_over_at_steps"] = keeper.started_over_at
        if keeper and status == PRUNED:
            record = copy.deepcopy(record)  # the proof that it resumes may take a step more
            keeper.at_rung(training)
    except (Stopped, SweepError, DataError):
        raise
    except Exception as error:  # a trial's failure is its record's; the sweep goes on
        note_failure(record, error, time.perf_counter() - started)
    return record


def _keep_weights(weights: Weights, training: Training) -> None:
    weights.evaluated(
        training.step, training.curve["val_error"], training.evaluated_state, training.ends_here
    )


def note_failure(record: Record, error: BaseException, seconds: float) -> None:
    """Make a record that of a trial which ended with this exception."""
    record["status"] = OUT_OF_MEMORY if _out_of_memory(error) else FAILED
    record["error"] = "".join(traceback.format_exception(error))
    record["run"] = {"train_seconds": round(seconds, 4)}


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
