"""A noisy quadratic: losses over points, and no classes, so that the metric is the loss itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workloads.data.quadratic import Instance
from workloads.models.quadratic import Quadratic
from workloads.tasks.order import Order
from workloads.tasks.splits import full_minibatches, sampled


class QuadraticTask:
    """A `Task` (task.py): the mean of ½(θ − x)ᵀQ(θ − x) over points x.

    Of every split only full minibatches count, the training points shuffled, the others in order,
    as in DeepOBS.
    """

    def __init__(
        self,
        instance: Instance,
        label: str,
        batch_size: int,
        device: str,
        *,
        same_order_each_epoch: bool,
    ) -> None:
        """`same_order_each_epoch`: see Order."""
        self.device = device
        self.matrix = torch.from_numpy(instance.matrix.astype(np.float32))
        points = {name: torch.from_numpy(part) for name, part in instance.points.items()}
        every = torch.arange(len(points["train"]))
        self.order = Order(
            every, batch_size, drop_remainder=True, same_order_each_epoch=same_order_each_epoch
        )
        self.train = points["train"].to(device)
        self.moments = {
            name: self._mean_and_spread(full_minibatches(points[name], batch_size, name))
            for name in ("validation", "test")
        }
        kept = len(self.order.examples) // batch_size * batch_size
        self.data_description: dict[str, Any] = {
            "label": label,
            "sha256": instance.sha256,
            **{"train": len(every), "validation": kept, "test": kept},
        }

    def _mean_and_spread(self, points: Tensor) -> tuple[Tensor, float]:
        """Of points [examples, n]: their mean x̄, and the mean of ½(x − x̄)ᵀQ(x − x̄).

        They tell the mean loss at every θ: ½(θ − x̄)ᵀQ(θ − x̄) + spread, exactly. An evaluation of
        896 points then costs a tenth of a training step; in float64, as the spread is 95 % of it.
        """
        points = points.double()
        centred = points - points.mean(0)
        spread = 0.5 * (centred @ self.matrix.double() * centred).sum(1).mean()
        return points.mean(0).to(self.device), float(spread)

    def model(self) -> Quadratic:
        return Quadratic(self.matrix).to(self.device)

    def minibatch(self, step: int, data_seed: int) -> Tensor:
        """Points [batch_size, n]."""
        return self.train[self.order.minibatch(step, data_seed).to(self.device)]

    def train_loss(
        self, model: nn.Module, step: int, data_seed: int, carry: None
    ) -> tuple[Tensor, None]:
        return model(self.minibatch(step, data_seed)).mean(), None

    def evaluate(self, model: Quadratic, split: str) -> tuple[float, float]:
        """The mean loss, twice: there is no error rate to select by."""
        return self._mean_loss(model, *self.moments[split])

    def evaluate_training(self, model: Quadratic, examples: int) -> tuple[float, float]:
        return self._mean_loss(model, *self._mean_and_spread(sampled(self.train, examples).cpu()))

    @torch.no_grad()
    def _mean_loss(self, model: Quadratic, mean: Tensor, spread: float) -> tuple[float, float]:
        difference = model.theta.double() - mean
        loss = float(0.5 * difference @ model.Q.double() @ difference) + spread
        return loss, loss
