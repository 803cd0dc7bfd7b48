import numpy as np
import torch

from workloads.models.quadratic import Quadratic


def test_it_is_the_quadratic_form_and_starts_at_one():
    matrix = torch.tensor([[2.0, 1.0], [1.0, 3.0]])
    model = Quadratic(matrix)
    x = torch.tensor([[0.0, 0.0], [1.0, 2.0], [3.0, -1.0]])
    expected = [0.5 * (1 - p) @ matrix.numpy() @ (1 - p) for p in x.numpy()]
    np.testing.assert_allclose(model(x).detach(), expected)
    assert [name for name, _ in model.named_parameters()] == ["theta"]
    assert model.theta.tolist() == [1, 1]


def test_gradient(assert_gradient_agrees):
    torch.manual_seed(0)
    root = torch.randn(5, 5, dtype=torch.float64)
    model, x = Quadratic(root @ root.T), torch.randn(7, 5, dtype=torch.float64)
    assert_gradient_agrees(model, lambda: model(x).mean())
