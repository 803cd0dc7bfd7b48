"""The effective learning rate: closed forms in the limits, others' classes, and what has none."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from harness.errors import ConfigError
from harness.training import effective_rate
from harness.training.effective_rate import (
    gradient_scale,
    in_learning_rates,
    unit_rate,
    unit_rates,
)
from harness.training.rules import RULES
from workloads.models.small_cnn import small_cnn

S, STEPS = 0.02, 400
T = round(effective_rate.AT_SHARE * STEPS)


def config(optimizer, **further):
    node = {"name": "tested", **(optimizer if isinstance(optimizer, dict) else {"rule": optimizer})}
    return {
        "optimizer": node, "schedule": {"name": "linear"}, "workload": {"steps": STEPS},
        "gradient_scale": S, **further,
    }  # fmt: skip


def model():
    return small_cnn(4, 10)


def unit(optimizer, point, group=""):
    return unit_rate(config(optimizer), point, S, model, group)


CLOSED = [
    ("sgd", {}, 1.0),
    ("momentum", {"one_minus_momentum": 0.1}, (1 - 0.9**T) / 0.1),
    ("momentum", {"one_minus_momentum": 1e-3}, (1 - 0.999**T) / 1e-3),
    ("nesterov", {"one_minus_momentum": 0.1}, 0.9 * (1 - 0.9**T) / 0.1 + 1),
    # RMSProp at rho = 1, eps = 0, Momentum exactly: v starts at 1
    (
        "rmsprop",
        {"one_minus_momentum": 0.1, "one_minus_rho": 0.0, "eps": 0.0},
        (1 - 0.9**T) / 0.1,
    ),
    (
        "rmsprop",
        {"one_minus_momentum": 0.1, "one_minus_rho": 1e-2, "eps": 1e10},
        (1 - 0.9**T) / 0.1 / 1e5,
    ),
    # Adam with eps → ∞: lr · b(t) · m / eps, of which b's denominator cancels m's
    (
        "adam",
        {"one_minus_beta1": 0.1, "one_minus_beta2": 1e-2, "eps": 1e10},
        math.sqrt(1 - 0.99**T) / 1e10,
    ),
    # and with eps → 0: the sign
    ("adam", {"one_minus_beta1": 0.1, "one_minus_beta2": 1e-2, "eps": 1e-14}, 1 / S),
    ("adam", {"one_minus_beta1": 1.0, "one_minus_beta2": 1.0, "eps": 1e-14}, 1 / S),
    ("torch.optim.SGD", {"momentum": 0.9}, (1 - 0.9**T) / 0.1),
    ("torch.optim.Adam", {"beta1": 0.9, "beta2": 0.99, "eps": 1e-14}, 1 / S),
]


@pytest.mark.parametrize(("rule", "point", "expected"), CLOSED)
def test_the_unit_rate_is_the_closed_form(rule, point, expected):
    assert unit(rule, point) == pytest.approx(expected, rel=1e-6)


def test_a_limit_has_the_rate_of_what_it_approaches():
    """The image of an effective rate under an inclusion is that effective rate."""
    lr, gamma = 0.3, 0.1
    eps = 1e8
    momentum = lr * unit("momentum", {"one_minus_momentum": gamma})
    adam = {"one_minus_beta1": gamma, "one_minus_beta2": 0.5, "eps": eps}
    as_adam = lr * eps / gamma * unit("adam", adam)
    assert as_adam == pytest.approx(momentum, rel=1e-4)


def test_weight_decay_is_no_answer_to_a_gradient():
    plain = unit("torch.optim.AdamW", {"weight_decay": 0.0})
    assert unit("torch.optim.AdamW", {"weight_decay": 0.5}) == plain
    assert unit("torch.optim.AdamW", {}) == plain  # whose default is 0.01


def test_matrices_are_looked_at_on_the_models_own_shapes():
    groups = {
        "matrices": {"rule": "torch.optim.Muon", "where": {"kind": "convolution"}, "as_matrices": True},
        "rest": {"rule": "torch.optim.AdamW", "where": "rest"},
    }  # fmt: skip
    found = unit({"groups": groups}, {"matrices.one_minus_momentum": 0.1}, "matrices")
    # Orthogonal to Muon's accuracy: the root mean square of an entry is about 1/√columns, times its own factor
    assert 0.05 / S < found < 1 / S
    of_rest = unit({"groups": groups}, {"rest.beta1": 0.9, "rest.beta2": 0.99}, "rest")
    assert of_rest == pytest.approx(1 / S, rel=1e-3)


def test_the_rate_is_the_same_whatever_was_drawn_before():
    groups = {"all": {"rule": "torch.optim.Muon", "where": {"kind": "convolution"}, "as_matrices": True},
              "rest": {"rule": "torch.optim.AdamW", "where": "rest"}}  # fmt: skip
    found = set()
    for seed in range(8):  # a step is after - before, which the weights round
        torch.manual_seed(seed)
        found.add(unit({"groups": groups}, {"all.one_minus_momentum": 0.1}, "all"))
    assert len(found) == 1


def test_a_step_that_is_not_proportional_to_lr_has_none():
    with pytest.raises(
        ConfigError,
        match=r"torch.optim.Rprop makes steps that are not proportional to lr .* search lr",
    ):
        unit("torch.optim.Rprop", {})


def test_a_point_in_learning_rates_keeps_the_rest_in_place():
    point = {"effective_lr": 0.5, "one_minus_momentum": 0.1, "end_factor": 0.01}
    found = in_learning_rates(config("momentum"), point, model)
    assert list(found) == ["lr", "one_minus_momentum", "end_factor"]
    assert found["lr"] == pytest.approx(0.05, rel=1e-4)
    assert found["end_factor"] == 0.01


def test_a_point_without_the_coordinate_is_given_back():
    point = {"lr_over_eps": 0.5, "eps": 1e-3}
    assert in_learning_rates({}, point, model) == point


@pytest.mark.parametrize("rule", sorted(RULES))
def test_many_at_once_are_each_alone(rule):
    values = {"momentum": 0.5, "rho": 0.8, "beta1": 0.7, "beta2": 0.9, "eps": 1e-3}
    names = [name for name in RULES[rule].hyperparameters if name != "lr"]
    points = [{name: values[name] * factor for name in names} for factor in (1.0, 0.3)]
    alone = [unit(rule, point) for point in points]
    assert unit_rates(config(rule), points, S, model) == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("scale", [1e-160, 1e-3, 0.7, 1e155])
def test_in_arrays_a_rule_makes_the_steps_of_its_stepper_to_the_bit(rule, scale):
    random = np.random.default_rng(0)
    names = [name for name in RULES[rule].hyperparameters if name != "lr"]
    for steps in (1, 2, 23):
        own = {n: 10 ** random.uniform(-9, 1) if n == "eps" else random.random() for n in names}
        found = effective_rate._last_steps(RULES[rule], own, (1.0, 0.5), steps, scale)
        for lr, last in found.items():
            zero, g = (torch.full((1,), each, dtype=torch.float64) for each in (0.0, scale))
            stepper = effective_rate._stepper({"rule": rule}, own, lr, [zero])
            expected = effective_rate._last_step(stepper, [g], steps)
            assert torch.equal(torch.from_numpy(last), expected) or expected.isnan().all()


def test_running_it_leaves_random_numbers_as_they_were():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    unit("torch.optim.Adam", {"beta1": 0.9, "beta2": 0.5})
    assert torch.equal(torch.rand(2), expected)


class Linear:
    """A task whose loss is c · Σ θ, so that every gradient is c."""

    def __init__(self, c):
        self.c = c

    def model(self):
        return nn.Linear(3, 2)

    def train_loss(self, model, step, data_seed, carry):
        return self.c * sum(p.sum() for p in model.parameters()), carry


def test_the_gradient_scale_is_the_root_mean_square():
    assert gradient_scale(Linear(0.25)) == pytest.approx(0.25)
