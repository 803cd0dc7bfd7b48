"""Where Adagrad, Adadelta and AdaMax stand: each holds SGD or Momentum as its eps grows, at rate 1/eps."""

import numpy as np
import pytest
import torch

from harness.training.rules import RULES
from tests.training.test_rules import START, STEPS, cosh_valley, run

LR = 0.02


def gap(special, special_hyper, general, hyper_at, correct=lambda t: 1.0):
    """Largest distance of two trajectories; ``correct`` divides the general one's lr at step t."""
    expected = run(special, torch.tensor(START), cosh_valley, special_hyper)
    update, initial_state, *_ = RULES[general]
    theta, trajectory = torch.tensor(START), []
    state = [torch.full_like(theta, value) for value in initial_state.values()]
    for t in range(1, STEPS + 1):
        hyper = {**hyper_at, "lr": hyper_at["lr"] / correct(t)}
        step, *state = update(cosh_valley(theta), *state, t, **hyper)
        theta = theta - step
        trajectory.append(theta)
    return (torch.stack(trajectory) - expected).abs().max().item()


@pytest.mark.parametrize(
    ("general", "hyper_at"),
    [
        # s + eps in a sum of squares that grows: sqrt(s) stays below sqrt(STEPS)
        ("adagrad", lambda eps: {"lr": LR * eps, "eps": eps}),
        ("adadelta", lambda eps: {"lr": LR, "rho": 0.9, "eps": eps}),
    ],
)
def test_sgd_is_the_limit_of_adagrad_and_adadelta(general, hyper_at):
    gaps = [gap("sgd", {"lr": LR}, general, hyper_at(eps)) for eps in (1e3, 1e4, 1e5, 1e6)]
    assert gaps[-1] < 1e-4
    np.testing.assert_allclose(np.log10(np.array(gaps[:-1]) / gaps[1:]), 1.0, atol=0.05)


def test_momentum_is_the_limit_of_adamax_its_bias_correction_cancelled():
    def at(eps):
        hyper = {"lr": LR * eps / 0.1, "beta1": 0.9, "beta2": 0.99, "eps": eps}
        momentum = {"lr": LR, "momentum": 0.9}
        return gap("momentum", momentum, "adamax", hyper, correct=lambda t: 1 / (1 - 0.9**t))

    gaps = [at(eps) for eps in (1e2, 1e3, 1e4, 1e5)]
    assert gaps[-1] < 1e-3
    np.testing.assert_allclose(np.log10(np.array(gaps[:-1]) / gaps[1:]), 1.0, atol=0.05)


def test_adagrad_holds_no_momentum():
    """Nor does Adadelta: neither has a buffer of gradients. One step after a gradient of 0 tells."""
    g, zero = torch.ones(1), torch.zeros(1)
    _, v = RULES["momentum"].update(g, zero, 1, lr=1.0, momentum=0.9)
    assert RULES["momentum"].update(zero, v, 2, lr=1.0, momentum=0.9)[0] > 0
    _, s = RULES["adagrad"].update(g, zero, 1, lr=1.0, eps=1.0)
    assert RULES["adagrad"].update(zero, s, 2, lr=1.0, eps=1.0)[0] == 0
    _, *state = RULES["adadelta"].update(g, zero, zero, 1, lr=1.0, rho=0.9, eps=1.0)
    assert RULES["adadelta"].update(zero, *state, 2, lr=1.0, rho=0.9, eps=1.0)[0] == 0
