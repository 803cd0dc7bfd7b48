"""Newton's method: exact on quadratics, drawn to saddles, refused for large models."""

import pytest
import torch
from torch import nn

from harness.training.newton import MOST_PARAMETERS, Newton

CURVATURE = torch.tensor([[4.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 2.0]], dtype=torch.float64)


def stepped(loss_of, *starts, steps=1, **hyperparameters):
    parameters = [nn.Parameter(torch.tensor(s, dtype=torch.float64)) for s in starts]
    optimizer = Newton(parameters, **hyperparameters)

    def closure():
        optimizer.zero_grad()
        with torch.enable_grad():
            loss = loss_of(*parameters)
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return [p.detach() for p in parameters]


def quadratic(a, b):
    theta = torch.cat([a, b.reshape(-1)])
    return theta @ CURVATURE @ theta / 2 + theta.sum()


def test_one_step_solves_a_quadratic_of_several_tensors():
    a, b = stepped(quadratic, [3.0, -1.0], [[2.0]])
    expected = -torch.linalg.solve(CURVATURE, torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(torch.cat([a, b.flatten()]), expected, rtol=0, atol=1e-8)


def test_a_saddle_attracts_it():
    (theta,) = stepped(lambda t: t[0] ** 2 / 2 + (t[1] ** 2 - 1) ** 2 / 4, [1.0, 0.2], steps=6)
    torch.testing.assert_close(theta, torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-6)


def test_damping_above_all_curvatures_turns_it_to_descent():
    (theta,) = stepped(
        lambda t: t[0] ** 2 / 2 + (t[1] ** 2 - 1) ** 2 / 4, [1.0, 0.2], steps=60, damping=2.0
    )
    torch.testing.assert_close(
        theta, torch.tensor([0.0, 1.0]).double(), rtol=0, atol=1e-3
    )  # the minimum


def test_the_damped_step_is_levenbergs():
    (theta,) = stepped(lambda t: (t**2).sum() * 2, [1.0, 2.0], lr=0.5, damping=1.0)
    expected = torch.tensor([1.0, 2.0]).double() * (1 - 0.5 * 4 / 5)
    torch.testing.assert_close(theta, expected, rtol=0, atol=1e-9)


def test_a_singular_curvature_moves_only_what_it_can():
    (theta,) = stepped(lambda t: t[0] ** 2 / 2 + 0 * t[1], [1.0, 2.0])
    torch.testing.assert_close(theta, torch.tensor([0.0, 2.0]).double(), rtol=0, atol=1e-8)


def test_many_parameters_are_refused():
    with pytest.raises(
        ValueError, match=r"takes 1000 parameters at most, and there are 1001; take"
    ):
        Newton([nn.Parameter(torch.zeros(MOST_PARAMETERS + 1))])
