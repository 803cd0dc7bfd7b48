"""He et al.'s residual network for CIFAR (arXiv:1512.03385, section 4.2)."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _norm(channels: int, batch_norm: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if batch_norm else nn.Identity()


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut without parameters (the paper's option A)."""

    def __init__(self, width_in: int, width_out: int, batch_norm: bool = True) -> None:
        super().__init__()
        self.stride = 1 if width_in == width_out else 2
        self.new_channels = width_out - width_in
        self.conv1 = nn.Conv2d(width_in, width_out, 3, self.stride, padding=1, bias=False)
        self.bn1 = _norm(width_out, batch_norm)
        self.conv2 = nn.Conv2d(width_out, width_out, 3, padding=1, bias=False)
        self.bn2 = _norm(width_out, batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        residual = F.relu(self.bn1(self.conv1(x)))
        residual = self.bn2(self.conv2(residual))
        if self.new_channels:  # every second pixel; the new channels are zero
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))
        return F.relu(residual + x)


class ResNet(nn.Module):
    """[batch, 3, 32, 32] -> [batch, num_classes], with 6n+2 = `depth` layers.

    A 3x3 convolution, then three stages of n blocks at `width`, 2·`width` and 4·`width` channels
    and 32, 16 and 8 pixels, global average pooling and a linear layer. Depth 32 and width 16:
    464,154 parameters. Without `batch_norm`, which the paper has, nothing takes its place.
    """

    def __init__(self, depth: int, width: int, num_classes: int, batch_norm: bool = True) -> None:
        super().__init__()
        blocks_per_stage = (depth - 2) // 6
        self.conv = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn = _norm(width, batch_norm)
        widths = [width]
        for stage_width in (width, 2 * width, 4 * width):
            widths += [stage_width] * blocks_per_stage
        self.blocks = nn.Sequential(
            *(BasicBlock(*ends, batch_norm) for ends in itertools.pairwise(widths))
        )
        self.linear = nn.Linear(widths[-1], num_classes)
        self._initialise()

    def _initialise(self) -> None:
        """Convolutions as in He et al. (arXiv:1502.01852) with fan-out, as fb.resnet.torch does.

        The linear layer keeps torch's uniform(±1/sqrt(fan_in)) with a zero bias, again as there:
        with He's larger weights an untrained ResNet-32 is far from a loss of ln(classes).
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(F.relu(self.bn(self.conv(x))))
        return self.linear(torch.mean(x, dim=(2, 3)))
