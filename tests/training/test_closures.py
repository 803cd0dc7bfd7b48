"""Optimizers that evaluate loss and gradient again within a step: L-BFGS, and SAM as a user writes it."""

import json

import pytest
import torch

from harness.records import record as records
from harness.training.chain import Chain
from harness.training.closures import Closure, repeated
from harness.training.definition import groups
from harness.training.gradient import TRANSFORMS, Transforms, transform
from harness.training.randomness import random_state
from harness.training.selection import described
from harness.training.steppers import ClassStepper
from tests.studies import record, study
from tests.training.made_up import (
    MadeUpTask,
    difference_after_a_step,
    resumed,
    trained,
    training,
    vector,
)  # fmt: skip

SELF = "tests.training.test_closures"
LBFGS = {
    "rule": "torch.optim.LBFGS",
    "arguments": {"line_search_fn": "strong_wolfe", "max_iter": 3, "history_size": 5},
}
SAM = {"rule": f"{SELF}.Sam", "arguments": {"base_optimizer": {"import": "torch.optim.SGD"}}}
TWO_STEPS = {**SAM, "rule": f"{SELF}.TwoSteps"}
POINTS = {"lbfgs": {"lr": 1.0}, "sam": {"lr": 0.1, "momentum": 0.9, "rho": 0.05}}
CASES = [(LBFGS, POINTS["lbfgs"]), (SAM, POINTS["sam"]), (TWO_STEPS, POINTS["sam"])]


class Sam(torch.optim.Optimizer):
    """Foret et al. (2021) as it is usually written (github.com/davda54/sam): a base optimizer inside."""

    def __init__(self, params, base_optimizer, rho=0.05, **kwargs):
        super().__init__(params, {"rho": rho, **kwargs})
        self.base_optimizer = base_optimizer(self.param_groups, **kwargs)
        self.param_groups = self.base_optimizer.param_groups

    @torch.no_grad()
    def first_step(self, zero_grad=False):
        norms = [p.grad.norm() for group in self.param_groups for p in group["params"]]
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["before"] = p.clone()
                p.add_(p.grad, alpha=group["rho"] / torch.stack(norms).norm().item())
        if zero_grad:
            self.zero_grad()

    @torch.no_grad()
    def second_step(self, zero_grad=False):
        for group in self.param_groups:
            for p in group["params"]:
                p.copy_(self.state[p]["before"])
        self.base_optimizer.step()

    @torch.no_grad()
    def step(self, closure=None):
        assert closure is not None
        self.first_step(zero_grad=True)
        torch.enable_grad()(closure)()
        self.second_step()

    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.base_optimizer.param_groups = self.param_groups


class TwoSteps(Sam):
    """One whose step() is no way to use it."""

    def step(self):
        raise NotImplementedError


class Peeking(torch.optim.SGD):
    """It takes a closure that it does not need to have, away from the parameters and back."""

    def step(self, closure=None):
        self.losses = [float(closure())]
        with torch.no_grad():
            for p in self.param_groups[0]["params"]:
                p.add_(1.0)
        self.losses.append(float(closure()))
        with torch.no_grad():
            for p in self.param_groups[0]["params"]:
                p.sub_(1.0)
        self.losses.append(float(closure()))
        super().step()


# --- a step ----------------------------------------------------------------------------------------


def sam_by_hand(made, point, steps):
    """Momentum from the gradient at theta + rho g / |g|, dropout's mask the same in both."""
    model, task, carry, buffer = made.model, made.task, None, None
    for step in range(steps):
        random = torch.get_rng_state()

        def gradient(carry=carry, step=step):
            loss, after = task.train_loss(model, step, 2, carry)
            return torch.autograd.grad(loss, list(model.parameters())), after

        g, carry_after = gradient()
        norm = torch.stack([each.norm() for each in g]).norm().item()
        before = [p.detach().clone() for p in model.parameters()]
        after = torch.get_rng_state()
        with torch.no_grad():
            for p, each in zip(model.parameters(), g, strict=True):
                p.add_(each, alpha=point["rho"] / norm)
        torch.set_rng_state(random)
        buffers = [each.clone() for each in model.buffers()]
        g, _ = gradient()
        torch.set_rng_state(after)
        buffer = (
            g
            if buffer is None
            else [point["momentum"] * v + each for v, each in zip(buffer, g, strict=True)]
        )
        with torch.no_grad():
            for each, kept in zip(model.buffers(), buffers, strict=True):
                each.copy_(kept)
            for p, old, v in zip(model.parameters(), before, buffer, strict=True):
                p.copy_(old - point["lr"] * v)
        carry = carry_after
    return vector(model)


