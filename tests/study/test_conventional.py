"""The first stage's ranges: by a hyperparameter's name, the same for every optimizer."""

import pytest

from harness.study.conventional import RANGES, first_stage
from harness.study.inclusions import EDGES, gaps
from harness.study.parametrisation import meaning
from harness.study.space import parse
from harness.training.rules import RULES


def stage(rule):
    return first_stage(RULES[rule].hyperparameters).space


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: f"{edge.special}<={edge.general}")
def test_every_inclusion_is_covered(edge):
    assert gaps(edge, stage(edge.special), stage(edge.general)) == []


def test_an_axis_sets_the_hyperparameter_it_stands_for():
    assert {name: meaning(axis) for name, (axis, _, _) in RANGES.items()} == {
        name: name for name in RANGES
    }


def test_the_learning_rate_comes_first_and_what_has_no_range_is_named():
    space, left = first_stage(["eps", "alpha", "lr"])
    assert (list(space), left) == (["effective_lr", "eps"], ["alpha"])
    assert list(first_stage(["lr"], effective=False).space) == ["lr"]


def test_within_a_parameter_group_axes_have_its_name():
    space = first_stage(["lr", "momentum"], "matrices").space
    assert list(space) == ["matrices.effective_lr", "matrices.one_minus_momentum"]
    assert parse({name: axis.node for name, axis in space.items()}) == space
