"""Image classification by many trials at once, with any model that is a function of its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from workloads.tasks.cross_entropy import count_errors, mean_cross_entropy
from workloads.tasks.images import ImageTask


class StackedImages:
    """A `StackedTask` (task.py): torch.func.vmap of the ImageTask's own model and loss.

    At 128 trials of `digits_mlp` a step takes 73 µs a trial, products of batches of matrices written
    by hand 64: not worth writing every network twice. On a CPU it is for dense layers; convolutions
    lose by it.
    """

    def __init__(self, task: ImageTask) -> None:
        self.task, self.data_description = task, task.data_description
        self.of_one = task.model()
        self.of_one.requires_grad_(False)

    def model(self) -> nn.Module:
        return self.task.model()

    def train_losses(
        self,
        parameters: Mapping[str, Tensor],
        step: int,
        seeds: Sequence[Mapping[str, int]],
        carry: None,
    ) -> tuple[Tensor, None]:
        images, labels = self.task.minibatches(step, [each["data_order"] for each in seeds])
        dtype = next(iter(parameters.values())).dtype
        inputs = self.task.inputs(images.flatten(0, 1), dtype).unflatten(0, labels.shape)

        def loss(of_one: dict[str, Tensor], inputs: Tensor, labels: Tensor) -> Tensor:
            return mean_cross_entropy(functional_call(self.of_one, of_one, (inputs,)), labels)

        return vmap(loss)(dict(parameters), inputs, labels), None

    def evaluate(self, parameters: Mapping[str, Tensor], split: str) -> tuple[Tensor, Tensor]:
        dtype = next(iter(parameters.values())).dtype

        def counts(of_one: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
            logits = functional_call(self.of_one, of_one, (inputs,))
            return count_errors(logits, labels), mean_cross_entropy(logits, labels)

        self.of_one.eval()
        count = 0
        errors = losses = torch.zeros((), dtype=torch.float64, device=self.task.device)
        for images, labels in self.task.evaluated(split):
            inputs = self.task.inputs(images, dtype)
            wrong, loss = vmap(counts)(dict(parameters))
            errors = errors + wrong.double()
            losses = losses + loss.double() * len(labels)
            count += len(labels)
        self.of_one.train()
        return errors / count, losses / count
