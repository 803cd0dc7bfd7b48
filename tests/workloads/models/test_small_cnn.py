import math

import pytest
import torch
import torch.nn.functional as F

from workloads.models.small_cnn import small_cnn


@pytest.mark.parametrize(("width", "parameters"), [(16, 9_930), (8, 3_818)])
def test_parameter_count(width, parameters):
    assert sum(p.numel() for p in small_cnn(width, 10).parameters()) == parameters


def test_gradient(assert_gradient_agrees):
    torch.manual_seed(0)
    model = small_cnn(4, 10).double()
    inputs, labels = torch.randn(8, 1, 8, 8, dtype=torch.float64), torch.arange(8)
    assert_gradient_agrees(model, lambda: F.cross_entropy(model(inputs), labels))


def test_initial_loss_and_overfitting_one_batch():
    torch.manual_seed(0)
    model = small_cnn(16, 10)
    inputs, labels = torch.randn(64, 1, 8, 8), torch.randint(10, (64,))
    assert F.cross_entropy(model(inputs), labels).item() == pytest.approx(math.log(10), abs=0.05)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01
