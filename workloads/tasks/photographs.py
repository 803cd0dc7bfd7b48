"""Classification of photographs that are decoded while others are trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workloads.data.photographs import Listing
from workloads.tasks.cross_entropy import count_errors, mean_cross_entropy
from workloads.tasks.decoders import Decoders, View
from workloads.tasks.order import AUGMENTATION, Order
from workloads.tasks.splits import stratified_split

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels over 255
SPLIT_SEED = 0  # of the workload, not of a trial
EVALUATION_BATCH = 250


class PhotographTask:
    """A `Task` (task.py). Validation images are held out of train/, of each class in proportion; test is val/."""

    def __init__(
        self,
        listing: Listing,
        *,
        build_model: Callable[[], nn.Module],
        validation: int,
        size: int,
        decoders: int,
        batch_size: int,
        device: str,
    ) -> None:
        """
        Args:
            validation: images held out.
            size: pixels of a side of the inputs.
            decoders: processes beside this one.
        """
        self.device, self.size, self.batch_size = device, size, batch_size
        self._build_model, self._listing = build_model, listing
        train, held_out = stratified_split(
            np.asarray(listing.labels[: listing.train]),
            [listing.train - validation, validation],
            SPLIT_SEED,
        )
        test = np.arange(listing.train, len(listing.labels))
        self._splits = {"validation": held_out, "test": test}
        self._order = Order(torch.from_numpy(train), batch_size)
        self._decoders = Decoders(listing.tree, decoders)
        self._coming: tuple[tuple[int, int], Iterator[Tensor]] | None = None
        self._mean = torch.tensor(MEAN, device=device).view(3, 1, 1)
        self._deviation = torch.tensor(DEVIATION, device=device).view(3, 1, 1)
        self.data_description: dict[str, Any] = {
            **listing.description,
            "train": len(train),
            **{name: len(part) for name, part in self._splits.items()},
            "size": size,
        }

    def model(self) -> nn.Module:
        return self._build_model().to(memory_format=torch.channels_last).to(self.device)

    def minibatch(self, step: int, data_seed: int) -> tuple[Tensor, Tensor]:
        """Inputs [batch_size, 3, size, size] float32 and labels [batch_size].

        The next ones are in the making; any other step, after a resumption, begins anew.
        """
        if self._coming is None or self._coming[0] != (data_seed, step):
            self._coming = (data_seed, step), self._decoders.each(self._from(step, data_seed))
        images = self._coming[1]
        try:
            pixels = next(images)
        except BaseException:
            self._coming = None
            raise
        self._coming = (data_seed, step + 1), images
        examples = self._order.minibatch(step, data_seed)
        return self._inputs(pixels), self._labels(examples.numpy())

    def _from(self, step: int, data_seed: int) -> Iterator[tuple[np.ndarray, View]]:
        """Paths and random numbers of every minibatch from this step on."""
        while True:
            examples = self._order.minibatch(step, data_seed).numpy()
            random = np.random.default_rng([data_seed, AUGMENTATION, step])
            seeds = random.integers(2**31, size=len(examples))
            yield self._listing.paths[examples], View(self.size, seeds)
            step += 1

    def _inputs(self, pixels: Tensor) -> Tensor:
        images = pixels.to(self.device).permute(0, 3, 1, 2).float() / 255
        return (images - self._mean) / self._deviation

    def _labels(self, examples: np.ndarray) -> Tensor:
        return torch.from_numpy(np.asarray(self._listing.labels[examples])).to(self.device)

    def train_loss(
        self, model: nn.Module, step: int, data_seed: int, carry: None
    ) -> tuple[Tensor, None]:
        inputs, labels = self.minibatch(step, data_seed)
        dtype = next(model.parameters()).dtype
        return mean_cross_entropy(model(inputs.to(dtype)), labels), None

    @torch.no_grad()
    def evaluate(self, model: nn.Module, split: str) -> tuple[float, float]:
        model.eval()
        dtype = next(model.parameters()).dtype
        examples = self._splits[split]
        parts = [
            examples[start : start + EVALUATION_BATCH]
            for start in range(0, len(examples), EVALUATION_BATCH)
        ]
        coming = self._decoders.each(
            (self._listing.paths[part], View(self.size, None)) for part in parts
        )
        errors, loss = 0.0, 0.0
        for part, pixels in zip(parts, coming, strict=True):
            labels = self._labels(part)
            logits = model(self._inputs(pixels).to(dtype))
            errors += float(count_errors(logits, labels))
            loss += float(mean_cross_entropy(logits, labels)) * len(part)
        model.train()
        return errors / len(examples), loss / len(examples)
