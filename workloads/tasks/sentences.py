"""Language modelling by sentences: minibatches of like length, cross entropy a token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workloads.data.lm1b import END, Sentences
from workloads.task import DataError
from workloads.tasks.cross_entropy import mean_cross_entropy
from workloads.tasks.curriculum import Curriculum
from workloads.tasks.order import ORDER
from workloads.tasks.splits import sampled

NO_TARGET = -100  # of padding: cross entropy passes over it
# Sentences of a minibatch lie between two of these; it is padded to its longest.
BUCKETS = (16, 32, 64, 128, 256, 512)


class Buckets:
    """Which sentences make minibatch `step`: a pure function of (data seed, step).

    Every minibatch is of one bucket, so that little of it is padding. Within an epoch each bucket
    has a permutation of its own, and its full minibatches come in random order among the others';
    what remains of a bucket is dropped, other sentences each epoch.
    """

    def __init__(self, lengths: np.ndarray, batch_size: int) -> None:
        """
        Args:
            lengths: [sentences], tokens of each.

        Raises:
            DataError: when no bucket fills a minibatch.
        """
        self.batch_size = batch_size
        bucket = np.searchsorted(BUCKETS, lengths)
        self.members = [np.flatnonzero(bucket == each) for each in range(len(BUCKETS) + 1)]
        self.counts = np.array([len(each) // batch_size for each in self.members])
        if not self.counts.any():
            raise DataError(
                f"{len(lengths)} training sentences fill no minibatch of {batch_size}: give more "
                "shards in data.train, or a smaller workload.batch_size"
            )
        self._kept: tuple[tuple[int, int], list[np.ndarray]] | None = None

    def __len__(self) -> int:
        """Minibatches an epoch."""
        return int(self.counts.sum())

    def minibatch(self, step: int, data_seed: int) -> np.ndarray:
        """Sentences of minibatch `step`: [batch_size]."""
        epoch, position = divmod(step, len(self))
        if self._kept is None or self._kept[0] != (data_seed, epoch):
            self._kept = (data_seed, epoch), self._epoch(data_seed, epoch)
        return self._kept[1][position]

    def _epoch(self, data_seed: int, epoch: int) -> list[np.ndarray]:
        random = np.random.default_rng([data_seed, ORDER, epoch])
        batches = [
            part
            for members, count in zip(self.members, self.counts, strict=True)
            for part in random.permutation(members)[: count * self.batch_size].reshape(
                count, self.batch_size
            )
        ]
        return [batches[each] for each in random.permutation(len(batches))]


class SentenceTask:
    """A `Task` (task.py): the mean cross entropy of the next token, in nats.

    A sentence is predicted from its first token to its END. There is no error rate to select by:
    the cross entropy stands for it.
    """

    def __init__(
        self,
        splits: Mapping[str, Sentences],
        description: Mapping[str, Any],
        *,
        build_model: Callable[[], nn.Module],
        batch_size: int,
        device: str,
    ) -> None:
        self.device, self.batch_size = device, batch_size
        self._build_model = build_model
        self._splits = splits
        self._lengths = {name: np.diff(split.ends, prepend=0) for name, split in splits.items()}
        self._order: Buckets | Curriculum = Buckets(self._lengths["train"], batch_size)
        self.data_description: dict[str, Any] = {
            "label": description["label"],
            "sha256": description["sha256"],
            **{name: len(split.ends) for name, split in splits.items()},
            "tokens": {name: len(split.tokens) for name, split in splits.items()},
        }

    def model(self) -> nn.Module:
        return self._build_model().to(self.device)

    def in_order(self, scores: np.ndarray, **settings: Any) -> None:
        """Draw minibatches by difficulty from now on, of mixed lengths: see Curriculum."""
        examples = torch.arange(len(self._lengths["train"]))
        self._order = Curriculum(examples, self.batch_size, scores, **settings)

    def training_lengths(self) -> Tensor:
        return torch.from_numpy(self._lengths["train"])

    def minibatch(self, step: int, data_seed: int) -> tuple[Tensor, Tensor]:
        """Tokens and the tokens that follow them, each [batch_size, length]."""
        return self._padded("train", np.asarray(self._order.minibatch(step, data_seed)))

    def _padded(self, split: str, chosen: np.ndarray) -> tuple[Tensor, Tensor]:
        """Tokens of sentences, with END in front, and the targets: [sentences, length] int64."""
        tokens, ends = self._splits[split]
        lengths = self._lengths[split][chosen]
        width = int(lengths.max())
        columns = np.arange(width)
        there = columns < lengths[:, None]
        at = np.where(there, (ends[chosen] - lengths)[:, None] + columns, 0)
        targets = np.where(there, tokens[at].astype(np.int64), NO_TARGET)
        inputs = np.full_like(targets, END)
        inputs[:, 1:] = np.where(there[:, 1:], targets[:, :-1], END)
        return torch.from_numpy(inputs).to(self.device), torch.from_numpy(targets).to(self.device)

    def train_loss(
        self, model: nn.Module, step: int, data_seed: int, carry: None
    ) -> tuple[Tensor, None]:
        inputs, targets = self.minibatch(step, data_seed)
        return mean_cross_entropy(model(inputs).flatten(0, 1), targets.flatten()), None

    def evaluate(self, model: nn.Module, split: str) -> tuple[float, float]:
        """The mean cross entropy a token, twice."""
        return self._evaluated(model, split, np.argsort(self._lengths[split], kind="stable"))

    def evaluate_training(self, model: nn.Module, examples: int) -> tuple[float, float]:
        lengths = self._lengths["train"]
        chosen = sampled(torch.arange(len(lengths)), examples).numpy()
        return self._evaluated(model, "train", chosen[np.argsort(lengths[chosen], kind="stable")])

    @torch.no_grad()
    def _evaluated(
        self, model: nn.Module, split: str, by_length: np.ndarray
    ) -> tuple[float, float]:
        model.eval()
        total, count = 0.0, 0
        for start in range(0, len(by_length), self.batch_size):
            inputs, targets = self._padded(split, by_length[start : start + self.batch_size])
            known = int((targets != NO_TARGET).sum())
            loss = mean_cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
            total, count = total + float(loss) * known, count + known
        model.train()
        return total / count, total / count
