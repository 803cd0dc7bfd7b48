"""Training examples by their difficulty: the strategies of Zaremba and Sutskever (arXiv:1410.4615)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from workloads.task import DataError
from workloads.tasks.order import ORDER

NAIVE, MIXED, COMBINED = "naive", "mixed", "combined"


class Curriculum:
    """Minibatches of which the easy examples are a larger part, a pure function of (data seed, step).

    naive: from the easiest share of the examples, which grows linearly to all of them. mixed: for each
    example a share u, uniform in (0, 1], then one of the easiest u. combined: one or the other, with
    even chances. There difficulty is the length of a program that can be drawn at will; here it is a
    rank in a fixed training set, and examples are drawn from it with replacement (ours).
    """

    def __init__(
        self,
        examples: Tensor,
        batch_size: int,
        scores: np.ndarray,
        *,
        name: str,
        start: float = 1.0,
        pace_steps: int = 0,
    ) -> None:
        """
        Args:
            examples: [training examples], their indices.
            scores: [training examples], larger is harder.
            start, pace_steps: naive's first share, and the step at which it is all.

        Raises:
            DataError: scores that are not as many as examples.
        """
        if len(scores) != len(examples):
            raise DataError(
                f"order.scores holds {len(scores)} scores, and there are {len(examples)} training examples;"
                " write them anew with harness difficulty"
            )
        self.ranked = examples[torch.from_numpy(np.argsort(scores, kind="stable"))]
        self.batch_size, self.name = batch_size, name
        self.start, self.pace_steps = start, pace_steps

    def share(self, step: int) -> float:
        """Of the examples, the easiest, that naive draws minibatch `step` from."""
        if step >= self.pace_steps:
            return 1.0
        return self.start + (1 - self.start) * step / self.pace_steps

    def minibatch(self, step: int, data_seed: int) -> Tensor:
        """Indices of minibatch `step`: [batch_size]."""
        random = np.random.default_rng([data_seed, ORDER, step])
        place, mixed, coin = random.random((3, self.batch_size))
        share = np.full(self.batch_size, self.share(step))
        if self.name == MIXED:
            share = 1 - mixed
        elif self.name == COMBINED:
            share = np.where(coin < 0.5, share, 1 - mixed)
        count = np.maximum(1, np.round(share * len(self.ranked)))
        return self.ranked[torch.from_numpy(np.floor(place * count).astype(np.int64))]

    def minibatches(self, step: int, data_seeds: Sequence[int]) -> Tensor:
        """`minibatch` of many seeds: [seeds, batch_size]."""
        return torch.stack([self.minibatch(step, data_seed) for data_seed in data_seeds])
