"""Networks of dense layers alone, for images small enough to be one vector."""

from __future__ import annotations

from torch import nn


def mlp(inputs: int, width: int, num_classes: int, batch_norm: bool = False) -> nn.Sequential:
    """[batch, ...] of `inputs` numbers -> [batch, num_classes], with one hidden layer of ReLUs.

    With `batch_norm` there is one before them: Ioffe and Szegedy (arXiv:1502.03167).

    He normal, and small output weights as in small_cnn.py: the initial loss is ln(num_classes).
    """
    hidden, output = nn.Linear(inputs, width), nn.Linear(width, num_classes)
    nn.init.kaiming_normal_(hidden.weight, nonlinearity="relu")
    nn.init.normal_(output.weight, std=0.01)
    for layer in (hidden, output):
        nn.init.zeros_(layer.bias)
    norm = (nn.BatchNorm1d(width),) if batch_norm else ()
    return nn.Sequential(nn.Flatten(), hidden, *norm, nn.ReLU(), output)


def logistic_regression(inputs: int, num_classes: int) -> nn.Sequential:
    """[batch, ...] of `inputs` numbers -> [batch, num_classes]: one layer, all weights 0.

    The loss is convex, so that a start needs no breaking of symmetry.
    """
    layer = nn.Linear(inputs, num_classes)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return nn.Sequential(nn.Flatten(), layer)