@pytest.mark.parametrize("node", [SAM, TWO_STEPS], ids=["step", "two steps"])
def test_sam_is_the_gradient_at_the_worst_point_nearby(node):
    point = POINTS["sam"]
    by_hand = sam_by_hand(training(node, point), point, 5)
    made = training(node, point)
    for _ in range(5):
        made.train_one_step()
    torch.testing.assert_close(vector(made), by_hand, rtol=1e-5, atol=1e-6)
    assert made.gradients["total"] == 10


def test_lbfgs_finds_the_minimum_of_a_quadratic_in_one_step():
    model = torch.nn.Linear(3, 2)
    node = {**LBFGS, "arguments": {**LBFGS["arguments"], "max_iter": 30}}
    chain = Chain(node, "constant", model, {"lr": 1.0}, 10)

    def evaluate():
        chain.clear()
        loss = sum(((p - 2) ** 2).sum() * (place + 1) for place, p in enumerate(model.parameters()))
        loss.backward()
        return loss

    chain.advance_by_closure(0, evaluate(), evaluate)
    torch.testing.assert_close(vector(model), torch.full((8,), 2.0), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("node", "point"), CASES, ids=["lbfgs", "sam", "two steps"])
def test_it_learns(node, point):
    made = trained(node, point, task=MadeUpTask(dropout=0.0), steps=40)
    assert made.final["val_error"] < 0.1
    assert made.curve["train_loss"][-1] < made.curve["train_loss"][0] / 2


def test_an_evaluation_is_a_function_of_the_parameters():
    """The same loss where they have been before, at another place another; dropout's mask is kept."""
    node = {"rule": f"{SELF}.Peeking", "closure": True}
    made = training(node, {"lr": 0.1})
    made.train_one_step()
    here, away, again = made.chain.optimizer.optimizer.losses
    assert here != away
    assert again == pytest.approx(here, rel=1e-5)  # p + 1 - 1 is p but for rounding
    assert made.gradients["total"] == 3  # of four evaluations asked for the first was known


def test_a_call_before_the_parameters_moved_costs_nothing():
    made = training(LBFGS, POINTS["lbfgs"])
    for _ in range(4):
        made.train_one_step()
    (state,) = made.chain.optimizer.optimizer.state.values()
    assert made.gradients["total"] == state["func_evals"] == len(made.task.states)


def test_what_an_evaluation_leaves_is_that_of_the_accepted_parameters():
    """Carry and running statistics as SGD's, which evaluates once, for as long as both stand at one place."""
    point = {"lr": 0.0, "momentum": 0.0, "rho": 5.0}
    ends = []
    for given in ((SAM, point), ("sgd", {"lr": 0.0})):
        made = training(*given)
        for _ in range(3):
            assert made.train_one_step()
        ends.append((made, torch.get_rng_state()))
    (sam, random), (sgd, random_of_sgd) = ends
    assert torch.equal(vector(sam), vector(sgd))
    assert torch.equal(sam.carry, sgd.carry)
    assert torch.equal(random, random_of_sgd)
    for mine, plain in zip(sam.model.buffers(), sgd.model.buffers(), strict=True):
        assert torch.equal(mine, plain)
    once, again = sam.task.states[2:4]
    assert torch.equal(once, again)  # both evaluations of a step are given the same state


