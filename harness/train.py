"""Train one trial: a pure function of (study, index) and the kind of device."""

from __future__ import annotations

import contextlib
import importlib
import math
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import torch

from harness import optimizers, space
from harness.flat import flatten
from harness.schedule import linear_decay
from harness.store import CURVE_COLUMNS, Record, new_record
from harness.study import Study
from workloads.task import Task


class Stopped(Exception):
    """The trial was asked to stop at a step boundary; it leaves no record."""


def load_task(study: Study, device: str) -> Task:
    """The study's workload, its data opened (memory-mapped) and its model's shape known."""
    config = study.config
    module = importlib.import_module(config["workload"]["module"])
    return module.load(config["data"], config["model"], config["workload"]["batch_size"], device)


def run_trial(
    study: Study,
    trial: int,
    task: Task,
    device: str,
    should_stop: Callable[[], bool] = lambda: False,
) -> Record:
    """Train trial ``trial`` of a study and return its record, whatever happened in it.

    Raises:
        Stopped: ``should_stop`` said so at a step boundary.
    """
    started = time.perf_counter()
    record = new_record(study, trial)
    record["data"] = task.data_description
    hyper = space.hyperparameters(record["point"])
    try:
        training = Training(study, hyper, record["seeds"], task, device)
        record["status"] = training.run(should_stop)
        record |= training.results()
    except Stopped:
        raise
    except Exception as error:  # a trial's failure is its record's; the sweep goes on
        record["status"] = "out_of_memory" if _out_of_memory(error) else "failed"
        record["error"] = traceback.format_exc()
    record["run"] = {"train_seconds": round(time.perf_counter() - started, 4)}
    return record


class Training:
    """The state of one trial's training, from initial weights to last evaluation."""

    def __init__(
        self,
        study: Study,
        hyper: space.Hyperparameters,
        seeds: Mapping[str, int],
        task: Task,
        device: str,
    ):
        self.workload = study.config["workload"]
        self.task, self.device, self.hyper = task, device, hyper
        self.data_seed = seeds["data_order"]
        self.autocast = _autocast(study.config["precision"], device)
        _make_deterministic(device)
        torch.manual_seed(seeds["initialisation"])
        self.model = task.model()
        self.parameters = flatten(self.model)
        rule = study.config["optimizer"]["rule"]
        self.optimizer = optimizers.build(rule, self.model, self.parameters, hyper.optimizer)
        torch.manual_seed(seeds["dropout"])
        self.step = 0
        self.carry: Any = None
        self.loss_sum, self.loss_count = 0.0, 0
        self.curve: dict[str, list[float | None]] = {name: [] for name in CURVE_COLUMNS}

    def run(self, should_stop: Callable[[], bool]) -> str:
        """Train to the last step and return the trial's status: complete or diverged."""
        while self.step < self.workload["steps"]:
            if should_stop():
                raise Stopped
            if not self.train_one_step():
                return "diverged"
            if self.step % self.workload["eval_every"] == 0 or self.step == self.workload["steps"]:
                self.evaluate()
        return "complete"

    def train_one_step(self) -> bool:
        """One minibatch. False when its loss is not finite: the trial is then infeasible."""
        with self.autocast():
            loss, self.carry = self.task.train_loss(
                self.model, self.step, self.data_seed, self.carry
            )
        value = loss.item()
        if not math.isfinite(value):
            return False
        gradients = self.parameters.gradients.zero_()
        loss.backward()
        if self.hyper.l2:  # the gradient of l2 * ||theta||^2 / 2
            gradients.add_(self.parameters.values, alpha=self.hyper.l2)
        self.optimizer.step(self.learning_rate(self.step))
        self.step += 1
        self.loss_sum += value
        self.loss_count += 1
        return True

    def learning_rate(self, step: int) -> float:
        return linear_decay(
            self.hyper.optimizer["lr"],
            step,
            self.workload["steps"],
            decay_steps_factor=self.hyper.decay_steps_factor,
            end_factor=self.hyper.end_factor,
        )

    def evaluate(self) -> None:
        """Append a row to the curve; train_loss is the mean over the steps since the last one."""
        last = self.step == self.workload["steps"]
        test_every = self.workload["test_every"]
        with_test = last or (test_every > 0 and self.step % test_every == 0)
        with self.autocast():
            val_error, val_loss = self.task.evaluate(self.model, "validation")
            test = self.task.evaluate(self.model, "test") if with_test else (None, None)
        train_loss = self.loss_sum / self.loss_count
        rate = self.learning_rate(self.step - 1)
        row = (self.step, rate, train_loss, val_error, val_loss, *test)
        for name, value in zip(CURVE_COLUMNS, row, strict=True):
            self.curve[name].append(value)
        self.loss_sum, self.loss_count = 0.0, 0

    def results(self) -> Record:
        """What goes into the record: the curve and, of a trial that ran to its end, final values."""
        complete = self.step == self.workload["steps"]
        finals = CURVE_COLUMNS[2:]
        return {
            "steps": self.step,
            "curve": self.curve,
            **{name: self.curve[name][-1] if complete else None for name in finals},
        }


def _autocast(precision: str, device: str) -> Callable[[], contextlib.AbstractContextManager]:
    if precision == "float32":
        return contextlib.nullcontext
    return lambda: torch.autocast(torch.device(device).type, dtype=torch.bfloat16)


def _make_deterministic(device: str) -> None:
    """The same bits in every process: called before each trial, whoever runs it."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_flush_denormal(
        True
    )  # vanishing weights would slow a step tenfold and differ by thread
    if device != "cpu":
        torch.backends.cudnn.benchmark = False
        torch.backends.cuda.matmul.allow_tf32 = False


def _out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
