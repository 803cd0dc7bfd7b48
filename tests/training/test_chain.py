"""The training step as a chain: each link gets its hyperparameters, and keeps its state by name."""

import pytest
import torch
from torch import nn

from harness.errors import ConfigError
from harness.training import chain
from harness.training.chain import Chain
from harness.training.rules import RULES

HYPERPARAMETERS = {
    "lr": 0.1, "momentum": 0.9, "rho": 0.95, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3, "l2": 0.3,
    "decay_steps_factor": 0.5, "end_factor": 0.1,
}  # fmt: skip
BY_CLASS = {"torch.optim.SGD": ("lr", "momentum"), "torch.optim.AdamW": ("lr", "beta1", "beta2")}
OPTIMIZERS = {**{name: each.hyperparameters for name, each in RULES.items()}, **BY_CLASS}
INPUTS = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))


def hyperparameters(rule, *further):
    return {name: HYPERPARAMETERS[name] for name in (*OPTIMIZERS[rule], *further)}


def made(rule, *further, schedule="linear", steps=10):
    """(model, chain) at their start."""
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    return model, Chain(rule, schedule, model, hyperparameters(rule, *further), steps)


def train(model, links, steps, penalty=0.0):
    """Steps on the squared outputs; with a penalty, of half the squared norm too."""
    for step in steps:
        loss = model(INPUTS).square().mean()
        if penalty:
            loss = loss + penalty * sum(p.square().sum() for p in model.parameters()) / 2
        links.clear()
        loss.backward()
        links.advance(step)
    return torch.cat([p.detach().flatten() for p in model.parameters()])


# --- which hyperparameter belongs where ------------------------------------------------------------


def test_each_hyperparameter_belongs_to_one_link():
    given = {name: HYPERPARAMETERS[name] for name in ("end_factor", "l2", "momentum", "lr")}
    gradient, optimizer, schedule = chain.parts("linear", given)
    assert gradient == {"l2": 0.3}
    assert optimizer == {"lr": 0.1, "momentum": 0.9}
    assert schedule == {"end_factor": 0.1}


def test_what_no_schedule_takes_is_the_optimizers():
    assert chain.parts("constant", {"lr": 0.1, "end_factor": 0.1}).optimizer == {
        "lr": 0.1, "end_factor": 0.1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "schedule", "names", "says"),
    [
        ("sgd", "linear", ["lr", "warm_up"], r"hyperparameter of sgd 'warm_up' is not one of: lr"),
        ("sgd", "constant", ["lr", "end_factor"], r"hyperparameter of sgd 'end_factor' is not one"),
        ("sgd", "linear", ["end_factor"], r"sgd needs lr, and the search space gives only nothing"),
        ("sgd", "cosin", ["lr"], r"schedule.name 'cosin' is not one of: constant, cosine"),
        ("tests.training.test_optimizers.WithoutRate", "linear", [],
         r"WithoutRate takes no lr, so schedule.name=linear cannot change it; use schedule=constant"),
    ],
)  # fmt: skip
def test_mistakes_are_named_before_anything_is_built(rule, schedule, names, says):
    with pytest.raises(ConfigError, match=says) as error:
        chain.check(rule, schedule, dict.fromkeys(names, 0.0))
    assert "\n" not in str(error.value)


def test_an_optimizer_without_a_learning_rate_keeps_a_constant_one():
    chain.check("tests.training.test_optimizers.WithoutRate", "constant", {"scale": 1.0})


def test_a_schedule_takes_the_axes_it_names():
    chain.check_axes("linear", ["end_factor"])
    says = r"axis of schedule linear 'warm_up' is not one of: decay_steps_factor, end_factor, "
    with pytest.raises(ConfigError, match=says):
        chain.check_axes("linear", ["end_factor", "warm_up"])
    with pytest.raises(
        ConfigError, match=r"axis of schedule constant 'end_factor' is not one of: warmup_factor"
    ):
        chain.check_axes("constant", ["end_factor"])


# --- a step ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_l2_is_the_gradient_of_half_the_squared_norm(rule):
    """Before the rule, so that an adaptive one scales it too: as if the loss had held it."""
    regularised = train(*made(rule, "l2"), range(5))
    penalised = train(*made(rule), range(5), penalty=HYPERPARAMETERS["l2"])
    torch.testing.assert_close(regularised, penalised, rtol=1e-5, atol=1e-6)
    plain = train(*made(rule), range(5))
    assert (plain - regularised).abs().max() > 1e-4


def test_without_l2_not_a_bit_changes():
    model, links = made("adam")
    links.transforms = chain.Transforms({"l2": 0.0})
    assert torch.equal(train(model, links, range(5)), train(*made("adam"), range(5)))


def test_the_schedule_scales_the_learning_rate_of_a_step():
    model, links = made("sgd", "decay_steps_factor", "end_factor")
    expected = [0.1, 0.082, 0.064, 0.046, 0.028, *[0.01] * 5]
    assert [links.learning_rate(step) for step in range(10)] == pytest.approx(expected)
    for step in (0, 3, 9):
        links.clear()
        before = model.weight.detach().clone()
        model(INPUTS).square().mean().backward()
        gradient = model.weight.grad.clone()
        links.advance(step)
        torch.testing.assert_close(before - model.weight, expected[step] * gradient)


def test_a_constant_schedule_leaves_the_learning_rate():
    _, links = made("sgd", schedule="constant")
    assert {links.learning_rate(step) for step in range(10)} == {0.1}


def test_a_users_own_schedule():
    _, links = made("sgd", schedule="tests.training.test_schedule.halving")
    assert [links.learning_rate(step) for step in range(4)] == [0.1, 0.1, 0.05, 0.05]


# --- state by name ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
def test_each_links_state_has_its_names(rule):
    model, links = made(rule, "l2")
    train(model, links, range(3))
    state = links.state_dict()
    assert list(state) == ["gradient", "optimizer", "averaging"]
    assert state["gradient"] == {"l2": {}}
    assert state["optimizer"]["t"] == 3
    assert list(state["optimizer"]["state"]) == list(RULES[rule].initial_state)
    assert all(each.shape == (8,) for each in state["optimizer"]["state"].values())
    assert state["averaging"] == {}


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_a_chain_goes_on_where_its_state_was_saved(rule):
    further = ("l2", "decay_steps_factor", "end_factor")
    whole = train(*made(rule, *further), range(8))
    first, links = made(rule, *further)
    train(first, links, range(4))
    second, resumed = made(rule, *further)
    train(second, resumed, range(2))  # whatever it did before
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(links.state_dict())
    assert torch.equal(train(second, resumed, range(4, 8)), whole)


@pytest.mark.parametrize("link", ["gradient", "optimizer", "averaging"])
def test_a_state_without_one_of_its_links_is_refused(link):
    state = made("adam")[1].state_dict()
    del state[link]
    with pytest.raises(KeyError, match=link):
        made("adam")[1].load_state_dict(state)


def test_evaluation_sees_the_last_parameters():
    model, links = made("momentum")
    after = train(model, links, range(3))
    with links.evaluated():
        seen = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert torch.equal(seen, after)
