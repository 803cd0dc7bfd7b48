"""Image classification from one array of images: minibatches, augmentation, evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workloads.tasks.cross_entropy import count_errors, mean_cross_entropy

# One thread evaluates 5,000 images in 1.9 s at 250 or 500 a batch, in 3.0 s at 1,000.
EVALUATION_BATCH = {"cpu": 500, "cuda": 2_500}

# What a data seed is used for: independent streams of random numbers.
ORDER, AUGMENTATION = 0, 1


def stratified_split(labels: np.ndarray, sizes: Sequence[int], seed: int) -> list[np.ndarray]:
    """Disjoint index sets of the given sizes, each with the classes in the proportions of `labels`.

    Every class is shuffled and spread evenly over [0, 1); the examples in that order are cut into
    the parts, so that no class is off its share by more than one or two examples. Indices are
    returned in ascending order.
    """
    random = np.random.RandomState(seed)  # its stream is frozen; Generator's may change (NEP 19)
    place = np.empty(len(labels))
    for label in np.unique(labels):
        (members,) = np.nonzero(labels == label)
        place[random.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    order = np.argsort(place, kind="stable")
    return [np.sort(part) for part in np.split(order, np.cumsum(sizes))[: len(sizes)]]


def crop_and_flip(images: Tensor, top: Tensor, left: Tensor, flip: Tensor, pad: int) -> Tensor:
    """Shift every image by up to `pad` pixels, black coming in, and mirror some: one gather.

    Args:
        images: [batch, height, width, channels].
        top, left: [batch] in [0, 2·pad], the window's corner in the image padded by `pad`.
        flip: [batch] bool, mirror left and right after cropping.
    """
    batch, height, width, _ = images.shape
    padded = F.pad(images, (0, 0, pad, pad, pad, pad))
    rows = top[:, None] + torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device).expand(batch, width)
    columns = left[:, None] + torch.where(flip[:, None], width - 1 - columns, columns)
    example = torch.arange(batch, device=images.device)
    return padded[example[:, None, None], rows[:, :, None], columns[:, None, :]]


class ImageTask:
    """A `Task` (task.py) on images that lie in one uint8 array, memory-mapped or in memory.

    The training examples are drawn without replacement: a new permutation each epoch, and epochs
    follow each other without a gap, so that every minibatch is full and every example is seen
    exactly once an epoch.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        splits: Mapping[str, np.ndarray],
        *,
        build_model: Callable[[], nn.Module],
        mean: Sequence[float],
        std: Sequence[float],
        crop_pad: int,
        batch_size: int,
        device: str,
        data_description: dict[str, Any],
    ) -> None:
        """
        Args:
            images: [examples, height, width, channels] uint8.
            labels: [examples] whole numbers.
            splits: index arrays named train, validation and test.
            mean, std: [channels], of the pixels as stored; inputs are normalised with them.
            crop_pad: pixels of random shift; 0 for no augmentation at all.
        """
        self.device = device
        self.data_description = data_description
        self.batch_size = batch_size
        self.crop_pad = crop_pad
        self._build_model = build_model
        # On a CPU this shares the memory map's pages between workers; on a GPU it is a copy there.
        self._images = torch.from_numpy(images).to(device)
        self._labels = torch.from_numpy(labels.astype(np.int64)).to(device)
        self._splits = {name: torch.from_numpy(part) for name, part in splits.items()}
        self._mean = torch.tensor(mean, dtype=torch.float64, device=device)
        self._std = torch.tensor(std, dtype=torch.float64, device=device)
        self._order: tuple[tuple[int, int], Tensor] | None = None

    def model(self) -> nn.Module:
        # Two moves, as the stubs of Module.to know of either but not of both.
        return self._build_model().to(memory_format=torch.channels_last).to(self.device)

    def _epoch_order(self, data_seed: int, epoch: int) -> Tensor:
        """The training examples in the order of this epoch; the last one asked for is kept."""
        if self._order is None or self._order[0] != (data_seed, epoch):
            random = np.random.default_rng([data_seed, ORDER, epoch])
            permutation = torch.from_numpy(random.permutation(len(self._splits["train"])))
            self._order = (data_seed, epoch), self._splits["train"][permutation]
        return self._order[1]

    def examples(self, step: int, data_seed: int) -> Tensor:
        """Indices of minibatch `step`: [batch_size] of the endless sequence of epochs."""
        train_size = len(self._splits["train"])
        parts, needed = [], self.batch_size
        epoch, start = divmod(step * self.batch_size, train_size)
        while needed:
            part = self._epoch_order(data_seed, epoch)[start : start + needed]
            parts.append(part)
            needed -= len(part)
            epoch, start = epoch + 1, 0
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def minibatch(self, step: int, data_seed: int) -> tuple[Tensor, Tensor]:
        """Images [batch, height, width, channels] uint8, augmented, and labels [batch]."""
        examples = self.examples(step, data_seed).to(self.device)
        images, labels = self._images[examples], self._labels[examples]
        if self.crop_pad:
            random = np.random.default_rng([data_seed, AUGMENTATION, step])
            draws = random.integers(2 * self.crop_pad + 1, size=(2, self.batch_size))
            top, left = torch.from_numpy(draws).to(self.device)
            flip = torch.from_numpy(random.random(self.batch_size) < 0.5).to(self.device)
            images = crop_and_flip(images, top, left, flip, self.crop_pad)
        return images, labels

    def inputs(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        """[batch, channels, height, width], normalised, channels_last as they are stored."""
        normalised = (images.to(dtype) - self._mean.to(dtype)) / self._std.to(dtype)
        return normalised.permute(0, 3, 1, 2)

    def train_loss(
        self, model: nn.Module, step: int, data_seed: int, carry: None
    ) -> tuple[Tensor, None]:
        images, labels = self.minibatch(step, data_seed)
        logits = model(self.inputs(images, next(model.parameters()).dtype))
        return mean_cross_entropy(logits, labels), None

    @torch.no_grad()
    def evaluate(self, model: nn.Module, split: str) -> tuple[float, float]:
        model.eval()
        dtype = next(model.parameters()).dtype
        examples = self._splits[split]
        errors = loss = torch.zeros((), device=self.device)
        for part in examples.split(EVALUATION_BATCH[torch.device(self.device).type]):
            part = part.to(self.device)
            labels = self._labels[part]
            logits = model(self.inputs(self._images[part], dtype))
            errors = errors + count_errors(logits, labels)
            loss = loss + mean_cross_entropy(logits, labels).double() * len(labels)
        model.train()
        return float(errors) / len(examples), float(loss) / len(examples)
