"""Which training examples a minibatch holds: a pure function of (data seed, step)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from workloads.tasks.seeding import generators
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
        self._kept_epochs: dict[int, tuple[tuple[int, ...], Tensor]] = {}

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
        return self._cut(step, lambda epoch: self._epoch(data_seed, epoch))

    def minibatches(self, step: int, data_seeds: Sequence[int]) -> Tensor:
        """`minibatch` of many seeds: [seeds, batch_size]. Seeds may be left out as steps go on."""
        return self._cut(step, lambda epoch: self._epochs(tuple(data_seeds), epoch))

    def _cut(self, step: int, order: Callable[[int], Tensor]) -> Tensor:
        """Minibatch `step` of the endless sequence of epochs, each `[..., examples]`."""
        parts, needed = [], self.batch_size
        epoch, start = divmod(step * self.batch_size, self.epoch_size)
        while needed:
            part = order(epoch)[..., start : start + needed]
            parts.append(part)
            needed -= part.shape[-1]
            epoch, start = epoch + 1, 0
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)

    def _epochs(self, data_seeds: tuple[int, ...], epoch: int) -> Tensor:
        """The orders of this epoch, `[seeds, examples]`; those of this one and the last are kept."""
        epoch = 0 if self.same_order_each_epoch else epoch
        seeds, kept = self._kept_epochs.get(epoch, ((), self.examples))
        if seeds != data_seeds:
            rows = {each: row for row, each in enumerate(seeds)}
            if rows.keys() >= set(data_seeds):
                kept = kept[[rows[each] for each in data_seeds]]
            else:
                drawn = np.empty((len(data_seeds), self.epoch_size), dtype=np.int64)
                entropy, count = [(each, ORDER, epoch) for each in data_seeds], len(self.examples)
                for row, random in zip(drawn, generators(entropy), strict=True):
                    row[:] = random.permutation(count)[: self.epoch_size]
                kept = self.examples[torch.from_numpy(drawn)]
            before = {at: each for at, each in self._kept_epochs.items() if at == epoch - 1}
            self._kept_epochs = {**before, epoch: (data_seeds, kept)}
        return kept
