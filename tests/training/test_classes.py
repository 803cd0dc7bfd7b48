"""What reaches the constructor of a class: searched values, fixed arguments, whole numbers, imports."""

import pytest
import torch

from harness.errors import ConfigError
from harness.study.result import DIVERGED
from harness.training import chain, optimizers
from tests.studies import record, study
from tests.training.made_up import difference_after_a_step, resumed, trained, training, vector
from tests.training.test_optimizers import Signum, small_model, train

SELF = "tests.training.test_classes"


class Warming(Signum):
    """It needs the number of steps, and sets its own rate."""

    def __init__(self, params, total_steps: int, peak=0.1, mode="linear"):
        super().__init__(params, lr=0.0)
        assert type(total_steps) is int
        self.total_steps, self.peak, self.mode, self.t = total_steps, peak, mode, 0

    def step(self, closure=None):
        self.t += 1
        self.param_groups[0]["lr"] = self.peak * self.t / self.total_steps
        super().step()

    def state_dict(self):
        return {**super().state_dict(), "t": self.t}

    def load_state_dict(self, state):
        super().load_state_dict({name: state[name] for name in ("state", "param_groups")})
        self.t = state["t"]


class OwnRate(Signum):
    """It takes an lr and halves it at every step."""

    def __init__(self, params, lr):
        super().__init__(params, lr)

    def step(self, closure=None):
        super().step()
        self.param_groups[0]["lr"] /= 2


class Counting(Signum):
    """Whole numbers and flags, with defaults and without."""

    def __init__(
        self, params, lr, window: int, memory=10, nesterov: bool = False, decays=(0.5, 0.9)
    ):
        super().__init__(params, lr)
        self.got = (window, memory, nesterov, decays)


class Wrapping(Signum):
    def __init__(self, params, lr, inner, steps=(1, 2), names=None):
        super().__init__(params, lr)
        self.got = (inner, steps, names)


class Preconditioned(Signum):
    """Its matrix cannot be decomposed at the third step."""

    steps = 0

    def step(self, closure=None):
        super().step()
        self.steps += 1
        torch.linalg.cholesky(torch.eye(2) * (3 - self.steps))


class Asking(Signum):
    """A step that nobody can call."""

    def step(self, loss, closure):
        pass


def rule(of, **further):
    return {"name": "mine", "rule": f"{SELF}.{of.__name__}", **further}


def built(node, hyperparameters):
    return optimizers.build(node, small_model(), hyperparameters).optimizer


# --- fixed arguments -------------------------------------------------------------------------------


def test_arguments_reach_the_class_as_they_are():
    node = rule(
        Wrapping,
        arguments={"inner": {"import": "torch.optim.SGD"}, "steps": [3, 4], "names": "abc"},
    )
    optimizers.check(node, ["lr"])
    assert built(node, {"lr": 0.1}).got == (torch.optim.SGD, (3, 4), "abc")


def test_a_fixed_argument_need_not_be_searched():
    optimizers.check(rule(Warming, arguments={"total_steps": 10}), [])
    optimizers.check(
        {"rule": "torch.optim.AdamW", "arguments": {"lr": 0.1, "betas": [0.9, 0.99]}}, []
    )
    assert (
        optimizers.learning_rate({"rule": "torch.optim.AdamW", "arguments": {"lr": 0.1}}, {}) == 0.1
    )


@pytest.mark.parametrize(
    ("node", "names", "says"),
    [
        (rule(Warming), ["peak"], r"Warming needs total_steps, and the search space gives only peak; add"),
        (rule(Warming, arguments={"steps": 3}), [],
         r"argument of .*Warming 'steps' is not one of: mode, peak, total_steps; mend conf/optimizer"),
        (rule(Warming, arguments={"total_steps": 3, "peak": 0.1}), ["peak"],
         r"Warming: peak is held by optimizer.arguments and searched as peak; drop one"),
        ({"rule": "torch.optim.AdamW", "arguments": {"betas": [0.9, 0.99]}}, ["lr", "beta1", "beta2"],
         r"AdamW: betas is held by optimizer.arguments and searched as beta1, beta2; drop one"),
        (rule(Wrapping, arguments={"inner": {"import": "torch.optim.Nope"}}), ["lr"],
         r"optimizer.arguments.inner 'torch.optim.Nope' cannot be imported"),
        (rule(Asking), ["lr"], r"Asking.step needs loss, and gets a closure at most; give an optimizer"),
        ({"rule": "sgd", "arguments": {"lr": 0.1}}, [],
         r"optimizer.arguments is for a class by import path, and sgd is a rule; leave it out and hold"),
        ({"rule": "sgd", "closure": True}, ["lr"], r"optimizer.closure is for a class by import path"),
        (rule(Warming, arguments=[1]), [], r"optimizer.arguments must be values by name, got \[1\]"),
        ({"rule": None}, [], r"optimizer.rule must be a rule's name or an import path .*, got None"),
        (rule(Signum, no_weight_decay={"kind": "bias"}), ["lr"],
         r"Signum takes no weight_decay; leave no_weight_decay out"),
        (rule(Warming, closure="yes"), [], r"optimizer.closure must be true or false, got 'yes'"),
    ],
)  # fmt: skip
def test_mistakes_are_named_before_anything_is_built(node, names, says):
    with pytest.raises(ConfigError, match=says) as error:
        optimizers.check(node, names)
    assert "\n" not in str(error.value)


