"""What the coordinates of a search space mean."""

import math

import pytest

from harness.study import parametrisation
from harness.study.parametrisation import bounds, hyperparameters, label, meaning, order


def test_the_papers_reparametrisations_are_undone():
    point = {"lr_over_eps": 5.0, "eps": 1e-2, "one_minus_beta1": 0.1, "one_minus_beta2": 1e-3}
    expected = {"lr": 0.05, "eps": 1e-2, "beta1": 0.9, "beta2": 0.999}
    assert hyperparameters(point) == pytest.approx(expected)


def test_rmsprops_ratio_is_over_the_root():
    point = {"lr_over_sqrt_eps": 5.0, "eps": 1e-4, "one_minus_rho": 0.1}
    assert hyperparameters(point) == pytest.approx({"lr": 0.05, "eps": 1e-4, "rho": 0.9})


def test_what_is_searched_by_its_own_name_stays_as_it_is():
    point = {"lr": 0.1, "momentum": 0.9, "end_factor": 0.01, "l2": 1e-4, "of_mine": 3.0}
    assert hyperparameters(point) == point


@pytest.mark.parametrize(
    ("coordinate", "means"),
    [("one_minus_rho", "rho"), ("lr_over_eps", "lr"), ("lr_over_sqrt_eps", "lr"), ("eps", "eps")],
)
def test_a_coordinate_sets_one_hyperparameter(coordinate, means):
    assert meaning(coordinate) == means
    assert list(hyperparameters({coordinate: 0.5, "eps": 1.0})) == list(
        dict.fromkeys((means, "eps"))
    )


def test_a_label_is_in_symbols_with_or_without_the_columns_prefix():
    assert label("hp.one_minus_beta2") == label("one_minus_beta2") == "1 − β₂"
    assert label("hp.weight_decay") == "weight decay"


def test_bounds_are_where_a_value_means_anything():
    assert bounds("one_minus_momentum") == bounds("decay_steps_factor") == (0.0, 1.0)
    assert bounds("lr_over_eps") == bounds("weight_decay") == (0.0, math.inf)
    assert bounds("of_mine") == (-math.inf, math.inf)


def test_every_coordinate_of_the_paper_has_symbols_and_bounds():
    assert set(parametrisation.LABELS) - set(parametrisation.BOUNDS) == {"learning_rate"}


def test_learning_rate_first_and_schedule_last():
    given = ["end_factor", "eps", "of_mine", "decay_steps_factor", "one_minus_beta1", "lr_over_eps"]
    assert order([*given, "eps"]) == [
        "lr_over_eps", "one_minus_beta1", "eps", "of_mine", "decay_steps_factor", "end_factor",
    ]  # fmt: skip


def test_an_effective_rate_sets_lr_and_only_the_rule_can_tell_which():
    assert meaning("effective_lr") == "lr"
    assert meaning("matrices.effective_lr") == "matrices.lr"
    assert hyperparameters({"effective_lr": 0.5, "one_minus_rho": 0.1}) == {
        "effective_lr": 0.5, "rho": 0.9,
    }  # fmt: skip


def test_a_multiple_of_an_effective_rate_stays_open_too():
    point = {"matrices.effective_lr": 0.5, "rest.lr_over_matrices": 0.1}
    assert hyperparameters(point) == point
