"""Parameter groups by rule: which parameters, which hyperparameters, what is refused, what resumes."""

import pytest
import torch
from torch import nn

from harness.errors import ConfigError
from harness.training.chain import Chain
from harness.training.definition import groups
from harness.training.flat import as_matrix
from harness.training.rehearsal import rehearse
from harness.training.selection import by_group, described
from tests.training.made_up import difference_after_a_step, resumed, trained, training, vector

SELF = "tests.training.test_groups"
MATRICES = {"rule": "momentum", "where": {"ndim": 2}}
REST = {"rule": "torch.optim.AdamW", "where": "rest"}
TWO = {"name": "two", "groups": {"matrices": MATRICES, "rest": REST}}
POINT = {"matrices.lr": 0.1, "matrices.momentum": 0.9, "rest.lr": 0.01}


def model():
    """One parameter of each kind, and more."""
    made = nn.Sequential()
    made.embedding = nn.Embedding(5, 4)
    made.convolution = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    made.norm = nn.BatchNorm2d(4)
    made.layer_norm = nn.LayerNorm(4)
    made.lstm = nn.LSTM(4, 2)
    made.hidden = nn.Linear(4, 4)
    made.scale = nn.ParameterList([torch.ones(3), torch.ones(2, 2, 2)])
    made.head = nn.Linear(4, 2)
    return made


# --- which parameters ------------------------------------------------------------------------------


def test_each_parameter_is_of_one_kind():
    kinds = {each.name: each.kind for each in described(model())}
    assert kinds == {
        "embedding.weight": "embedding",
        "convolution.weight": "convolution", "convolution.bias": "bias",
        "norm.weight": "norm", "norm.bias": "norm",
        "layer_norm.weight": "norm", "layer_norm.bias": "norm",
        "lstm.weight_ih_l0": "matrix", "lstm.weight_hh_l0": "matrix",
        "lstm.bias_ih_l0": "bias", "lstm.bias_hh_l0": "bias",
        "hidden.weight": "matrix", "hidden.bias": "bias",
        "scale.0": "other", "scale.1": "other",
        "head.weight": "head", "head.bias": "bias",
    }  # fmt: skip


def test_an_embedding_that_the_last_layer_shares_is_one_parameter():
    made = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 5))
    made[1].weight = made[0].weight
    assert [(each.name, each.kind) for each in described(made)] == [
        ("0.weight", "embedding"), ("1.bias", "bias"),
    ]  # fmt: skip


def test_frozen_parameters_are_nobodys():
    made = model()
    made.embedding.weight.requires_grad_(False)
    assert "embedding.weight" not in [each.name for each in described(made)]


def taken(**where):
    """The names that a group with these conditions takes, beside a rest."""
    node = {
        "groups": {
            "some": {"rule": "sgd", "where": where},
            "rest": {"rule": "sgd", "where": "rest"},
        }
    }
    return [each.name for each in by_group(groups(node), model())["some"]]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ({"kind": "head"}, ["head.weight"]),
        ({"kind": ["head", "embedding"]}, ["embedding.weight", "head.weight"]),
        ({"ndim": [3, 4]}, ["convolution.weight", "scale.1"]),
        ({"name": "*_l0", "ndim": 2}, ["lstm.weight_ih_l0", "lstm.weight_hh_l0"]),
        ({"name": ["hidden.*", "scale.0"]}, ["hidden.weight", "hidden.bias", "scale.0"]),
        ({"kind": "bias", "name": "h*"}, ["hidden.bias", "head.bias"]),
    ],
)
def test_by_kind_dimensions_and_name_all_of_which_must_hold(where, names):
    assert taken(**where) == names


@pytest.mark.parametrize(
    ("node", "says"),
    [
        ({"matrices": MATRICES},
         r"no group of optimizer.groups takes parameter convolution.weight \(convolution, 4x3x3x3\);"),
        ({"a": MATRICES, "b": {"rule": "sgd", "where": {"kind": "head"}}, "rest": REST},
         r"optimizer.groups a and b both take parameter head.weight \(head, 2x4\); narrow one of them"),
        ({"a": {"rule": "sgd", "where": {"name": "nothing.*"}}, "rest": REST},
         r"optimizer.groups.a takes no parameter of this model, which has the kinds bias, convolution"),
    ],
)  # fmt: skip
def test_a_parameter_that_none_or_two_take_is_named(node, says):
    with pytest.raises(ConfigError, match=says) as error:
        by_group(groups({"groups": node}), model())
    assert "\n" not in str(error.value)


# --- steps -----------------------------------------------------------------------------------------


