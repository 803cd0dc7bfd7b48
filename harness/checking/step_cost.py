"""What a training step costs beside one of SGD: the same model and minibatches, in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from harness.checking.subject import Subject
from harness.errors import ConfigError
from harness.training.train import Training

ROUND = 10  # steps: what is done every ten of them is in it
LEAST_ROUNDS, MOST_ROUNDS = 3, 15
SECONDS = 4.0  # of all rounds, once there are a few
LR = 1e-5  # of SGD: the time does not depend on it, and nothing may diverge


class StepCost(NamedTuple):
    """Seconds a training step and, of it, in the optimizer; of SGD too, at the same time."""

    step: float
    own: float
    sgd_step: float
    sgd_own: float
    gradients: float  # evaluated a step

    @property
    def times(self) -> float:
        return self.step / self.sgd_step

    def told(self) -> str:
        step, sgd = (f"{1e3 * each:.3g} ms" for each in (self.step, self.sgd_step))
        told = f"a step takes {self.times:.2f} times SGD's ({step} and {sgd})"
        if self.gradients != 1:
            return f"{told}, of {self.gradients:.3g} gradients each"
        own, sgd = (f"{1e3 * each:.2g} ms" for each in (self.own, self.sgd_own))
        return f"{told}; of it the optimizer {own} and {sgd}"


def step_cost(subject: Subject, point: Mapping[str, float]) -> StepCost:
    """Measured in rounds of ten steps, an optimizer's and SGD's in turn; the median round of each.

    On a CPU in seconds of this process's own, so that other work does not count; on a GPU by the
    clock, once it has done what it was told. Both models are looked at: the steps were taken.

    Raises:
        ConfigError: the training diverges, or a round changes nothing.
    """
    timed = [
        _Timed(lambda: subject.begin(point), subject.device),
        _Timed(lambda: subject.begin_sgd(LR), subject.device),
    ]
    for each in timed:
        each.round()  # the first steps allocate
        each.forget()
    began = time.perf_counter()
    for count in range(MOST_ROUNDS):
        if count >= LEAST_ROUNDS and time.perf_counter() - began > SECONDS:
            break
        for each in timed:
            each.round()
    mine, sgd = timed
    return StepCost(
        statistics.median(mine.steps),
        statistics.median(mine.owns),
        statistics.median(sgd.steps),
        statistics.median(sgd.owns),
        mine.gradients_a_step(),
    )


class _Timed:
    """Rounds of one training, begun anew where it would end."""

    def __init__(self, begin: Callable[[], Training], device: str):
        self.begin, self.device = begin, device
        self.clock = time.process_time if device == "cpu" else self._synchronised
        self._start()
        self.forget()

    def forget(self) -> None:
        self.steps: list[float] = []
        self.owns: list[float] = []

    def _start(self) -> None:
        self.training = self.begin()
        self.spent = 0.0
        chain = self.training.chain
        if not chain.evaluates_again:
            timed: Any = self._measured(chain.advance)
            chain.advance = timed  # type: ignore[method-assign]

    def _measured(self, advance: Callable[[int], None]) -> Callable[[int], None]:
        def timed(step: int) -> None:
            before = self.clock()
            advance(step)
            self.spent += self.clock() - before

        return timed

    def _synchronised(self) -> float:
        torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def round(self) -> None:
        if self.training.step + ROUND > self.training.workload["steps"]:
            self._start()
        parameters = [p for p in self.training.model.parameters() if p.requires_grad]
        were = [p.detach().clone() for p in parameters]
        self.spent, before = 0.0, self.clock()
        for _ in range(ROUND):
            if not self.training.train_one_step():
                raise ConfigError(f"the loss is not finite at step {self.training.step + 1}")
        self.steps.append((self.clock() - before) / ROUND)
        self.owns.append(self.spent / ROUND)
        if all(torch.equal(p, was) for p, was in zip(parameters, were, strict=True)):
            raise ConfigError(f"{ROUND} steps changed no parameter")

    def gradients_a_step(self) -> float:
        counted = self.training.gradients
        return counted["total"] / self.training.step if counted else 1.0
