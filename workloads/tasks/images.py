"""Image classification from one array of images: minibatches, augmentation, evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workloads.tasks.augmentation import (
    CONTRAST,
    SATURATION,
    contrasted,
    crop_and_flip,
    saturated,
    standardised,
)
from workloads.tasks.cross_entropy import count_errors, mean_cross_entropy
from workloads.tasks.curriculum import Curriculum
from workloads.tasks.order import AUGMENTATION, Order
from workloads.tasks.splits import sampled

# One thread evaluates 5,000 images in 1.9 s at 250 or 500 a batch, in 3.0 s at 1,000.
EVALUATION_BATCH = {"cpu": 500, "cuda": 2_500}


class Preparation(NamedTuple):
    """How stored pixels become inputs (augmentation.py).

    mean, std: [channels], of the pixels as stored, that inputs are normalised with; None: each
        image by its own, as DeepOBS does.
    crop_pad: pixels of random shift in training, with random mirroring; 0 for neither.
    colours: saturation and contrast are stretched at random in training, as DeepOBS does.
    """

    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    crop_pad: int = 0
    colours: bool = False


class ImageTask:
    """A `Task` (task.py) on images that lie in one uint8 array, memory-mapped or in memory.

    Which training examples make a minibatch is the Order's to say (order.py).
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        splits: Mapping[str, np.ndarray],
        *,
        build_model: Callable[[], nn.Module],
        preparation: Preparation,
        batch_size: int,
        device: str,
        data_description: dict[str, Any],
        drop_remainder: bool = False,
        same_order_each_epoch: bool = False,
    ) -> None:
        """
        Args:
            images: [examples, height, width, channels] uint8.
            labels: [examples] whole numbers.
            splits: index arrays named train, validation and test.
            drop_remainder, same_order_each_epoch: see Order.
        """
        self.device = device
        self.data_description = data_description
        self.batch_size = batch_size
        self.preparation = preparation
        self._build_model = build_model
        # On a CPU this shares the memory map's pages between workers; on a GPU it is a copy there.
        self._images = torch.from_numpy(images).to(device)
        self._labels = torch.from_numpy(labels.astype(np.int64)).to(device)
        self._splits = {name: torch.from_numpy(part) for name, part in splits.items()}
        self._order: Order | Curriculum = Order(
            self._splits["train"],
            batch_size,
            drop_remainder=drop_remainder,
            same_order_each_epoch=same_order_each_epoch,
        )
        if preparation.mean is not None:
            self._mean = torch.tensor(preparation.mean, dtype=torch.float64, device=device)
            self._std = torch.tensor(preparation.std, dtype=torch.float64, device=device)

    def model(self) -> nn.Module:
        # Two moves, as the stubs of Module.to know of either but not of both.
        return self._build_model().to(memory_format=torch.channels_last).to(self.device)

    def in_order(self, scores: np.ndarray, **settings: Any) -> None:
        """Draw minibatches by difficulty from now on: see Curriculum."""
        self._order = Curriculum(self._splits["train"], self.batch_size, scores, **settings)

    @torch.no_grad()
    def training_losses(self, model: nn.Module) -> Tensor:
        model.eval()
        dtype = next(model.parameters()).dtype
        found = [
            F.cross_entropy(
                model(self.inputs(images, dtype)).float(), labels, reduction="none"
            ).cpu()
            for images, labels in self._in_parts(self._splits["train"])
        ]
        model.train()
        return torch.cat(found)

    def examples(self, step: int, data_seed: int) -> Tensor:
        """Indices of minibatch `step`: [batch_size]."""
        return self._order.minibatch(step, data_seed)

    def minibatch(self, step: int, data_seed: int) -> tuple[Tensor, Tensor]:
        """Images [batch, height, width, channels], augmented, and labels [batch].

        Images are uint8 as stored, float32 where their colours were stretched.
        """
        images, labels = self.examples_of(self.examples(step, data_seed))
        if self.preparation.crop_pad or self.preparation.colours:
            images = self._augmented(images, step, data_seed)
        return images, labels

    def minibatches(self, step: int, data_seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
        """`minibatch` of many seeds: [seeds, batch, height, width, channels], [seeds, batch]."""
        if self.preparation.crop_pad or self.preparation.colours:
            every = [self.minibatch(step, data_seed) for data_seed in data_seeds]
            images, labels = zip(*every, strict=True)
            return torch.stack(images), torch.stack(labels)
        return self.examples_of(self._order.minibatches(step, data_seeds))

    def examples_of(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Images [..., height, width, channels] and labels [...] of indices [...]."""
        indices = indices.to(self.device)
        return self._images[indices], self._labels[indices]

    def _augmented(self, images: Tensor, step: int, data_seed: int) -> Tensor:
        random = np.random.default_rng([data_seed, AUGMENTATION, step])
        if pad := self.preparation.crop_pad:
            top, left = self._drawn(random.integers(2 * pad + 1, size=(2, self.batch_size)))
            flip = self._drawn(random.random(self.batch_size) < 0.5)
            images = crop_and_flip(images, top, left, flip, pad)
        if self.preparation.colours:
            saturation, contrast = (
                self._drawn(random.uniform(*ends, self.batch_size).astype(np.float32))
                for ends in (SATURATION, CONTRAST)
            )
            images = contrasted(saturated(images.float(), saturation), contrast)
        return images

    def _drawn(self, numbers: np.ndarray) -> Tensor:
        return torch.from_numpy(numbers).to(self.device)

    def inputs(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        """[batch, channels, height, width], normalised, channels_last as they are stored."""
        if self.preparation.mean is None:
            return standardised(images.to(dtype)).permute(0, 3, 1, 2)
        normalised = (images.to(dtype) - self._mean.to(dtype)) / self._std.to(dtype)
        return normalised.permute(0, 3, 1, 2)

    def train_loss(
        self, model: nn.Module, step: int, data_seed: int, carry: None
    ) -> tuple[Tensor, None]:
        images, labels = self.minibatch(step, data_seed)
        logits = model(self.inputs(images, next(model.parameters()).dtype))
        return mean_cross_entropy(logits, labels), None

    def evaluated(self, split: str) -> Iterator[tuple[Tensor, Tensor]]:
        """Images and labels of a part, as many at a time as are best evaluated together."""
        return self._in_parts(self._splits[split])

    def _in_parts(self, examples: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for part in examples.split(EVALUATION_BATCH[torch.device(self.device).type]):
            yield self.examples_of(part)

    def evaluate(self, model: nn.Module, split: str) -> tuple[float, float]:
        return self._evaluated(model, self._splits[split])

    @torch.no_grad()
    def predict(self, model: nn.Module, split: str) -> tuple[Tensor, Tensor]:
        model.eval()
        dtype = next(model.parameters()).dtype
        found = [
            (model(self.inputs(images, dtype)).float().softmax(1).cpu(), labels.cpu())
            for images, labels in self.evaluated(split)
        ]
        model.train()
        probabilities, labels = zip(*found, strict=True)
        return torch.cat(probabilities), torch.cat(labels)

    def evaluate_training(self, model: nn.Module, examples: int) -> tuple[float, float]:
        return self._evaluated(model, sampled(self._splits["train"], examples))

    @torch.no_grad()
    def _evaluated(self, model: nn.Module, examples: Tensor) -> tuple[float, float]:
        model.eval()
        dtype = next(model.parameters()).dtype
        errors = loss = torch.zeros((), device=self.device)
        for images, labels in self._in_parts(examples):
            logits = model(self.inputs(images, dtype))
            errors = errors + count_errors(logits, labels)
            loss = loss + mean_cross_entropy(logits, labels).double() * len(labels)
        model.train()
        return float(errors) / len(examples), float(loss) / len(examples)
