"""Which training examples a minibatch holds: a pure function of (data seed, step)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from workloads.tasks.splits import full_minibatches

# What a data seed is used for: independent streams of random numbers.
ORDER, AUGMENTATION = 0, 1


class Order:
    """The training examples without replacement, in a new permutation each epoch.

    Every minibatch is full. Either epochs follow each other without a gap, and every example is
    seen exactly once an epoch; or an epoch ends with its last full minibatch and what remains of
    its permutation is dropped, as in DeepOBS.
    """

    def __init__(
        self,
        examples: Tensor,
        batch_size: int,
        *,
        drop_remainder: bool = False,
        same_order_each_epoch: bool = False,
    ) -> None:
        """
        Args:
            examples: [training examples], their indices.
            same_order_each_epoch: one permutation for all epochs. That is what DeepOBS's published
                runs did (docs/workloads.md): it starts its shuffled data set anew each epoch, which
                with a seed gives the same order again.

        Raises:
            DataError: when the remainder is dropped and nothing is left.
        """
        self.examples, self.batch_size = examples, batch_size
        self.same_order_each_epoch = same_order_each_epoch
        self.epoch_size = len(examples)
        if drop_remainder:
            self.epoch_size = len(full_minibatches(examples, batch_size, "train"))
        self._kept: tuple[tuple[int, int], Tensor] | None = None

    def _epoch(self, data_seed: int, epoch: int) -> Tensor:
        """The examples in the order of this epoch; the last one asked for is kept."""
        epoch = 0 if self.same_order_each_epoch else epoch
        if self._kept is None or self._kept[0] != (data_seed, epoch):
            random = np.random.default_rng([data_seed, ORDER, epoch])
            permutation = torch.from_numpy(random.permutation(len(self.examples)))
            self._kept = (data_seed, epoch), self.examples[permutation][: self.epoch_size]
        return self._kept[1]

    def minibatch(self, step: int, data_seed: int) -> Tensor:
        """Indices of minibatch `step`: [batch_size] of the endless sequence of epochs."""
        parts, needed = [], self.batch_size
        epoch, start = divmod(step * self.batch_size, self.epoch_size)
        while needed:
            part = self._epoch(data_seed, epoch)[start : start + needed]
            parts.append(part)
            needed -= len(part)
            epoch, start = epoch + 1, 0
        return parts[0] if len(parts) == 1 else torch.cat(parts)
