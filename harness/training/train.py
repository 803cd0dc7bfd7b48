"""Train one trial: a pure function of (study, index) and the kind of device."""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import torch

from harness.errors import SweepError
from harness.records.checkpoint import Checkpoint
from harness.records.record import CURVE_COLUMNS, Record, new_record
from harness.study import space
from harness.study.study import Study
from harness.training import optimizers
from harness.training.flat import flatten
from harness.training.schedules.linear import linear_decay
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
    checkpoint: Checkpoint | None = None,
) -> Record:
    """Train trial ``trial`` of a study and return its record, whatever happened in it.

    With a checkpoint it goes on from the state saved there, and ends with the same bits.

    Raises:
        Stopped: ``should_stop`` said so at a step boundary.
        SweepError: a checkpoint could not be written.
    """
    started = time.perf_counter()
    record = new_record(study, trial)
    try:
        record["data"] = json.loads(json.dumps(task.data_description))  # plain, or it fails here
        hyper = space.hyperparameters(record["point"])

        def begin() -> Training:
            return Training(study, hyper, record["seeds"], task, device)

        training = begin() if checkpoint is None else _resume(begin, checkpoint)
        record["status"] = training.run(should_stop, checkpoint)
        record |= training.results()
        record["run"] = {"train_seconds": round(training.seconds(), 4)}
        if training.resumed_at:
            record["run"]["resumed_at_steps"] = training.resumed_at
    except (Stopped, SweepError):
        raise
    except Exception as error:  # a trial's failure is its record's; the sweep goes on
        note_failure(record, error, time.perf_counter() - started)
    return record


def note_failure(record: Record, error: BaseException, seconds: float) -> None:
    """Make a record that of a trial which ended with this exception."""
    record["status"] = "out_of_memory" if _out_of_memory(error) else "failed"
    record["error"] = "".join(traceback.format_exception(error))
    record["run"] = {"train_seconds": round(seconds, 4)}


def _resume(begin: Callable[[], Training], checkpoint: Checkpoint) -> Training:
    """The training where its checkpoint left it, or at its start where there is none to trust."""
    training = begin()
    if (state := checkpoint.load()) is None:
        return training
    try:
        training.restore(state)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        checkpoint.reject(" ".join(str(error).split())[:200])
        return begin()  # half restored is neither
    return training


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
        self.resumed_at: list[int] = []
        self.seconds_before = 0.0
        self.started = time.perf_counter()

    def run(self, should_stop: Callable[[], bool], checkpoint: Checkpoint | None = None) -> str:
        """Train to the last step and return the trial's status: complete or diverged."""
        last = self.workload["steps"]
        while self.step < last:
            if should_stop():
                if checkpoint and self.step:
                    checkpoint.save(self.state())
                raise Stopped
            if not self.train_one_step():
                return "diverged"
            if self.step % self.workload["eval_every"] == 0 or self.step == last:
                self.evaluate()
            if checkpoint and self.step < last and checkpoint.due(self.step):
                checkpoint.save(self.state())
        return "complete" if math.isfinite(self.curve["val_error"][-1] or 0.0) else "diverged"

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

    def seconds(self) -> float:
        """Spent on this trial, before its interruptions too."""
        return self.seconds_before + time.perf_counter() - self.started

    def state(self) -> dict[str, Any]:
        """All that the steps to come depend on, besides the study.

        Parameters that are not trained are as they were initialised. Minibatches are drawn anew
        from (data seed, step); dropout goes on where torch's own generator stood.
        """
        random = {"cpu": torch.get_rng_state()}
        if self.device != "cpu":
            random["cuda"] = torch.cuda.get_rng_state(self.device)
        return {
            "step": self.step,
            "parameters": self.parameters.values,
            "buffers": dict(self.model.named_buffers()),
            "optimizer": self.optimizer.state_dict(),
            "carry": self.carry,
            "random": random,
            "loss_sum": self.loss_sum,
            "loss_count": self.loss_count,
            "curve": self.curve,
            "seconds": self.seconds(),
            "resumed_at": self.resumed_at,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that was saved; the same bits follow as if it had never stopped."""
        self.parameters.values.copy_(state["parameters"])
        for name, buffer in self.model.named_buffers():
            buffer.copy_(state["buffers"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.carry = _to_device(state["carry"], self.device)
        self.step = state["step"]
        self.loss_sum, self.loss_count = state["loss_sum"], state["loss_count"]
        self.curve = state["curve"]
        self.resumed_at = [*state["resumed_at"], self.step]
        self.seconds_before = state["seconds"]
        torch.set_rng_state(state["random"]["cpu"])
        if self.device != "cpu":
            torch.cuda.set_rng_state(state["random"]["cuda"], self.device)

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
    # Filling fresh memory with NaN is for debugging, and 4 % of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # Vanishing weights would slow a step tenfold and differ by thread.
    torch.set_flush_denormal(True)
    if device != "cpu":
        torch.backends.cudnn.benchmark = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False  # float32 means it: torch's default is TF32 here


def _to_device(carry: Any, device: str) -> Any:
    if isinstance(carry, torch.Tensor):
        return carry.to(device)
    return tuple(_to_device(each, device) for each in carry) if carry is not None else None


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
