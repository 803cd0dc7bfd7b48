"""Rules by name, optimizers by import path, and hyperparameters that fail by name."""

import pytest
import torch
from torch import nn

from harness.errors import ConfigError
from harness.training import optimizers
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


class WithoutRate(torch.optim.Optimizer):
    """One that has no learning rate."""

    def __init__(self, params, scale=1.0):
        super().__init__(params, {"scale": scale})


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
    optimizers.check("tests.training.test_optimizers.Signum", ["lr"])
    optimizers.check("tests.training.test_optimizers.Pair", ["lr", "beta1", "beta2"])
    optimizers.check("tests.training.test_optimizers.TwoBetas", ["lr", "beta1"])


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
        ("tests.training.test_optimizers.Signum", [], r"Signum needs lr"),
        ("torch.optim.AdamW", ["lr", "beta1"], r"AdamW needs beta2, .* gives only beta1, lr; add"),
        ("torch.optim.AdamW", ["lr", "beta2"], r"AdamW needs beta1, .* gives only beta2, lr; add"),
        ("tests.training.test_optimizers.Pair", ["lr"], r"Pair needs beta1, .* gives only lr; add"),
        (
            "tests.training.test_optimizers.TwoBetas",
            ["lr"],
            r"TwoBetas needs beta1, .* gives only lr; add",
        ),
    ],
)
def test_mistakes_are_named(rule, names, message):
    with pytest.raises(ConfigError, match=message) as error:
        optimizers.check(rule, names)
    assert "\n" not in str(error.value)


def test_only_a_class_without_lr_has_nothing_for_a_schedule_to_change():
    assert optimizers.takes_lr("sgd")
    assert optimizers.takes_lr("torch.optim.AdamW")
    assert not optimizers.takes_lr("tests.training.test_optimizers.WithoutRate")


# --- steps -----------------------------------------------------------------------------------------


def small_model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last), nn.Flatten(), nn.Linear(16, 2)
    )


def train(rule, hyper, steps=5, factor=1.0, model=None, prepare=lambda model: None):
    """All parameters after some steps, as one vector."""
    model = model or small_model()
    prepare(model)
    stepper = optimizers.build(rule, model, hyper)
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        stepper.clear()
        model(x).square().sum().backward()
        stepper.step(stepper.gradients(), factor)
    return vector(model)


def vector(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_a_rule_and_its_torch_twin_train_alike():
    ours = train("momentum", {"lr": 0.01, "momentum": 0.9})
    theirs = train("torch.optim.SGD", {"lr": 0.01, "momentum": 0.9})
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rule", ["adam", "torch.optim.AdamW"])
def test_a_step_at_a_factor_is_one_at_that_learning_rate(rule):
    hyper = {"beta1": 0.9, "beta2": 0.99, "eps": 1e-3}
    slow = train(rule, {**hyper, "lr": 0.04}, factor=0.25)
    assert torch.equal(slow, train(rule, {**hyper, "lr": 0.01}))


def test_betas_reach_torch_as_a_pair():
    hyper = {"lr": 0.01, "beta1": 0.5, "beta2": 0.9, "eps": 1e-8}
    stepper = optimizers.build("torch.optim.AdamW", small_model(), hyper)
    assert stepper.optimizer.param_groups[0]["betas"] == (0.5, 0.9)


def test_whole_numbers_and_flags_reach_a_class_as_its_defaults_are():
    hyper = {"lr": 0.01, "momentum": 0.9, "nesterov": 1.0}
    stepper = optimizers.build("torch.optim.SGD", small_model(), hyper)
    assert stepper.optimizer.param_groups[0]["nesterov"] is True


@pytest.mark.parametrize(
    ("name", "further", "scale"),
    [("Signum", {}, 1), ("Pair", {"beta1": 0.75, "beta2": 0.5}, 1.25),
     ("TwoBetas", {"beta1": 0.75, "beta2": 0.5}, 1.25)],
)  # fmt: skip
def test_a_users_own_optimizer_moves_the_parameters(name, further, scale):
    start = vector(small_model())
    end = train(f"tests.training.test_optimizers.{name}", {"lr": 0.01, **further}, steps=1)
    assert (end - start).abs().max() == pytest.approx(0.01 * scale, rel=1e-3)


def test_a_class_that_keeps_its_gradients_gets_fresh_ones():
    """Handed anew for each step, and zero where a parameter took no part in the loss."""
    model = nn.ModuleList([nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)])
    hyper = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}
    stepper = optimizers.build("torch.optim.SGD", model, hyper)
    for parameter in model.parameters():
        parameter.data.fill_(1.0)
    stepper.clear()
    model[0](torch.ones(1, 1)).sum().backward()
    used, unused = stepper.gradients()
    assert (used.item(), unused.item()) == (1.0, 0.0)
    stepper.step([used, unused], 1.0)
    assert vector(model).tolist() == pytest.approx([1 - 0.1 * 1.1, 1 - 0.1 * 0.1])


@pytest.mark.parametrize("rule", ["adam", "torch.optim.AdamW"])
def test_frozen_parameters_stay_as_they_are(rule):
    def freeze(model):
        model[0].weight.requires_grad_(False)

    before, model = small_model()[0].weight.clone(), small_model()
    hyper = {"lr": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
    after = train(rule, hyper, model=model, prepare=freeze)
    assert torch.equal(model[0].weight, before)
    assert not torch.equal(after, vector(small_model()))


@pytest.mark.parametrize("rule", ["adam", "torch.optim.AdamW"])
def test_state_saved_and_loaded_continues_to_the_bit(rule):
    hyper = {"lr": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}

    def steps(stepper, numbers):
        for number in numbers:
            stepper.step([torch.full_like(each, 0.1 * number) for each in stepper.values], 1.0)

    straight = small_model()
    steps(optimizers.build(rule, straight, hyper), range(6))

    first, second = small_model(), small_model()
    stepper = optimizers.build(rule, first, hyper)
    steps(stepper, range(3))
    second.load_state_dict(first.state_dict())
    resumed = optimizers.build(rule, second, hyper)
    resumed.load_state_dict(stepper.state_dict())
    steps(resumed, range(3, 6))
    assert torch.equal(vector(straight), vector(second))


def test_a_rules_state_is_saved_by_name():
    hyper = {"lr": 0.1, "momentum": 0.9, "rho": 0.9, "eps": 1.0}
    state = optimizers.build("rmsprop", small_model(), hyper).state_dict()
    assert (state["t"], list(state["state"])) == (0, ["v", "m"])
    del state["state"]["m"]
    with pytest.raises(KeyError, match="m"):
        optimizers.build("rmsprop", small_model(), hyper).load_state_dict(state)
