"""All-CNN-C of Springenberg et al. (arXiv:1412.6806), as DeepOBS has it (`cifar100_allcnnc`)."""

from __future__ import annotations

from torch import Tensor, nn

from workloads.models.initialisation import glorot_normal_, initialise

BIAS = 0.1


class AllCNN(nn.Module):
    """[batch, 3, 32, 32] -> [batch, num_classes]. Width 96, 100 classes: 1,387,108 parameters.

    Three convolutions of `width` channels, the others of twice as many (96 and 192 in the paper;
    fewer are ours, for a laptop).

    A ReLU follows every convolution, the last too: no logit is negative. Weights start Glorot
    normal, biases at .1.
    """

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        double = 2 * width
        self.layers = nn.Sequential(
            nn.Dropout(0.2),
            *_convolution(3, width),
            *_convolution(width, width),
            *_halving(width, width),
            nn.Dropout(0.5),
            *_convolution(width, double),
            *_convolution(double, double),
            *_halving(double, double),
            nn.Dropout(0.5),
            *_convolution(double, double, padding=0),
            *_convolution(double, double, kernel=1, padding=0),
            *_convolution(double, num_classes, kernel=1, padding=0),
        )
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                initialise(layer, glorot_normal_, BIAS)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).mean((2, 3))


def _convolution(inputs: int, outputs: int, kernel: int = 3, padding: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.ReLU()]


def _halving(inputs: int, outputs: int) -> list[nn.Module]:
    """With stride 2. TensorFlow's "same" then adds a row below and a column to the right only."""
    return [nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(inputs, outputs, 3, stride=2), nn.ReLU()]