def test_each_group_is_trained_by_its_own_rule():
    """As two optimizers on two halves, gradients of both at the same parameters."""
    made, by_hand = training(TWO, POINT), training("sgd", {"lr": 0.0}).model
    by_kind = {True: [p for p in by_hand.parameters() if p.dim() == 2],
               False: [p for p in by_hand.parameters() if p.dim() != 2]}  # fmt: skip
    pair = (
        torch.optim.SGD(by_kind[True], lr=0.1, momentum=0.9),
        torch.optim.AdamW(by_kind[False], lr=0.01),
    )
    for _ in range(4):
        made.chain.clear()
        for each in (made.model, by_hand):
            each.eval()  # no dropout: both draw from one generator
            each.zero_grad(set_to_none=each is by_hand)
            each(torch.ones(4, 4)).square().sum().backward()
        made.chain.advance(0)
        for each in pair:
            each.step()
    torch.testing.assert_close(vector(made), vector(by_hand), rtol=1e-5, atol=1e-6)


def test_it_resumes_to_the_bit_its_state_by_group():
    whole, again = trained(TWO, POINT), resumed(TWO, POINT)
    assert torch.equal(vector(whole), vector(again))
    assert difference_after_a_step(TWO, POINT) is None
    state = whole.chain.state_dict()["optimizer"]
    assert list(state) == ["matrices", "rest"]
    assert list(state["matrices"]["state"]) == ["v"]


def test_a_schedule_scales_every_groups_rate():
    made = training(TWO, {**POINT, "end_factor": 0.5}, schedule="linear")
    for _ in range(7):
        made.train_one_step()
    (rest,) = made.chain.optimizer.steppers["rest"].optimizer.param_groups
    assert rest["lr"] == pytest.approx(0.01 * 0.75)
    assert made.chain.learning_rate(6) == pytest.approx(
        0.1 * 0.75
    )  # the curve's is the first group's


def test_l2_is_of_all_groups():
    moved = []
    for point in (POINT, {**POINT, "l2": 0.5}):
        made = training(TWO, point)
        before = vector(made)
        made.train_one_step()
        moved.append((before, vector(made)))
    (start, plain), (_, regularised) = moved
    names = [name for name, _ in made.model.named_parameters()]
    assert names[0] == "0.weight"
    size = made.model[0].weight.numel()
    torch.testing.assert_close(
        (plain - regularised)[:size], 0.1 * 0.5 * start[:size], rtol=1e-3, atol=1e-6
    )


def test_no_weight_decay_of_a_group():
    rest = {**REST, "no_weight_decay": {"kind": ["norm", "bias"]}}
    made = training(
        {"groups": {"matrices": MATRICES, "rest": rest}}, {**POINT, "rest.weight_decay": 0.1}
    )
    (spared,) = made.chain.optimizer.steppers["rest"].optimizer.param_groups
    assert spared["weight_decay"] == 0.0


# --- kernels as matrices ---------------------------------------------------------------------------


class Rows(torch.optim.Optimizer):
    """It takes matrices alone, and moves each row by its normalised gradient."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})
        if any(p.dim() != 2 for group in self.param_groups for p in group["params"]):
            raise ValueError("matrices only")

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(p.grad / p.grad.norm(dim=1, keepdim=True), alpha=group["lr"])


class Replacing(Rows):
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.data = p.data - group["lr"] * p.grad


def kernels(of, as_matrices=True):
    taken = {
        "rule": f"{SELF}.{of.__name__}",
        "where": {"kind": "convolution"},
        "as_matrices": as_matrices,
    }
    return {"groups": {"kernels": taken, "rest": {"rule": "sgd", "where": "rest"}}}


@pytest.mark.parametrize("memory", [torch.channels_last, torch.contiguous_format])
def test_kernels_are_matrices_of_the_same_memory(memory):
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2)).to(
        memory_format=memory
    )
    chain = Chain(kernels(Rows), "constant", made, {"kernels.lr": 0.1, "rest.lr": 0.1}, 10)
    for step in range(2):
        before, strides = made[0].weight.detach().clone(), made[0].weight.stride()
        chain.clear()
        made(torch.ones(1, 3, 4, 4)).square().sum().backward()
        gradient = made[0].weight.grad.clone()
        chain.advance(step)
        rows = gradient.flatten(1).norm(dim=1).view(4, 1, 1, 1)
        torch.testing.assert_close(made[0].weight, before - 0.1 * gradient / rows)
        assert made[0].weight.stride() == strides


def test_a_matrix_of_a_kernel_shares_its_memory():
    for kernel in (
        torch.randn(4, 3, 2, 2),
        torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last),
    ):
        assert as_matrix(kernel).shape == (4, 12)
        assert as_matrix(kernel).data_ptr() == kernel.data_ptr()
    assert as_matrix(torch.randn(4, 3, 2)).shape == (4, 6)


def test_a_class_that_puts_other_memory_in_is_told_apart():
    rates = {"kernels.lr": 0.1, "rest.lr": 0.1}

    def begin():
        model = nn.Sequential(nn.Conv2d(3, 4, 3))
        return Chain(kernels(Replacing), "constant", model, rates, 10)

    with pytest.raises(
        TypeError, match=r"Replacing puts other memory into its parameters .*leave as_mat"
    ):
        rehearse(begin, "mine", scheduled=False)
