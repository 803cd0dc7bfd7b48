"""Late gradients: which arrives when, that none is lost or used twice, and zero delay to the bit."""

import numpy as np
import pytest
import torch

from harness.errors import ConfigError
from harness.training import chain
from harness.training.chain import Chain
from harness.training.gradient import Transforms
from harness.training.many_workers import Downpour
from tests.training.made_up import MadeUpTask, resumed, trained, training, vector

ADAM = {"lr": 0.05, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3}


def arrivals(steps, **hyperparameters):
    """The number of the step whose gradient arrives in each step; None where none does."""
    transforms, values = Transforms(hyperparameters, seed=5), [torch.zeros(1)]
    found = []
    for t in range(1, steps + 1):
        got = transforms([torch.tensor([float(t)])], values, t)
        found.append(int(got[0]) if got else None)
    return found


@pytest.mark.parametrize("delay", [1, 2, 7])
def test_a_fixed_delay_is_that_of_every_gradient(delay):
    assert arrivals(20, delay=float(delay)) == [None] * delay + list(range(1, 21 - delay))


def test_a_delay_between_whole_numbers_is_rounded():
    assert arrivals(9, delay=2.4) == arrivals(9, delay=2.0)


def test_drawn_delays_use_each_gradient_once_and_have_that_mean():
    tau, steps = 4, 6000
    found = arrivals(steps, delay=float(tau), delay_drawn=1.0)
    used = [each for each in found if each is not None]
    assert found[:tau] == [None] * tau
    assert len(set(used)) == len(used) == steps - tau
    delays = np.array([t - each for t, each in enumerate(found, 1) if each is not None])
    assert delays.mean() == pytest.approx(tau, abs=0.3)
    assert (delays == 0).mean() == pytest.approx(1 / (tau + 1), abs=0.02)  # geometric
    assert arrivals(50, delay=4.0, delay_drawn=1.0) == found[:50]


def test_zero_delay_changes_not_a_bit():
    plain, zero = trained("adam", ADAM), trained("adam", {**ADAM, "delay": 0.0})
    assert torch.equal(vector(plain), vector(zero))
    assert plain.final == zero.final


@pytest.mark.parametrize("drawn", [0.0, 1.0])
@pytest.mark.parametrize("rule", ["adam", "torch.optim.AdamW"])
def test_an_interrupted_trial_goes_on_with_what_was_on_the_way(rule, drawn):
    own = ADAM if rule == "adam" else {"lr": 0.05}
    point = {**own, "delay": 3.0, "delay_drawn": drawn}
    whole, second = trained(rule, point), resumed(rule, point)
    assert torch.equal(vector(whole), vector(second))
    assert whole.final["curve"] == second.final["curve"]


def test_nothing_moves_before_the_first_gradient_arrives():
    made = training("sgd", {"lr": 0.1, "delay": 3.0}, MadeUpTask(norm=False))
    start = vector(made)
    moved = []
    for _ in range(5):
        made.train_one_step()
        moved.append(not torch.equal(vector(made), start))
    assert moved == [False, False, False, True, True]


def test_l2_is_that_of_the_worker_and_arrives_with_its_gradient():
    transforms = Transforms({"l2": 0.5, "delay": 1.0})
    transforms([torch.ones(1)], [torch.full((1,), 2.0)], 1)
    (got,) = transforms([torch.ones(1)], [torch.full((1,), 100.0)], 2)
    assert got.item() == 1 + 0.5 * 2


@pytest.mark.parametrize("tau", [1, 3])
def test_it_is_downpour_with_a_worker_more_some_steps_later(tau):
    """Two simulators of one thing: delayed SGD after T + tau steps is Downpour after T turns."""
    turns = 12
    inputs = torch.randn(turns + tau, 8, 3, generator=torch.Generator().manual_seed(0))

    def model():
        torch.manual_seed(0)
        return torch.nn.Linear(3, 2)

    def step(of, at, advance):
        of.zero_grad(set_to_none=False)
        of(inputs[at]).square().mean().backward()
        advance()

    delayed = model()
    links = Chain("sgd", "constant", delayed, {"lr": 0.1, "delay": float(tau)}, turns + tau)
    for at in range(turns + tau):
        step(delayed, at, lambda at=at: links.advance(at))
    other = model()
    downpour = Downpour(other.parameters(), lr=0.1, workers=tau + 1)
    for at in range(turns):
        step(other, at, downpour.step)
    downpour.eval()
    assert torch.equal(vector(delayed), vector(other))


def test_it_cannot_be_asked_of_a_line_search():
    node = {"rule": "torch.optim.LBFGS"}
    with pytest.raises(
        ConfigError, match=r"evaluates the loss again .* leave search_space.delay out"
    ):
        training(node, {"lr": 1.0, "delay": 2.0})


def test_drawn_without_a_delay_is_refused():
    with pytest.raises(ConfigError, match=r"delay_drawn says nothing without delay; add"):
        chain.check("sgd", "constant", {"lr": 0.1, "delay_drawn": 1.0})
