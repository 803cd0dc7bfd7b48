"""DeepOBS's *2c2d* (arXiv:1903.05499): two convolutions and two dense layers, for 28x28 images."""

from __future__ import annotations

from torch import nn

from workloads.models.initialisation import Layer, initialise, truncated_normal_

DEVIATION, BIAS = 0.05, 0.05


def cnn_2c2d(num_classes: int, width: int) -> nn.Sequential:
    """[batch, 1, 28, 28] -> [batch, num_classes]. Ten classes: 3,274,634 parameters.

    width: channels of the first convolution; the other layers are as much wider or narrower.

    Weights are normal with deviation .05, cut at twice that; biases are .05.
    """
    layers: list[Layer] = [
        nn.Conv2d(1, width, 5, padding=2),
        nn.Conv2d(width, 2 * width, 5, padding=2),
        nn.Linear(2 * width * 7 * 7, 32 * width),
        nn.Linear(32 * width, num_classes),
    ]
    for layer in layers:
        initialise(layer, lambda weight: truncated_normal_(weight, DEVIATION), BIAS)
    conv1, conv2, dense1, dense2 = layers
    return nn.Sequential(
        *(conv1, nn.ReLU(), nn.MaxPool2d(2)),
        *(conv2, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(dense1, nn.ReLU(), dense2),
    )
