"""VGG-16 (arXiv:1409.1556) for 32x32 images, as Wilson et al. (arXiv:1705.08292) trained it."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from torch import nn

from workloads.models.initialisation import initialise

# Convolutions of a stage, and their channels in units of `width`. A pooling follows each stage.
STAGES = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))
DROPOUT = 0.5

he_fan_in_ = partial(nn.init.kaiming_normal_, nonlinearity="relu")
he_fan_out_ = partial(nn.init.kaiming_normal_, mode="fan_out", nonlinearity="relu")


def vgg16(width: int, num_classes: int) -> nn.Sequential:
    """[batch, 3, 32, 32] -> [batch, num_classes]. Width 64, ten classes: 15,253,578 parameters.

    13 convolutions of 3x3 with batch norm, then three dense layers, of which the first two have
    8·`width` units and dropout before them. All start He normal (fan-out in convolutions), biases
    at 0; but the output weights are small, as in small_cnn.py (ours): the initial loss is then
    ln(num_classes), with He's it is 4 to 5. Ours, too: where Wilson et al.'s code has further
    dropout between convolutions, there is none.
    """
    channels = [3] + [width * units for count, units in STAGES for _ in range(count)]
    ends = {sum(count for count, _ in STAGES[: i + 1]) for i in range(len(STAGES))}
    layers: list[nn.Module] = []
    for place, (inputs, outputs) in enumerate(pairwise(channels), start=1):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
        if place in ends:
            layers.append(nn.MaxPool2d(2))
    hidden = channels[-1]
    layers.append(nn.Flatten())  # one pixel is left
    for _ in range(2):
        layers += [nn.Dropout(DROPOUT), nn.Linear(hidden, hidden), nn.ReLU()]
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            initialise(layer, he_fan_out_ if isinstance(layer, nn.Conv2d) else he_fan_in_, 0.0)
    output = nn.Linear(hidden, num_classes)
    initialise(output, partial(nn.init.normal_, std=0.01), 0.0)
    return nn.Sequential(*layers, output)
