import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from workloads.models.resnet import BasicBlock, ResNet


def he_parameter_count(depth: int, width: int) -> int:
    """Option A: 3x3 convolutions without bias, two per channel of batch norm, one linear layer."""
    widths = [3, width] + [
        w for w in (width, 2 * width, 4 * width) for _ in range((depth - 2) // 3)
    ]
    convolutions = pairwise(widths)
    return sum(9 * a * b + 2 * b for a, b in convolutions) + 4 * width * 10 + 10


@pytest.mark.parametrize(
    ("depth", "width", "parameters"),
    [(32, 16, 464_154), (20, 16, 269_722), (56, 16, 853_018), (8, 16, 75_290), (14, 4, None)],
)
def test_parameter_count(depth, width, parameters):
    count = sum(p.numel() for p in ResNet(depth, width, 10).parameters())
    assert count == he_parameter_count(depth, width)
    assert parameters is None or count == parameters


@pytest.mark.parametrize("depth", [8, 14, 20, 32, 56])
def test_the_depth_is_the_number_of_weight_layers(depth):
    modules = ResNet(depth, 2, 10).modules()
    assert sum(isinstance(m, torch.nn.Conv2d | torch.nn.Linear) for m in modules) == depth


def test_the_shortcut_is_every_second_pixel_and_zeros():
    block = BasicBlock(2, 4).eval()
    torch.nn.init.zeros_(block.bn2.weight)  # the residual branch gives nothing
    x = torch.rand(1, 2, 6, 6)
    out = block(x)
    assert torch.equal(out[:, :2], x[:, :, ::2, ::2])
    assert torch.equal(out[:, 2:], torch.zeros(1, 2, 3, 3))


def test_channels_last_gives_the_same_logits():
    torch.manual_seed(0)
    model, x = ResNet(8, 8, 10), torch.randn(4, 3, 32, 32)
    plain = model(x)
    last = model.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(last, plain, rtol=1e-4, atol=1e-5)


def test_gradient(assert_gradient_agrees):
    torch.manual_seed(0)
    model = ResNet(8, 2, 10).double()
    inputs, labels = torch.randn(6, 3, 32, 32, dtype=torch.float64), torch.arange(6)
    assert_gradient_agrees(model, lambda: F.cross_entropy(model(inputs), labels))


@pytest.mark.parametrize("seed", range(3))
def test_initial_loss(seed):
    torch.manual_seed(seed)
    model = ResNet(32, 16, 10)
    loss = F.cross_entropy(model(torch.randn(32, 3, 32, 32)), torch.randint(10, (32,)))
    # 15 blocks add up: the last features, and so the logits, are not small; 2.3 to 2.7 seen
    assert loss.item() == pytest.approx(math.log(10), abs=0.5)


def test_overfitting_one_batch():
    torch.manual_seed(0)
    model = ResNet(8, 8, 10)
    inputs, labels = torch.randn(16, 3, 32, 32), torch.randint(10, (16,))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01
