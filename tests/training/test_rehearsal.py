"""What cannot run is said before the sweep, in one line: built on the real model, stepped once."""

import time

import numpy as np
import pytest
import torch

from harness.config import build
from harness.errors import ConfigError
from harness.training.chain import Chain
from harness.training.rehearsal import rehearse
from tests.studies import jobs
from tests.training.made_up import vector
from tests.training.test_optimizers import small_model

SELF = "tests.training.test_rehearsal"
WORDS = (
    "optimizer=sgd",
    "optimizer.name=mine",
    "schedule=constant",
    "search_space.lr=0.1",
    "model.width=2",
)


class Demanding(torch.optim.SGD):
    """It wants a closure, and its signature does not say so."""

    def step(self, closure=None):
        if closure is None:
            raise RuntimeError("a closure is required")
        closure()
        super().step()


class Unevaluated(torch.optim.SGD):
    def train(self):
        pass

    def eval(self):
        raise RuntimeError("no average yet")


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("torch.optim.SparseAdam", r"does not support dense gradients"),
        ("torch.optim.Muon", r"only supports 2D parameters"),
        (
            f"{SELF}.Demanding",
            r"with lr=0.1: a closure is required; mend the class or its search space",
        ),
        (f"{SELF}.Unevaluated", r"no average yet"),
    ],
)
def test_what_cannot_be_built_or_stepped_is_refused_in_one_line(rule, says):
    with pytest.raises(ConfigError, match=says) as error:
        build.requests(jobs(*WORDS, f"optimizer.rule={rule}"))
    assert str(error.value).startswith(
        f"{rule} cannot be built and stepped on the model of digits_cnn"
    )
    assert "\n" not in str(error.value)


def test_what_is_told_to_evaluate_again_can():
    assert build.requests(
        jobs(*WORDS, f"optimizer.rule={SELF}.Demanding", "optimizer.closure=true")
    )


@pytest.mark.parametrize("rule", ["torch.optim.LBFGS", "torch.optim.AdamW", "sgd"])
def test_a_rehearsal_is_two_real_steps_and_leaves_random_numbers_as_they_were(rule):
    made, random = [], torch.get_rng_state()

    def begin():
        made.append(small_model())
        torch.rand(1)
        return Chain(rule, "constant", made[-1], {"lr": 0.1}, 10)

    rehearse(begin, rule, scheduled=False)
    assert len(made) == 2
    assert torch.equal(torch.get_rng_state(), random)
    before = vector(small_model())
    assert (vector(made[0]) - 1).norm() < (before - 1).norm()


# --- what a class of others may do that no trial would tell -----------------------------------------


class CountsForAll(torch.optim.SGD):
    """In its class, which all trials of a worker share."""

    n = 0

    def step(self, closure=None):
        type(self).n += 1
        for group in self.param_groups:
            group["lr"] = 0.1 / type(self).n
        super().step(closure)


VELOCITIES: list[torch.Tensor] = []


class KeepsInItsModule(torch.optim.SGD):
    @torch.no_grad()
    def step(self, closure=None):
        VELOCITIES.append(self.param_groups[0]["params"][0].grad.clone())
        self.param_groups[0]["params"][0].sub_(sum(VELOCITIES))


class Unseeded(torch.optim.SGD):
    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        self.random = np.random.default_rng()

    def step(self, closure=None):
        super().step(closure)
        for p in self.param_groups[0]["params"]:
            p.data.mul_(1 + 1e-3 * self.random.random())


class ReadsTheClock(torch.optim.SGD):
    def step(self, closure=None):
        super().step(closure)
        for p in self.param_groups[0]["params"]:
            p.data.mul_(1 + 1e-9 * (time.perf_counter_ns() % 10**6))


class SavingMoves(torch.optim.SGD):
    """Its state_dict gives the average, and leaves it there."""

    def state_dict(self):
        for p in self.param_groups[0]["params"]:
            p.data.mul_(0.5)
        return super().state_dict()


class StepsInBackward(torch.optim.SGD):
    """Each parameter as soon as its gradient is there, as memory-saving optimizers do."""

    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        for p in self.param_groups[0]["params"]:
            p.register_post_accumulate_grad_hook(self.update)

    @torch.no_grad()
    def update(self, p):
        p.sub_(p.grad, alpha=self.param_groups[0]["lr"])

    def step(self, closure=None):
        pass


class LeavesGradientsOff(torch.optim.SGD):
    def step(self, closure=None):
        super().step(closure)
        for p in self.param_groups[0]["params"]:
            p.requires_grad_(False)


class ChangesTheDefault(torch.optim.SGD):
    def step(self, closure=None):
        super().step(closure)
        torch.set_default_dtype(torch.float64)


class RateOnce(torch.optim.SGD):
    """It reads its learning rate when it is built."""

    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        self.lr = lr

    @torch.no_grad()
    def step(self, closure=None):
        for p in self.param_groups[0]["params"]:
            p.sub_(p.grad, alpha=self.lr)


class InnerRate(torch.optim.SGD):
    """The optimizer that it wraps has groups of its own, and its own rate in them."""

    def __init__(self, params, lr):
        params = list(params)
        super().__init__(params, lr=lr)
        self.inner = torch.optim.Adam(params, lr=lr)

    def step(self, closure=None):
        self.inner.step(closure)


@pytest.fixture
def default_type():
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (CountsForAll, "takes other steps when it is built again .* keep what it counts in"),
        (KeepsInItsModule, "takes other steps when it is built again"),
        (Unseeded, "draw from torch's own generator"),
        (ReadsTheClock, "takes other steps when it is built again"),
        (SavingMoves, r"let state_dict\(\) change nothing"),
        (ChangesTheDefault, "takes other steps when it is built again|cannot be built"),
        (StepsInBackward, r"moves parameters while gradients are computed, .*; let step\(\)"),
        (LeavesGradientsOff, r"cannot be built and stepped on the model"),
    ],
)  # fmt: skip
def test_what_no_trial_would_tell_is_refused_too(of, says, default_type):
    with pytest.raises(ConfigError, match=says) as error:
        build.requests(jobs(*WORDS, f"optimizer.rule={SELF}.{of.__name__}"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("path", [f"{SELF}.RateOnce", f"{SELF}.InnerRate", "torch.optim.Rprop"])
def test_a_rate_that_no_schedule_reaches_is_told_with_a_remedy_that_works(path, capsys):
    words = [*WORDS, f"optimizer.rule={path}"]
    assert build.requests(jobs(*words, "schedule=linear"))
    said = capsys.readouterr().err
    assert said.startswith(f"{path} steps alike whatever its learning rate becomes")
    assert said.count("\n") == 1
    assert "schedule=constant leaves them out" in said
    assert build.requests(jobs(*words, "schedule=constant"))
    assert capsys.readouterr().err == ""
