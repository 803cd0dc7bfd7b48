"""Parameter groups by rule: which parameters, which hyperparameters, what is refused, what resumes."""

import pytest
import torch
from torch import nn

from harness.errors import ConfigError
from harness.study.parametrisation import bounds, check_groups, hyperparameters, label, meaning
from harness.training import optimizers
from harness.training.chain import Chain
from harness.training.definition import described as told
from harness.training.definition import groups
from harness.training.flat import as_matrix
from harness.training.selection import by_group, described
from tests.studies import jobs, record, study
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


# --- what is said of them --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "says"),
    [
        ({"rule": "sgd", "groups": {"a": REST}}, r"optimizer.rule stands beside optimizer.groups; give"),
        ({"groups": {}}, r"optimizer.groups must be rules by group name, got \{\}"),
        ({"groups": {"a": REST, "b": REST}}, r"optimizer.groups a and b both take the rest; say where"),
        ({"groups": {"a": {"rule": "sgd"}}}, r"optimizer.groups.a must say where it is"),
        ({"groups": {"a": "sgd"}}, r"optimizer.groups.a must hold rule and where, got 'sgd'"),
        ({"groups": {"eps": REST}}, r"optimizer.groups.eps: a group's name is a word other than eps"),
        ({"groups": {"a.b": REST}}, r"optimizer.groups.a.b: a group's name is a word"),
        ({"groups": {"a": {**REST, "were": "rest"}}},
         r"optimizer.groups.a: 'were' is not one of: arguments, .*, where; mend conf/optimizer"),
        ({"groups": {"a": {"rule": "sgd", "where": {"kind": "conv"}}}},
         r"optimizer.groups.a.where.kind 'conv' is not one of: bias, convolution"),
        ({"groups": {"a": {"rule": "sgd", "where": {"dim": 2}}}},
         r"optimizer.groups.a.where: 'dim' is not one of: kind, name, ndim"),
        ({"groups": {"a": {"rule": "sgd", "where": {"ndim": "2"}}}},
         r"optimizer.groups.a.where.ndim must be a number of dimensions such as 2, got '2'"),
        ({"groups": {"a": {"rule": "sgd", "where": {"name": 2}}}},
         r"optimizer.groups.a.where.name must be a pattern such as \*.weight, got 2"),
        ({"groups": {"a": {"rule": "sgd", "where": "all"}}},
         r"optimizer.groups.a.where must be kind, ndim or name with values, .*, got 'all'"),
        ({"groups": {"a": {"where": "rest"}}}, r"optimizer.groups.a.rule must be a rule's name or"),
        ({"groups": {"a": {**REST, "closure": True}}},
         r"optimizer.groups.a.closure: an optimizer that evaluates the loss again takes all param"),
        ({"groups": {"a": {**MATRICES, "as_matrices": True}, "b": REST}},
         r"optimizer.groups.a.as_matrices is for a class by import path, and momentum is a rule"),
    ],
)  # fmt: skip
def test_mistakes_are_named(node, says):
    with pytest.raises(ConfigError, match=says) as error:
        groups(node)
    assert "\n" not in str(error.value)


def test_a_class_that_needs_a_closure_takes_all_parameters():
    node = {"groups": {"a": {"rule": "torch.optim.LBFGS", "where": "rest"}}}
    with pytest.raises(
        ConfigError, match=r"groups.a: torch.optim.LBFGS evaluates the loss again, which"
    ):
        optimizers.check(node, ["a.lr"])


def test_hyperparameters_are_checked_by_group():
    optimizers.check(TWO, POINT)
    with pytest.raises(
        ConfigError, match=r"optimizer.name 'adam' is a rule's, and this has groups; give"
    ):
        optimizers.check({**TWO, "name": "adam"}, POINT)
    cases = {
        r"hyperparameter of momentum 'rho' is not one of: lr, momentum": [*POINT, "matrices.rho"],
        r"momentum needs momentum, .*; add search_space.matrices.momentum": [
            "matrices.lr",
            "rest.lr",
        ],
        r"search_space.matrix.lr: group 'matrix' is not one of: matrices, rest": [
            *POINT,
            "matrix.lr",
        ],
        r"search_space.lr: this optimizer has groups; say whose it is: matrices.lr, rest.lr": [
            "lr"
        ],
        r"torch.optim.AdamW needs lr, .*; add search_space.rest.lr": [
            "matrices.lr",
            "matrices.momentum",
        ],
    }
    for says, names in cases.items():
        with pytest.raises(ConfigError, match=says):
            optimizers.check(TWO, names)
    unknown = {"groups": {"a": {"rule": "sgdd", "where": "rest"}}}
    with pytest.raises(
        ConfigError, match=r"optimizer.groups.a.rule 'sgdd' is not one of: adadelta"
    ):
        optimizers.check(unknown, ["a.lr"])


def test_it_is_told_by_its_rules():
    assert told(TWO) == "matrices: momentum, rest: torch.optim.AdamW"
    assert told("sgd") == "sgd"


# --- axes ------------------------------------------------------------------------------------------


def test_ratios_within_and_between_groups():
    point = {
        "a.lr_over_eps": 2.0, "a.eps": 3.0, "a.one_minus_beta1": 0.1, "b.lr_over_a": 0.5,
        "c.lr_over_b": 10.0, "l2": 0.2,
    }  # fmt: skip
    check_groups(point)
    got = hyperparameters(point)
    assert got == {"a.lr": 6.0, "a.eps": 3.0, "a.beta1": 0.9, "b.lr": 3.0, "c.lr": 30.0, "l2": 0.2}
    assert list(got) == ["a.lr", "a.eps", "a.beta1", "b.lr", "c.lr", "l2"]


