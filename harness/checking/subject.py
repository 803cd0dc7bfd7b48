"""What is checked: a study, its workload's data open, and trainings of it begun as a trial begins them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from harness.study.study import Study
from harness.training.effective_rate import in_learning_rates
from harness.training.train import Training
from workloads.task import Task

SGD = {"name": "sgd", "rule": "sgd"}


class Subject(NamedTuple):
    """A study on a device."""

    study: Study
    task: Task
    device: str

    def middle(self) -> dict[str, float]:
        """The point in the middle of the search space, axis by axis."""
        return {name: axis.at(0.5) for name, axis in self.study.space.items()}

    def begin(self, point: Mapping[str, float]) -> Training:
        """Trial 0, but for its point."""
        given = in_learning_rates(self.study.config, point, self.task.model)
        return Training(self.study.config, given, self.study.seeds(0), self.task, self.device)

    def begin_sgd(self, lr: float) -> Training:
        """The same weights and minibatches under plain gradient descent."""
        config = {**self.study.config, "optimizer": SGD, "schedule": {"name": "constant"}}
        return Training(config, {"lr": lr, "l2": 0.0}, self.study.seeds(0), self.task, self.device)