def test_random_numbers_within_a_step_are_the_same_and_afterwards_go_on(monkeypatch):
    torch.manual_seed(5)
    random, model = random_state("cpu"), torch.nn.BatchNorm1d(2)
    first, second = torch.rand(3), torch.rand(3)
    torch.manual_seed(5)
    torch.rand(3)
    with repeated(model, random, "cpu"):
        assert torch.equal(torch.rand(3), first)
        model(torch.randn(4, 2))
    assert torch.equal(torch.rand(3), second)
    assert model.num_batches_tracked == 0


# --- what is done to the gradient -------------------------------------------------------------------


def test_l2_is_in_the_loss_that_a_line_search_sees_and_in_its_gradient():
    model = torch.nn.Linear(3, 2)
    (group,) = groups(LBFGS)
    stepper = ClassStepper(group, described(model), {"lr": 1.0})

    def evaluate():
        stepper.clear()
        loss = model(torch.ones(1, 3)).square().sum()
        loss.backward()
        return loss

    closure = Closure(evaluate, evaluate(), stepper, Transforms({"l2": 0.3}), 1)
    for moved in (0.0, 0.5):
        with torch.no_grad():
            model.weight.add_(moved)
        whole = (
            model(torch.ones(1, 3)).square().sum()
            + 0.3 * sum(p.square().sum() for p in model.parameters()) / 2
        )
        expected = torch.autograd.grad(whole, list(model.parameters()))
        assert closure().item() == pytest.approx(whole.item(), rel=1e-6)
        for p, gradient in zip(model.parameters(), expected, strict=True):
            torch.testing.assert_close(p.grad, gradient)


def test_a_transform_advances_once_a_step(monkeypatch):
    monkeypatch.setitem(TRANSFORMS, "counting", None)  # to be taken out again

    @transform(idle={"count": 0.0}, calls=0)
    def counting(gradients, values, calls, t, *, count):
        assert calls == t - 1
        return [gradient * (calls + 1) for gradient in gradients], calls + 1

    made = training(SAM, POINTS["sam"])
    made.chain.transforms = Transforms({"count": 1.0})
    for _ in range(4):
        made.train_one_step()
    assert made.chain.transforms.state_dict() == {"counting": {"calls": 4}}


# --- records and checkpoints ------------------------------------------------------------------------


@pytest.mark.parametrize(("node", "point"), CASES, ids=["lbfgs", "sam", "two steps"])
def test_it_resumes_to_the_bit(node, point):
    """SAM's base optimizer has a momentum that SAM's own state_dict leaves out."""
    whole, again = trained(node, point), resumed(node, point)
    assert torch.equal(vector(whole), vector(again))
    assert whole.final == again.final
    assert whole.final["gradients"]["total"] > 12
    assert difference_after_a_step(node, point) is None


def test_the_learning_rate_of_a_wrapped_optimizer_follows_the_schedule_once_resumed():
    given = (SAM, {**POINTS["sam"], "end_factor": 0.1})
    whole, again = (run(*given, schedule="linear") for run in (trained, resumed))
    assert torch.equal(vector(whole), vector(again))


WORDS = ("workload.steps=8", "workload.eval_every=4", "model.width=2", "schedule=constant")


def test_gradient_evaluations_are_in_the_record_where_they_are_not_the_steps():
    words = ("optimizer=sgd", "optimizer.name=lbfgs", "optimizer.rule=torch.optim.LBFGS",
             "optimizer.arguments={max_iter:2}", "search_space.lr=0.5", *WORDS)  # fmt: skip
    of = study(*words)
    made = record(of)
    assert made["status"] == "complete", made["error"]
    total, curve = made["gradients"]["total"], made["gradients"]["curve"]
    assert 8 < total <= 2 * 8
    assert len(curve) == 2
    assert curve[-1] == total
    text = records.to_text(made)
    place = (of.workload, of.optimizer, of.fingerprint)
    assert records.from_text(text, place, 0)["gradients"] == made["gradients"]
    assert "gradients" not in record(study("optimizer=sgd", *WORDS))
    assert (
        json.loads(text)["schema"] == records.SCHEMA
    )  # no new one: what lacks it is read as before
