"""A decoder-only Transformer (Vaswani et al., arXiv:1706.03762), normalised before each part."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

INITIAL_DEVIATION = 0.02


class Transformer(nn.Module):
    """The next token at every position, from the tokens up to it.

    *Ours*, as the paper names only "Transformer" on LM1B: normalisation before attention and MLP
    and once at the end, sinusoidal positions, one matrix for input and output embeddings, biases
    everywhere, normal weights of deviation .02, those that end in the residual stream divided by
    √(2·layers); no dropout. With a vocabulary of 32,000, width 512, 6 layers, 8 heads and an MLP of
    2,048: 35,299,328 parameters.
    """

    positions: Tensor

    def __init__(
        self, vocabulary: int, width: int, layers: int, heads: int, mlp: int, positions: int
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(width, heads, mlp) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.register_buffer("positions", sinusoids(positions, width), persistent=False)
        self._initialise(INITIAL_DEVIATION / math.sqrt(2 * layers))

    def _initialise(self, residual_deviation: float) -> None:
        nn.init.normal_(self.embedding.weight, std=INITIAL_DEVIATION)
        for name, module in self.blocks.named_modules():
            if isinstance(module, nn.Linear):
                ends = name.endswith(("attention_output", "mlp_output"))
                nn.init.normal_(
                    module.weight, std=residual_deviation if ends else INITIAL_DEVIATION
                )
                nn.init.zeros_(module.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [sentences, length, vocabulary], from ids [sentences, length]."""
        width = self.embedding.embedding_dim
        x = self.embedding(tokens) * math.sqrt(width) + self.positions[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.embedding.weight)


class Block(nn.Module):
    """Causal self-attention and an MLP, each added to what comes in."""

    def __init__(self, width: int, heads: int, mlp: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.attention_input = nn.Linear(width, 3 * width)
        self.attention_output = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp_input = nn.Linear(width, mlp)
        self.mlp_output = nn.Linear(mlp, width)

    def forward(self, x: Tensor) -> Tensor:
        """[sentences, length, width] to the same."""
        sentences, length, width = x.shape
        split = self.attention_input(self.attention_norm(x)).view(
            sentences, length, 3, self.heads, width // self.heads
        )
        query, key, value = split.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.attention_output(attended.transpose(1, 2).reshape(x.shape))
        return x + self.mlp_output(F.relu(self.mlp_input(self.mlp_norm(x))))


def sinusoids(positions: int, width: int) -> Tensor:
    """[positions, width]: sin and cos of position / 10000^(2i/width), side by side."""
    angles = torch.arange(positions)[:, None] / 10_000 ** (
        torch.arange(0, width, 2)[None, :] / width
    )
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :width]
