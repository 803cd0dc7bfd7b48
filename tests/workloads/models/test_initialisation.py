import math

import pytest
import torch
from torch import nn

from workloads.models.initialisation import glorot_normal_, initialise, truncated_normal_


def test_a_truncated_normal_is_cut_at_two_deviations():
    torch.manual_seed(0)
    weight = torch.empty(1_000_000)
    truncated_normal_(weight, 0.05)
    assert 0.0999 < weight.abs().max() <= 0.1
    assert weight.std().item() == pytest.approx(0.05 * 0.8796, rel=0.003)
    assert abs(weight.mean().item()) < 3 * 0.05 / 1000
    # The density where it is cut is e^-2 of that in the middle: it is cut, not clipped.
    near, middle = (weight.abs() > 0.095).sum(), (weight.abs() < 0.005).sum()
    assert near / middle == pytest.approx(math.exp(-(1.95**2) / 2), rel=0.05)


def test_glorot_normal_has_its_deviation_after_the_cut():
    torch.manual_seed(0)
    weight = torch.empty(256, 128, 3, 3)
    glorot_normal_(weight)
    deviation = math.sqrt(2 / ((256 + 128) * 9))
    assert weight.std().item() == pytest.approx(deviation, rel=0.01)
    assert weight.abs().max() <= 2 * deviation / 0.8796 + 1e-6


def test_a_layer_gets_weights_and_bias():
    layer = nn.Linear(3, 2)
    initialise(layer, nn.init.ones_, 0.1)
    assert layer.weight.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert torch.equal(layer.bias, torch.full((2,), 0.1))
