"""A point that is moved, and how far it is from others: the model of a noisy quadratic."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Quadratic(nn.Module):
    """[batch, n] -> [batch]: ½(θ − x)ᵀQ(θ − x) at every point x. θ [n] starts at 1."""

    Q: Tensor

    def __init__(self, matrix: Tensor) -> None:
        """matrix: Q, [n, n] and symmetric; no parameter, and no part of a checkpoint's weights."""
        super().__init__()
        self.theta = nn.Parameter(torch.ones(len(matrix), dtype=matrix.dtype))
        self.register_buffer("Q", matrix, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        difference = self.theta - x
        return 0.5 * (difference @ self.Q * difference).sum(1)
