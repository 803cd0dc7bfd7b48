import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workloads.models.vgg import vgg16


@pytest.mark.parametrize(("width", "parameters"), [(64, 15_253_578), (8, None)])
def test_parameter_count(width, parameters):
    """13 convolutions with biases, two numbers a channel of batch norm, three dense layers."""
    widths = [width * u for u in (1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 8, 8, 8)]
    expected = sum(9 * a * b + 3 * b for a, b in zip([3, *widths], widths, strict=False))
    expected += 2 * (8 * width + 1) * 8 * width + (8 * width + 1) * 10
    count = sum(p.numel() for p in vgg16(width, 10).parameters())
    assert count == expected
    assert parameters is None or count == parameters


def test_it_has_sixteen_weight_layers_and_dropout_before_the_first_two_dense_ones():
    layers = list(vgg16(2, 10))
    assert sum(isinstance(layer, nn.Conv2d | nn.Linear) for layer in layers) == 16
    dense = [i for i, layer in enumerate(layers) if isinstance(layer, nn.Linear)]
    assert [isinstance(layers[i - 1], nn.Dropout) for i in dense] == [True, True, False]
    assert [layer.p for layer in layers if isinstance(layer, nn.Dropout)] == [0.5, 0.5]
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in layers) == 5


def test_weights_start_he_normal_and_the_output_small():
    torch.manual_seed(0)
    for layer in (layers := list(vgg16(16, 10))):
        if isinstance(layer, nn.Conv2d):
            deviation = math.sqrt(2 / (9 * layer.out_channels))
            assert layer.weight.std().item() == pytest.approx(deviation, rel=0.1)
        elif isinstance(layer, nn.Linear) and layer is not layers[-1]:
            deviation = math.sqrt(2 / layer.in_features)
            assert layer.weight.std().item() == pytest.approx(deviation, rel=0.05)
    assert layers[-1].weight.std().item() == pytest.approx(0.01, rel=0.1)
    loss = F.cross_entropy(vgg16(8, 10)(torch.randn(64, 3, 32, 32)), torch.randint(10, (64,)))
    assert loss.item() == pytest.approx(math.log(10), abs=0.05)


def test_gradient(assert_gradient_agrees):
    torch.manual_seed(0)
    model = vgg16(2, 10).double()
    for layer in model:
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    inputs, labels = torch.randn(6, 3, 32, 32, dtype=torch.float64), torch.arange(6)
    assert_gradient_agrees(model, lambda: F.cross_entropy(model(inputs), labels))


def test_overfitting_twenty_examples(overfitted):
    torch.manual_seed(0)
    model = vgg16(8, 10)
    for layer in model:
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    assert overfitted(model, (3, 32, 32), lr=1e-3, steps=100, below=0.05)
