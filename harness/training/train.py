"""Train one trial: from initial weights to the last evaluation, a pure function of (study, index)."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch

from harness.study.parametrisation import hyperparameters
from harness.study.result import (
    AVERAGED,
    COMPLETE,
    CURVE_COLUMNS,
    DIVERGED,
    FINAL_COLUMNS,
    PRUNED,
    TRAIN_ERROR,
)
from harness.training.chain import Chain
from harness.training.closures import repeated
from harness.training.effective_rate import in_learning_rates
from harness.training.randomness import RandomState, random_state, seed, set_random_state
from harness.training.spending import Spending
from harness.training.stopping import Patience
from workloads.task import Task


class Stopped(Exception):
    """The trial was asked to stop at a step boundary; it leaves no record."""

    def __init__(self, steps: int):
        super().__init__(f"stopped after {steps} steps")
        self.steps = steps  # made since it was begun or resumed


class Keeper(Protocol):
    """Who keeps a training's state while it runs."""

    @property
    def proving(self) -> bool:
        """Whether a proof that it can be resumed from is under way."""

    def due(self, step: int) -> bool:
        """Whether to keep it now."""

    def keep(self, training: Training) -> None:
        """Keep it, and perhaps begin to prove that it can be resumed from."""

    def stepped(self, training: Training) -> None:
        """While ``proving``: the training has taken the step that follows what was kept."""


