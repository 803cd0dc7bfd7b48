"""DeepOBS's *3c3d* (arXiv:1903.05499): three convolutions and three dense layers, for CIFAR."""

from __future__ import annotations

from torch import nn

from workloads.models.initialisation import glorot_normal_, initialise


def cnn_3c3d(num_classes: int) -> nn.Sequential:
    """[batch, 3, 32, 32] -> [batch, num_classes]. Ten classes: 895,210 parameters.

    Convolutions start Glorot normal, dense layers Glorot uniform, biases at 0.
    """
    convolutions = [
        nn.Conv2d(3, 64, 5),
        nn.Conv2d(64, 96, 3),
        nn.Conv2d(96, 128, 3, padding=1),
    ]
    dense = [nn.Linear(128 * 3 * 3, 512), nn.Linear(512, 256), nn.Linear(256, num_classes)]
    blocks: list[nn.Module] = []
    for convolution in convolutions:
        initialise(convolution, glorot_normal_, 0.0)
        # ceil_mode: TensorFlow's "same", which here adds a row below and a column to the right.
        blocks += [convolution, nn.ReLU(), nn.MaxPool2d(3, stride=2, ceil_mode=True)]
    for layer in dense:
        initialise(layer, nn.init.xavier_uniform_, 0.0)
    hidden1, hidden2, output = dense
    return nn.Sequential(*blocks, nn.Flatten(), hidden1, nn.ReLU(), hidden2, nn.ReLU(), output)
