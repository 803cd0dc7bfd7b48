"""The experiments of the paper's figures 3 and 4: its budgets, and each column's spaces inside the next's."""

import functools

import pytest

from harness.study.inclusions import EDGES, gaps
from harness.study.space import Choices, Constant, Range
from harness.training.effective_rate import unit_rate
from harness.training.schedules.constant import constant
from harness.training.schedules.linear import linear
from tests.config.test_compose import EXPERIMENTS, optimizers_of, put_together, shipped, space_of

COLUMNS = ("lr_only", "lr_and_others", "schedule")
OPTIMIZERS = ["sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam"]
PAPER = {  # workload, steps, batch size, width: the paper's table of workloads, epochs of 45,000 images
    "wilson_cifar10_vgg16": ("cifar10_vgg16", round(250 * 45_000 / 128), 128, 64),
    "schneider_cifar100_cnn": ("cifar100_cnn", round(350 * 45_000 / 256), 256, 96),
    "schneider_war_and_peace": ("war_and_peace_lstm", 200 * 940, 50, None),
}
ROUNDING = 1e-9  # a rate is the difference of two sums of steps
FIGURES = [*PAPER, *(f"{name}_small" for name in PAPER), "schneider_fashion_mnist_cnn_small"]


def name_of(figure, column):
    name, small, _ = figure.partition("_small")
    return f"{name}_{column}{small}"


@functools.cache
def study(figure, column, optimizer):
    name = name_of(figure, column)
    return put_together(optimizer, space_of(name, optimizer), f"experiment={name}")


@pytest.mark.parametrize("column", COLUMNS)
def test_what_is_put_together_here_is_what_hydra_composes(column):
    experiment = f"experiment={name_of(FIGURES[0], column)}"
    assert study(FIGURES[0], column, "nadam") == shipped(experiment, "optimizer=nadam")


@pytest.mark.parametrize("figure", FIGURES)
def test_the_columns_are_of_the_same_optimizers_at_one_budget(figure):
    for column in COLUMNS:
        assert optimizers_of(EXPERIMENTS[name_of(figure, column)]) == OPTIMIZERS
    first, *others = (study(figure, column, "adam").config for column in COLUMNS)
    for part in ("workload", "model", "data", "precision"):
        assert all(other[part] == first[part] for other in others)


@pytest.mark.parametrize("figure", PAPER)
def test_the_papers_budgets(figure):
    of = study(figure, "lr_only", "sgd").config
    workload = of["workload"]
    found = workload["name"], workload["steps"], workload["batch_size"], of["model"].get("width")
    assert found == PAPER[figure]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("figure", FIGURES)
def test_the_first_column_searches_the_learning_rate_alone(figure, optimizer):
    space = study(figure, "lr_only", optimizer).space
    assert [name for name, axis in space.items() if axis.searched] in (["effective_lr"], ["lr"])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("figure", FIGURES)
def test_a_columns_space_lies_inside_the_nexts(figure, optimizer):
    lr_only, lr_and_others, schedule = (study(figure, column, optimizer) for column in COLUMNS)
    first = in_effective_rates(lr_only, lr_and_others.config["gradient_scale"])
    assert outside(first, lr_and_others.space) == []
    assert outside(lr_and_others.space, schedule.space) == []


@pytest.mark.parametrize("figure", FIGURES)
def test_the_fixed_schedule_is_one_of_those_that_are_searched(figure):
    fixed, searched = (study(figure, column, "sgd") for column in COLUMNS[1:])
    names = [each.config["schedule"]["name"] for each in (fixed, searched)]
    if names != ["step", "step"]:  # whose axes are compared above
        assert names == ["constant", "linear"]
        assert 1.0 in searched.space["end_factor"].choices
        factors = [linear(step, 9, decay_steps_factor=0.7, end_factor=1.0) for step in range(9)]
        assert factors == [constant(step, 9) for step in range(9)]


@pytest.mark.parametrize("column", COLUMNS[1:])
@pytest.mark.parametrize("figure", FIGURES)
def test_the_larger_spaces_hold_what_the_inclusions_need(figure, column):
    spaces = {name: study(figure, column, name).space for name in OPTIMIZERS}
    for edge in EDGES:
        assert gaps(edge, spaces[edge.special], spaces[edge.general]) == []


def outside(small, large):
    """The axes of a space that leave those of the same name of another."""
    return [f"{name}: {axis}" for name, axis in small.items() if not holds(large.get(name), axis)]


def holds(large, small):
    if large is None:
        return False
    if isinstance(large, Choices):
        return set(getattr(small, "choices", small.ends)) <= set(large.choices)
    low, high = large.ends
    return low * (1 - ROUNDING) <= small.ends[0] and small.ends[1] <= high * (1 + ROUNDING)


def in_effective_rates(study, scale):
    """The study's space in the coordinates of the next one: lr as an effective rate, momentum from one."""
    space = dict(study.space)
    if "momentum" in space:
        space["one_minus_momentum"] = Constant(
            "one_minus_momentum", 1 - space.pop("momentum").ends[0]
        )
    if "lr" in space:
        lr = space.pop("lr")
        others = {name: axis.ends[0] for name, axis in space.items()}
        config = {**study.config, "workload": {"steps": 1000}}  # after 300 it has long settled
        unit = unit_rate(config, {"lr": 1.0, **others}, scale, lambda: None)
        space["effective_lr"] = Range("effective_lr", *(unit * end for end in lr.ends))
    return space