class Training:
    """The state of one trial's training, from initial weights to last evaluation."""

    def __init__(
        self,
        config: Mapping[str, Any],
        point: Mapping[str, float],
        seeds: Mapping[str, int],
        task: Task,
        device: str,
    ):
        """
        Args:
            config: a study's (`harness.study.study.Study.config`).
            point: a value for each axis of its search space.
            seeds: of initialisation, data_order and dropout.
        """
        self.workload = config["workload"]
        self.task, self.device = task, device
        self.data_seed = seeds["data_order"]
        self.autocast = autocast(config["precision"], device)
        make_deterministic(device)
        values = hyperparameters(in_learning_rates(config, point, task.model))
        seed(seeds["initialisation"])
        self.model = task.model()
        self.chain = Chain(
            config["optimizer"],
            config["schedule"]["name"],
            self.model,
            values,
            self.workload["steps"],
            seeds["dropout"],
            config.get("averaging"),
        )
        seed(seeds["dropout"])
        self.step = 0
        self.carry: Any = None
        self.loss_sum, self.loss_count = 0.0, 0
        self.gradients: dict[str, Any] | None = (
            {"total": 0, "curve": []} if self.chain.evaluates_again else None
        )
        self.stopping = Patience(**config["stopping"]) if "stopping" in config else None
        self.train_sample = self.workload.get("train_sample")
        averaged = [name for kind in self.chain.averaging.kinds for name in AVERAGED[kind]]
        self.further = [*([TRAIN_ERROR] if self.train_sample else []), *averaged]
        columns = (*CURVE_COLUMNS, *self.further)
        self.curve: dict[str, list[float | None]] = {name: [] for name in columns}
        self.resumed_at: list[int] = []
        self.spent = Spending(device)
        self.seconds_before = 0.0
        self.started = time.perf_counter()

    def run(
        self,
        should_stop: Callable[[], bool],
        keeper: Keeper | None = None,
        until: int | None = None,
        evaluated: Callable[[Training], None] | None = None,
    ) -> str:
        """Train to the last step and return the trial's status: complete or diverged.

        Pruned instead, where the step of a rung is given as ``until``: it got there, and no further.
        ``evaluated`` is called after each evaluation.

        Raises:
            Stopped: ``should_stop`` said so at a step boundary.
        """
        last, first = self.workload["steps"], self.step
        while self.step < last:
            if until is not None and self.step >= until:
                return PRUNED
            if should_stop():
                if keeper and self.step > first:
                    keeper.keep(self)
                    if keeper.proving and self.train_one_step():
                        keeper.stepped(self)
                raise Stopped(self.step - first)
            if not self.train_one_step():
                return DIVERGED
            if keeper and keeper.proving:
                keeper.stepped(self)
            if self.step % self.workload["eval_every"] == 0 or self.step == last:
                self.evaluate()
                if evaluated:
                    evaluated(self)
                if self.ends_here:
                    break
            if keeper and self.step < last and keeper.due(self.step):
                keeper.keep(self)
        row = [self.curve[name][self.reported] for name in ("val_error", "val_loss")]
        return COMPLETE if all(math.isfinite(value or 0.0) for value in row) else DIVERGED

    def train_one_step(self) -> bool:
        """One minibatch. False when its loss is not finite, or no decomposition of the optimizer's matrices
        is found: the trial is then infeasible."""
        with self.spent.step():
            return self._train_one_step()

    def _train_one_step(self) -> bool:
        random = random_state(self.device) if self.gradients else None
        loss, carry = self._loss()
        value = loss.item()
        if not math.isfinite(value):
            return False
        self.chain.clear()
        loss.backward()
        try:
            with self.spent.optimizer():
                if random is None:
                    self.chain.advance(self.step)
                else:
                    self._advance_by_closure(loss, random)
        except torch.linalg.LinAlgError:  # a preconditioner's decomposition that does not converge
            return False
        self.carry = carry
        self.step += 1
        self.loss_sum += value
        self.loss_count += 1
        return True

    def _loss(self) -> tuple[torch.Tensor, Any]:
        with self.autocast():
            return self.task.train_loss(self.model, self.step, self.data_seed, self.carry)

    def _advance_by_closure(self, loss: torch.Tensor, random: RandomState) -> None:
        """A step that evaluates its minibatch again, as often as the optimizer asks; all are counted."""
        assert self.gradients
        gradients = self.gradients
        gradients["total"] += 1

        def evaluate() -> torch.Tensor:
            with repeated(self.model, random, self.device):
                loss, _ = self._loss()
                self.chain.clear()
                loss.backward()
            gradients["total"] += 1
            return loss

        self.chain.advance_by_closure(self.step, loss, evaluate)

    def seconds(self) -> float:
        """Spent on this trial, before its interruptions too."""
        return self.seconds_before + time.perf_counter() - self.started

    def state(self) -> dict[str, Any]:
        """All that the steps to come depend on, besides the study.

        Minibatches are drawn anew from (data seed, step); dropout goes on where torch's own
        generator stood.
        """
        return {
            "step": self.step,
            "parameters": {name: p.detach() for name, p in self.model.named_parameters()},
            "buffers": dict(self.model.named_buffers()),
            "chain": self.chain.state_dict(),
            "carry": self.carry,
            "random": random_state(self.device),
            "loss_sum": self.loss_sum,
            "loss_count": self.loss_count,
            "gradients": self.gradients,
            "curve": self.curve,
            "seconds": self.seconds(),
            "spent": self.spent.state_dict(),
            "resumed_at": self.resumed_at,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that was saved; the same bits follow as if it had never stopped."""
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(state["parameters"][name])
        for name, buffer in self.model.named_buffers():
            buffer.copy_(state["buffers"][name])
        self.chain.load_state_dict(state["chain"])
        self.carry = _to_device(state["carry"], self.device)
        self.step = state["step"]
        self.loss_sum, self.loss_count = state["loss_sum"], state["loss_count"]
        self.gradients = state.get("gradients")
        self.curve = state["curve"]
        self.resumed_at = [*state["resumed_at"], self.step]
        self.seconds_before = state["seconds"]
        self.spent.load_state_dict(state.get("spent", {}))
        set_random_state(state["random"], self.device)

    @property
    def ends_here(self) -> bool:
        """Whether the evaluation just made is the last one."""
        if self.step == self.workload["steps"]:
            return True
        return self.stopping is not None and self.stopping.over(self.curve["val_error"])

    def evaluated_state(self) -> dict[str, torch.Tensor]:
        """What evaluation sees of the model: parameters and buffers by name, copied to the CPU."""
        with self.chain.evaluated():
            return {
                name: each.detach().to("cpu", copy=True)
                for name, each in self.model.state_dict().items()
            }

    @property
    def reported(self) -> int:
        """The row of the curve that the record's final values are taken from."""
        return self.stopping.best(self.curve["val_error"]) if self.stopping else -1

    def evaluate(self) -> None:
        """Append a row to the curve; train_loss is the mean over the steps since the last one."""
        last = self.step == self.workload["steps"]
        test_every = self.workload["test_every"]
        with_test = last or (test_every > 0 and self.step % test_every == 0)
        row: dict[str, float | None] = {
            "step": self.step,
            "learning_rate": self.chain.learning_rate(self.step - 1),
            "train_loss": self.loss_sum / self.loss_count,
        }
        with self.autocast(), self.chain.evaluated():
            row["val_error"], row["val_loss"] = self.task.evaluate(self.model, "validation")
            if self.stopping:  # what may be reported is tested
                errors = [*self.curve["val_error"], row["val_error"]]
                with_test = with_test or self.stopping.best(errors) == len(errors) - 1
            row["test_error"], row["test_loss"] = self._test(with_test)
            if self.train_sample:
                row[TRAIN_ERROR], _ = self.task.evaluate_training(self.model, self.train_sample)
        for kind in self.chain.averaging.kinds:
            with self.autocast(), self.chain.averaging.holding(kind):
                values = (*self.task.evaluate(self.model, "validation"), *self._test(with_test))
            row |= zip(AVERAGED[kind], values, strict=True)
        for name, value in row.items():
            self.curve[name].append(value)
        self.spent.evaluated()
        if self.gradients:
            self.gradients["curve"].append(self.gradients["total"])
        self.loss_sum, self.loss_count = 0.0, 0

    def _test(self, asked: bool) -> tuple[float | None, float | None]:
        return self.task.evaluate(self.model, "test") if asked else (None, None)

    def results(self, status: str) -> dict[str, Any]:
        """What goes into the record: the curve and, of a complete trial, final values.

        ``gradients`` of an optimizer that evaluates a minibatch more than once: how many evaluations
        of loss and gradient all steps took, and up to each row of the curve. Where it is absent, as
        in every other record, a step was one. ``stopping``, under early stopping: the step it stopped
        at, None where it ran to the last one, and the step whose evaluation is reported.
        """
        complete = status == COMPLETE
        names = (*FINAL_COLUMNS, *self.further)
        return {
            "status": status,
            "steps": self.step,
            "curve": self.curve,
            **{name: self.curve[name][self.reported] if complete else None for name in names},
            **({"gradients": self.gradients} if self.gradients else {}),
            **({"stopping": self._stopped()} if self.stopping and complete else {}),
        }

    def _stopped(self) -> dict[str, Any]:
        early = self.step < self.workload["steps"]
        return {
            "stopped_at": self.step if early else None,
            "reported_step": self.curve["step"][self.reported],
        }


def autocast(precision: str, device: str) -> Callable[[], contextlib.AbstractContextManager]:
    """What losses are computed in: torch's autocast to bfloat16, nothing for float32."""
    if precision == "float32":
        return contextlib.nullcontext
    return lambda: torch.autocast(torch.device(device).type, dtype=torch.bfloat16)


def make_deterministic(device: str) -> None:
    """The same bits in every process: called before each trial, whoever runs it."""
    if device == "cpu":
        # The same but for compiled kernels of a GPU, whose compiler it does not import.
        torch.set_deterministic_debug_mode("warn")
    else:
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
