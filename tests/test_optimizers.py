"""Rules by name, optimizers by import path, and hyperparameters that fail by name."""

import pytest
import torch

from harness.errors import ConfigError
from harness.training import optimizers
from harness.training.flat import flatten
from harness.training.rules import RULES


class Signum(torch.optim.Optimizer):
    """A user's own optimizer: the sign of the gradient."""

    def __init__(self, params, lr, scale=1.0):
        super().__init__(params, {"lr": lr, "scale": scale})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.sub_(group["lr"] * group["scale"] * parameter.grad.sign())


class Pair(Signum):
    """One that cannot do without its betas."""

    def __init__(self, params, lr, betas):
        super().__init__(params, lr, scale=sum(betas))


class TwoBetas(Signum):
    """One that takes them one by one."""

    def __init__(self, params, lr, beta1, beta2=0.5):
        super().__init__(params, lr, scale=beta1 + beta2)


def test_known_rules_pass_with_all_their_hyperparameters():
    for name, rule in RULES.items():
        optimizers.check(name, rule.hyperparameters)
    optimizers.check("torch.optim.AdamW", ["lr", "beta1", "beta2", "eps", "weight_decay"])
    optimizers.check("torch.optim.AdamW", ["lr"])
    optimizers.check("tests.test_optimizers.Signum", ["lr"])
    optimizers.check("tests.test_optimizers.Pair", ["lr", "beta1", "beta2"])
    optimizers.check("tests.test_optimizers.TwoBetas", ["lr", "beta1"])


@pytest.mark.parametrize(
    ("rule", "names", "message"),
    [
        ("adamm", ["lr"], r"optimizer\.rule 'adamm' is not one of: adadelta, adagrad, adam"),
        ("sgd", ["lr", "momentum"], r"hyperparameter of sgd 'momentum' is not one of: lr"),
        ("momentum", ["lr"], r"momentum needs momentum, and the search space gives only lr"),
        ("adam", ["beta1", "beta2", "eps"], r"adam needs lr"),
        ("torch.optim.AdamW", ["lr", "rho"], r"'rho' is not one of: .*beta1, beta2.*weight_decay"),
        ("torch.optim.NoSuch", ["lr"], r"cannot be imported"),
        ("no_such_module.Thing", ["lr"], r"'no_such_module\.Thing' cannot be imported"),
        ("torch.nn.Linear", ["lr"], r"is not a torch\.optim\.Optimizer"),
        ("tests.test_optimizers.Signum", [], r"Signum needs lr"),
        ("torch.optim.AdamW", ["lr", "beta1"], r"AdamW needs beta2, .* gives only beta1, lr; add"),
        ("torch.optim.AdamW", ["lr", "beta2"], r"AdamW needs beta1, .* gives only beta2, lr; add"),
        ("tests.test_optimizers.Pair", ["lr"], r"Pair needs beta1, .* gives only lr; add"),
        ("tests.test_optimizers.TwoBetas", ["lr"], r"TwoBetas needs beta1, .* gives only lr; add"),
    ],
)
def test_mistakes_are_named(rule, names, message):
    with pytest.raises(ConfigError, match=message) as error:
        optimizers.check(rule, names)
    assert "\n" not in str(error.value)


def small_model():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last),
        torch.nn.Flatten(),
        torch.nn.Linear(16, 2),
    )


def train(rule, hyper, steps=5):
    model = small_model()
    parameters = flatten(model)
    stepper = optimizers.build(rule, model, parameters, hyper)
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        parameters.gradients.zero_()
        model(x).square().sum().backward()
        stepper.step(hyper["lr"])
    return parameters.values.clone()


def test_a_rule_and_its_torch_twin_train_alike():
    ours = train("momentum", {"lr": 0.01, "momentum": 0.9})
    theirs = train("torch.optim.SGD", {"lr": 0.01, "momentum": 0.9})
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_betas_reach_torch_as_a_pair():
    hyper = {"lr": 0.01, "beta1": 0.5, "beta2": 0.9, "eps": 1e-8}
    model = small_model()
    stepper = optimizers.build("torch.optim.AdamW", model, flatten(model), hyper)
    assert stepper.optimizer.param_groups[0]["betas"] == (0.5, 0.9)


@pytest.mark.parametrize("name", ["Pair", "TwoBetas"])
def test_betas_reach_a_users_own_optimizer_as_it_takes_them(name):
    start = flatten(small_model()).values
    hyper = {"lr": 0.01, "beta1": 0.75, "beta2": 0.5}
    moved = (train(f"tests.test_optimizers.{name}", hyper, steps=1) - start).abs()
    assert moved.max() == pytest.approx(0.01 * 1.25, rel=1e-3)


def test_a_users_own_optimizer_moves_the_flat_vector():
    start = flatten(small_model()).values
    end = train("tests.test_optimizers.Signum", {"lr": 0.01}, steps=1)
    moved = (end - start).abs()
    assert moved.max() == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("rule", ["adam", "torch.optim.AdamW"])
def test_state_saved_and_loaded_continues_to_the_bit(rule):
    hyper = {"lr": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}

    def steps(stepper, parameters, numbers):
        for number in numbers:
            parameters.gradients.copy_(torch.full_like(parameters.values, 0.1 * number))
            stepper.step(0.01)

    straight_model = small_model()
    straight = flatten(straight_model)
    steps(optimizers.build(rule, straight_model, straight, hyper), straight, range(6))

    first_model = small_model()
    first = flatten(first_model)
    stepper = optimizers.build(rule, first_model, first, hyper)
    steps(stepper, first, range(3))
    second_model = small_model()
    second = flatten(second_model)
    second.values.copy_(first.values)
    resumed = optimizers.build(rule, second_model, second, hyper)
    resumed.load_state_dict(stepper.state_dict())
    steps(resumed, second, range(3, 6))
    assert torch.equal(straight.values, second.values)


# --- one flat vector -------------------------------------------------------------------------------


def test_parameters_and_gradients_are_views_of_one_vector():
    model = small_model()
    before = model(torch.ones(1, 3, 4, 4))
    parameters = flatten(model)
    assert parameters.values.numel() == sum(p.numel() for p in model.parameters())
    torch.testing.assert_close(model(torch.ones(1, 3, 4, 4)), before)
    model(torch.ones(1, 3, 4, 4)).sum().backward()
    for parameter in model.parameters():
        inside = parameters.values.data_ptr() <= parameter.data_ptr()
        assert inside
        assert parameter.grad is not None
    assert parameters.gradients.abs().sum() > 0
    total = sum(p.grad.abs().sum() for p in model.parameters())
    torch.testing.assert_close(parameters.gradients.abs().sum(), total)
    parameters.values.zero_()
    assert all((p == 0).all() for p in model.parameters())


def test_channels_last_weights_keep_their_strides():
    model = small_model()
    strides = model[0].weight.stride()
    flatten(model)
    assert model[0].weight.stride() == strides
    assert model[0].weight.grad.stride() == strides


def test_frozen_parameters_stay_out():
    model = small_model()
    model[0].weight.requires_grad_(False)
    assert flatten(model).values.numel() == sum(
        p.numel() for p in model.parameters() if p.requires_grad
    )
