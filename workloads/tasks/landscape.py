"""A function of two numbers as a task: every minibatch is all of it, and its value the metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from workloads.models.landscapes import Landscape, Point


class LandscapeTask:
    """A `Task` (task.py) without data: training, validation and test loss are the function's value."""

    def __init__(
        self,
        landscape: Landscape,
        sha256: str,
        start: tuple[float, float],
        perturbation: float,
        device: str,
    ) -> None:
        self.landscape, self.start, self.perturbation = landscape, start, perturbation
        self.device = device
        self.data_description: dict[str, Any] = {
            "label": landscape.label, "sha256": sha256, "train": 1, "validation": 1, "test": 1,
        }  # fmt: skip

    def model(self) -> Point:
        return Point(self.landscape, self.start, self.perturbation).to(self.device)

    def train_loss(
        self, model: nn.Module, step: int, data_seed: int, carry: None
    ) -> tuple[Tensor, None]:
        return model(), None

    @torch.no_grad()
    def evaluate(self, model: nn.Module, split: str) -> tuple[float, float]:
        """The value, twice: there is no error rate to select by."""
        value = float(model())
        return value, value


class StackedLandscape:
    """A `StackedTask` (task.py): the functions are arithmetic, of many points as of one."""

    def __init__(self, task: LandscapeTask) -> None:
        self.task, self.data_description = task, task.data_description

    def model(self) -> Point:
        return self.task.model()

    def train_losses(
        self,
        parameters: Mapping[str, Tensor],
        step: int,
        seeds: Sequence[Mapping[str, int]],
        carry: None,
    ) -> tuple[Tensor, None]:
        values: Tensor = self.task.landscape.value(*parameters["theta"].unbind(1))
        return values, None

    def evaluate(self, parameters: Mapping[str, Tensor], split: str) -> tuple[Tensor, Tensor]:
        values, _ = self.train_losses(parameters, 0, (), None)
        return values, values
