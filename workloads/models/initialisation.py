"""Initial weights as TensorFlow draws them: DeepOBS's networks begin with these."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor, nn

Layer = nn.Conv2d | nn.Linear

CUT = 2.0  # standard deviations, beyond which TensorFlow draws again
DEVIATION_LEFT = 0.87962566103423978  # of a normal distribution cut there


def truncated_normal_(weight: Tensor, deviation: float) -> None:
    """Normal, cut at two `deviation`s: what is left has .88 of it."""
    nn.init.trunc_normal_(weight, std=deviation, a=-CUT * deviation, b=CUT * deviation)


def glorot_normal_(weight: Tensor) -> None:
    """Normal with deviation √(2 / (fan in + fan out)) after the cut, as Keras has it."""
    fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(weight)
    truncated_normal_(weight, math.sqrt(2 / (fan_in + fan_out)) / DEVIATION_LEFT)


def initialise(layer: Layer, draw: Callable[[Tensor], object], bias: float) -> None:
    draw(layer.weight)
    assert layer.bias is not None
    nn.init.constant_(layer.bias, bias)