def test_what_a_coordinate_is_called_means_and_may_be():
    assert label("hp.matrices.lr") == "matrices: learning rate"
    assert label("rest.lr_over_matrices") == "rest: lr / lr of matrices"
    assert label("rest.one_minus_beta2") == "rest: 1 − β₂"
    assert bounds("rest.lr_over_matrices") == (0.0, float("inf"))
    assert bounds("rest.one_minus_beta1") == (0.0, 1.0)
    assert meaning("lr_over_matrices") == "lr_over_matrices"  # no group, no ratio of groups
    assert label("lr_over_matrices") == "lr over matrices"


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a.lr_over_eps"], r"search_space.a.lr_over_eps needs an eps axis beside it; add .*a.eps"),
        (["a.lr_over_eps", "eps"], r"add search_space.a.eps"),
        (["a.lr_over_b"], r"search_space.a.lr_over_b is a multiple of b.lr, which no axis sets; add"),
        (["a.lr_over_b", "b.lr_over_a"],
         r"a.lr_over_b and search_space.b.lr_over_a are multiples of each other; give one of them"),
        (["a.lr_over_a"], r"search_space.a.lr_over_a are multiples of each other"),
    ],
)  # fmt: skip
def test_a_ratio_to_nothing_is_refused(names, says):
    with pytest.raises(ConfigError, match=says):
        check_groups(names)


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
    made = nn.Sequential(nn.Conv2d(3, 4, 3))
    chain = Chain(kernels(Replacing), "constant", made, {"kernels.lr": 0.1, "rest.lr": 0.1}, 10)
    with pytest.raises(
        TypeError, match=r"Replacing puts other memory into its parameters .*leave as_mat"
    ):
        chain.rehearse()


# --- from YAML and the command line -----------------------------------------------------------------

YAML = """
name: two
groups:
  matrices: {rule: momentum, where: {kind: [convolution, head]}}
  rest: {rule: torch.optim.AdamW, where: rest}
"""
SPACE = """
matrices:
  lr: {low: 1.0e-3, high: 1.0}
  one_minus_momentum: {low: 0.01, high: 1.0}
rest:
  lr_over_matrices: {low: 1.0e-3, high: 1.0e-1}
  beta1: 0.9
  one_minus_beta2: {choices: [0.1, 0.01]}
"""
TINY = ("workload.steps=4", "workload.eval_every=2", "model.width=2")


@pytest.fixture
def words(tmp_path):
    for name, text in (("optimizer/two", YAML), ("search_space/digits_cnn/two", SPACE)):
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return ("--config-dir", str(tmp_path), "optimizer=two", "schedule=constant", *TINY)


def test_axes_of_groups_are_nested_in_yaml_and_dotted_by_name(words):
    of = study(*words)
    assert list(of.space) == [
        "matrices.lr", "matrices.one_minus_momentum", "rest.lr_over_matrices", "rest.beta1",
        "rest.one_minus_beta2",
    ]  # fmt: skip
    assert of.config["optimizer"]["groups"]["rest"] == {
        "rule": "torch.optim.AdamW",
        "where": "rest",
    }
    made = record(of)
    assert made["status"] == "complete", made["error"]
    hyper = made["hyperparameters"]
    assert hyper["rest.lr"] == hyper["matrices.lr"] * made["point"]["rest.lr_over_matrices"]


def test_an_axis_of_a_group_is_edited_on_the_command_line(words):
    of = study(*words, "search_space.matrices.lr.high=2", "search_space.rest.one_minus_beta2=0.2",
               "~search_space.rest.beta1", "+search_space.rest.beta1={low:0.1,high:0.9}",
               "+search_space.rest.weight_decay=0.1")  # fmt: skip
    assert of.space["matrices.lr"].node == {"low": 1e-3, "high": 2.0, "scale": "log"}
    assert of.space["rest.one_minus_beta2"].ends == (0.2, 0.2)
    assert of.space["rest.weight_decay"].ends == (0.1, 0.1)
    (swept,) = jobs("-m", *words, "search_space.matrices.lr.high=2")
    assert swept[0].search_space.matrices.lr.high == 2


def test_a_dotted_name_in_yaml_is_the_same_axis(words, tmp_path):
    """As harness refine writes it."""
    (tmp_path / "search_space/digits_cnn/dotted.yaml").write_text(
        "matrices.lr: {low: 1.0e-3, high: 1.0}\nmatrices.one_minus_momentum: {low: 0.01, high: 1.0}\n"
        "rest.lr_over_matrices: {low: 1.0e-3, high: 1.0e-1}\nrest.beta1: 0.9\n"
        "rest.one_minus_beta2: {choices: [0.1, 0.01]}\n"
    )
    dotted = study(*words, "search_space=digits_cnn/dotted")
    assert dotted.fingerprint == study(*words).fingerprint


@pytest.mark.parametrize(
    ("further", "says"),
    [
        (["+search_space.matrix.lr={low:0.1,high:1}"],
         r"search_space.matrix: group 'matrix' is not one of: matrices, rest; mend the search space"),
        (["+search_space.lr=0.1"], r"search_space.lr: this optimizer has groups; say whose it is"),
        (["search_space.matrices.lr.low=-1"], r"search_space.matrices.lr: a log-scale range must be pos"),
        (["+search_space.rest.lr=1"], r"search_space sets rest.lr twice, by rest.lr_over_matrices and re"),
        (["optimizer=sgd", "+search_space.matrices.lr=0.1"], r"search_space.matrices: .*'lr' is no part"),
        (["optimizer.groups.rest.where={kind:norm}"], r"no group of optimizer.groups takes parameter 0."),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_one_line(words, further, says):
    from harness.config import build

    with pytest.raises(ConfigError, match=says) as error:
        build.requests(jobs(*words, *further))
    assert "\n" not in str(error.value)
