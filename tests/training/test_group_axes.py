"""Parameter groups in words: what conf/optimizer says of them, their axes in a search space, mistakes."""

import pytest

from harness.config import build
from harness.errors import ConfigError
from harness.study.parametrisation import bounds, check_groups, hyperparameters, label, meaning
from harness.training import optimizers
from harness.training.definition import described as told
from harness.training.definition import groups
from tests.studies import jobs, record, study
from tests.training.test_groups import MATRICES, POINT, REST, TWO

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
    with pytest.raises(ConfigError, match=says) as error:
        build.requests(jobs(*words, *further))
    assert "\n" not in str(error.value)