# --- whole numbers, flags, several numbers ----------------------------------------------------------


def test_whole_numbers_and_flags_are_such_by_default_or_annotation():
    point = {"lr": 0.1, "window": 3.0, "memory": 5.0, "nesterov": 1.0, "decay1": 0.5, "decay2": 1.0}
    optimizers.check(rule(Counting), point)
    window, memory, nesterov, decays = built(rule(Counting), point).got
    assert (window, memory, nesterov, decays) == (3, 5, True, (0.5, 1.0))
    assert [type(each) for each in (window, memory, nesterov)] == [int, int, bool]


def test_a_value_between_two_whole_numbers_is_refused():
    says = (
        r"window is a whole number, and the search space gives 3.5; give choices, such as .*\[3,4\]"
    )
    with pytest.raises(ConfigError, match=says):
        built(rule(Counting), {"lr": 0.1, "window": 3.5})


def test_one_of_several_numbers_needs_the_others():
    with pytest.raises(
        ConfigError, match=r"Counting needs decay2, .* gives only decay1, lr, window"
    ):
        optimizers.check(rule(Counting), ["lr", "window", "decay1"])
    optimizers.check("torch.optim.Rprop", ["lr", "eta1", "eta2"])
    rprop = built("torch.optim.Rprop", {"lr": 0.1, "eta1": 0.4, "eta2": 1.5})
    assert rprop.param_groups[0]["etas"] == (0.4, 1.5)


# --- the number of steps, own rates -----------------------------------------------------------------


def test_the_number_of_steps_comes_from_the_workload_and_is_part_of_the_study():
    words = ("optimizer=sgd", "optimizer.name=warming", f"optimizer.rule={SELF}.Warming",
             "optimizer.arguments={total_steps:${workload.steps}}", "~search_space.lr",
             "+search_space.peak={low:0.001,high:0.1}", "schedule=constant", "workload.eval_every=4",
             "model.width=2")  # fmt: skip
    short, long = (study(*words, f"workload.steps={steps}") for steps in (8, 12))
    assert short.config["optimizer"]["arguments"] == {"total_steps": 8}
    assert short.fingerprint != long.fingerprint
    assert record(short)["status"] == "complete"


def test_a_class_without_lr_sets_its_own_rate_and_resumes():
    node = rule(Warming, arguments={"total_steps": 12})
    made = training(node, {"peak": 0.1})
    before = vector(made)
    made.train_one_step()
    assert (vector(made) - before).abs().max() == pytest.approx(0.1 / 12, rel=1e-4)
    whole, again = trained(node, {"peak": 0.1}), resumed(node, {"peak": 0.1})
    assert torch.equal(vector(whole), vector(again))
    assert difference_after_a_step(node, {"peak": 0.1}) is None
    with pytest.raises(ConfigError, match=r"Warming takes no lr, so schedule.name=cosine cannot"):
        chain.check(node, "cosine", {"peak": 0.1})


def test_a_matrix_that_cannot_be_decomposed_is_a_trial_that_diverged():
    made = trained(rule(Preconditioned), {"lr": 0.1})
    assert (made.final["status"], made.final["steps"]) == (DIVERGED, 2)


def test_a_rate_of_its_own_is_left_alone_where_nothing_is_scheduled():
    made = training(rule(OwnRate), {"lr": 0.1})
    moved = []
    for _ in range(3):
        before = vector(made)
        made.train_one_step()
        moved.append((vector(made) - before).abs().max().item())
    assert moved == pytest.approx([0.1, 0.05, 0.025], rel=1e-3)
    whole, again = trained(rule(OwnRate), {"lr": 0.1}), resumed(rule(OwnRate), {"lr": 0.1})
    assert torch.equal(vector(whole), vector(again))


def test_a_warm_up_of_a_constant_schedule_sets_the_rate():
    made = training("torch.optim.SGD", {"lr": 0.1, "warmup_factor": 0.5})
    made.train_one_step()
    assert made.chain.optimizer.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 / 6)


# --- no weight decay -------------------------------------------------------------------------------


def test_no_weight_decay_on_norms_and_biases_is_one_line():
    node = {"rule": "torch.optim.AdamW", "no_weight_decay": {"kind": ["norm", "bias"]}}
    hyper = {"lr": 0.1, "weight_decay": 0.5}
    decayed, spared = (train(each, hyper, steps=1) for each in (node["rule"], node))
    model = small_model()
    sizes = [p.numel() for p in model.parameters()]
    for name, before, one, other in zip(
        [name for name, _ in model.named_parameters()], torch.split(vector(model), sizes),
        torch.split(decayed, sizes), torch.split(spared, sizes), strict=True,
    ):  # fmt: skip
        if name.endswith("bias"):
            torch.testing.assert_close(other - one, 0.1 * 0.5 * before)
        else:
            assert torch.equal(one, other)


def test_without_biases_nothing_is_spared():
    node = {"rule": "torch.optim.AdamW", "no_weight_decay": {"kind": "embedding"}}
    assert len(built(node, {"lr": 0.1}).param_groups) == 1
