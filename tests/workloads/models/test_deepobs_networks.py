"""2c2d, 3c3d and All-CNN-C: DeepOBS's networks."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workloads.models.all_cnn import AllCNN
from workloads.models.cnn_2c2d import cnn_2c2d
from workloads.models.cnn_3c3d import cnn_3c3d

NETWORKS = {
    "2c2d": (lambda: cnn_2c2d(10, 32), (1, 28, 28), 10, 3_274_634),
    "2c2d, narrow": (lambda: cnn_2c2d(10, 8), (1, 28, 28), 10, 206_954),
    "3c3d": (lambda: cnn_3c3d(10), (3, 32, 32), 10, 895_210),
    "All-CNN-C": (lambda: AllCNN(96, 100), (3, 32, 32), 100, 1_387_108),
}
FAST = {"2c2d": NETWORKS["2c2d"], "3c3d": NETWORKS["3c3d"]}
FAST["All-CNN-C"] = (lambda: AllCNN(16, 10), (3, 32, 32), 10, None)


@pytest.mark.parametrize("name", NETWORKS)
def test_parameter_count_and_shape(name):
    build, shape, classes, parameters = NETWORKS[name]
    model = build()
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert model(torch.randn(2, *shape)).shape == (2, classes)


@pytest.mark.parametrize("name", FAST)
def test_gradient(name, assert_gradient_agrees):
    torch.manual_seed(0)
    build, shape, _, _ = FAST[name]
    model = build().double().eval()  # without dropout, which draws anew each time
    inputs, labels = torch.randn(3, *shape, dtype=torch.float64), torch.arange(3)
    assert_gradient_agrees(model, lambda: F.cross_entropy(model(inputs), labels), h=1e-7)


@pytest.mark.parametrize("name", FAST)
def test_overfitting_twenty_examples(name, overfitted):
    """Of All-CNN-C most seeds leave a class or two whose logit the last ReLU holds at 0."""
    torch.manual_seed(4)
    build, shape, _, _ = FAST[name]
    steps = 120 if name == "All-CNN-C" else 60
    assert overfitted(build().eval(), shape, lr=1e-3, steps=steps, below=0.05)


def test_2c2d_starts_truncated_normal():
    torch.manual_seed(0)
    layers = [layer for layer in cnn_2c2d(10, 32) if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer in layers:
        assert layer.weight.abs().max() <= 0.1
        assert (layer.bias == 0.05).all()
    assert layers[2].weight.std().item() == pytest.approx(0.05 * 0.8796, rel=0.01)


def test_3c3d_starts_glorot():
    torch.manual_seed(0)
    layers = [layer for layer in cnn_3c3d(10) if isinstance(layer, nn.Conv2d | nn.Linear)]
    fans = [(75, 1600), (576, 864), (864, 1152), (1152, 512), (512, 256), (256, 10)]
    for layer, (fan_in, fan_out) in zip(layers, fans, strict=True):
        deviation = math.sqrt(2 / (fan_in + fan_out))
        assert layer.weight.std().item() == pytest.approx(deviation, rel=0.05)
        assert not layer.bias.any()
        if isinstance(layer, nn.Linear):  # uniform
            assert layer.weight.abs().max() <= math.sqrt(3) * deviation + 1e-6


def test_all_cnn_starts_glorot_normal_and_its_logits_are_not_negative():
    torch.manual_seed(0)
    model = AllCNN(96, 100)
    layers = [layer for layer in model.layers if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in layers] == [96] * 3 + [192] * 5 + [100]
    for layer in layers:
        fans = (layer.in_channels + layer.out_channels) * layer.kernel_size[0] ** 2
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / fans), rel=0.03)
        assert (layer.bias == torch.tensor(0.1)).all()
    assert (model(torch.randn(4, 3, 32, 32)) >= 0).all()


def same_padded(x, kernel, stride):
    """TensorFlow's "same": ceil(size / stride) outputs, the odd row and column at the end."""
    for dim in (2, 3):
        size = x.shape[dim]
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        pad = [0, 0, 0, 0]
        pad[2 * (3 - dim)], pad[2 * (3 - dim) + 1] = total // 2, total - total // 2
        x = F.pad(x, pad)
    return x


def test_3c3d_is_tensorflows():
    torch.manual_seed(1)
    model, x = cnn_3c3d(10), torch.randn(2, 3, 32, 32)
    conv1, conv2, conv3 = (layer for layer in model if isinstance(layer, nn.Conv2d))
    out = F.max_pool2d(same_padded(F.relu(F.conv2d(x, conv1.weight)), 3, 2), 3, 2)
    out = F.max_pool2d(same_padded(F.relu(F.conv2d(out, conv2.weight)), 3, 2), 3, 2)
    out = F.conv2d(same_padded(out, 3, 1), conv3.weight)
    out = F.max_pool2d(same_padded(F.relu(out), 3, 2), 3, 2)
    assert out.shape == (2, 128, 3, 3)
    dense1, dense2, dense3 = (layer for layer in model if isinstance(layer, nn.Linear))
    out = dense3(F.relu(dense2(F.relu(dense1(out.flatten(1))))))
    torch.testing.assert_close(model(x), out)


def test_all_cnn_halves_as_tensorflow():
    torch.manual_seed(1)
    model, x = AllCNN(8, 5).eval(), torch.randn(2, 3, 32, 32)
    out = x
    for layer in (layer for layer in model.layers if isinstance(layer, nn.Conv2d)):
        kernel, stride = layer.kernel_size[0], layer.stride[0]
        valid = out.shape[2] == 8 and kernel == 3 and layer is model.layers[-6]
        padded = out if valid else same_padded(out, kernel, stride)
        out = F.relu(F.conv2d(padded, layer.weight, layer.bias, stride))
    assert out.shape == (2, 5, 6, 6)
    torch.testing.assert_close(model(x), out.mean((2, 3)))


def test_dropout_is_where_the_paper_has_it():
    rates = [layer.p for layer in AllCNN(2, 2).layers if isinstance(layer, nn.Dropout)]
    assert rates == [0.2, 0.5, 0.5]
