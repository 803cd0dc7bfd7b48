"""Parameters as views of one vector, and their gradients of another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn


class FlatParameters(NamedTuple):
    """``values`` and ``gradients``, both ``[parameters]``; the model's tensors are views of them."""

    values: Tensor
    gradients: Tensor


def flatten(parameters: Iterable[nn.Parameter]) -> FlatParameters:
    """Re-point trainable parameters and their gradients to one vector each.

    Backward then adds into ``gradients`` (zero it first), and an elementwise update rule is a
    handful of kernel calls however many layers there are. Channels-last convolution weights keep
    their strides, or each step would convert them.
    """
    trained = [p for p in parameters if p.requires_grad]
    values = torch.cat([in_memory_order(p.detach()).reshape(-1) for p in trained])
    gradients = torch.zeros_like(values)
    start = 0
    for parameter in trained:
        end = start + parameter.numel()
        like = parameter.detach()
        parameter.data = _view(values[start:end], like)
        parameter.grad = _view(gradients[start:end], like)
        start = end
    return FlatParameters(values, gradients)


def as_matrix(tensor: Tensor) -> Tensor:
    """A kernel ``[out, in, height, width]`` as ``[out, in * height * width]``, a view of its memory.

    Channels-last kernels give the columns in another order, which no optimizer of matrices minds.
    """
    return in_memory_order(tensor).flatten(1) if tensor.dim() > 2 else tensor


def in_memory_order(tensor: Tensor) -> Tensor:
    return tensor.permute(0, 2, 3, 1) if _channels_last(tensor) else tensor


def _channels_last(tensor: Tensor) -> bool:
    return (
        tensor.dim() == 4
        and tensor.is_contiguous(memory_format=torch.channels_last)
        and not tensor.is_contiguous()
    )


def _view(piece: Tensor, like: Tensor) -> Tensor:
    if _channels_last(like):
        return piece.view(like.permute(0, 2, 3, 1).shape).permute(0, 3, 1, 2)
    return piece.view(like.shape)
