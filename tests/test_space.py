"""Search spaces: parsing, points, and what a point means."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, qmc

from harness.errors import ConfigError
from harness.study.space import Choices, Range, hyperparameters, parse, sample, unit_point

LOG = {"low": 1e-3, "high": 1e1, "scale": "log"}


def test_an_axis_is_a_range_choices_or_a_constant():
    space = parse({"lr": LOG, "end_factor": {"choices": [0.1, 0.01]}, "eps": 1})
    assert space == {"lr": Range(1e-3, 1e1, "log"), "end_factor": Choices((0.1, 0.01)), "eps": 1.0}


def test_the_scale_is_logarithmic_unless_told():
    assert parse({"lr": {"low": 1, "high": 2}})["lr"] == Range(1.0, 2.0, "log")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"lr": {"low": 2, "high": 1}}, r"search_space\.lr: .*low < high, got low=2, high=1"),
        ({"lr": {"low": 1, "high": 1}}, r"low < high.*plain number"),
        ({"lr": {"low": -1, "high": 1}}, r"log-scale range must be positive, got low=-1"),
        ({"lr": {"low": 0, "high": 1}}, r"log-scale range must be positive"),
        ({"lr": {"low": 1, "high": math.inf}}, r"must be finite"),
        ({"lr": {"low": "a", "high": 1}}, r"low must be a number, got 'a'"),
        (
            {"lr": {"low": 1, "high": 2, "scale": "cubic"}},
            r"scale 'cubic' is not one of: linear, log",
        ),
        ({"lr": {"low": 1}}, r"an axis is a number"),
        ({"lr": "0.1"}, r"an axis is a number"),
        ({"lr": True}, r"an axis is a number"),
        ({"lr": math.nan}, r"constant must be finite"),
        ({"lr": {"choices": []}}, r"at least one value"),
        ({"lr": {"choices": ["a"]}}, r"choices must be numbers, got 'a'"),
        ({}, r"search space is empty"),
        ({"lr_over_eps": LOG}, r"lr_over_eps needs an eps axis"),
        ({"lr": LOG, "lr_over_eps": LOG, "eps": 1}, r"sets lr twice, by lr and lr_over_eps"),
        ({"momentum": 0.9, "one_minus_momentum": 0.1}, r"sets momentum twice"),
        (
            {"lr": LOG, "decay_steps_factor": 1.5},
            r"decay_steps_factor must lie in \[0, 1\], got 1.5",
        ),
        ({"lr": LOG, "l2": -1}, r"l2 must lie in \[0, inf\], got -1"),
    ],
)
def test_bad_spaces_are_told_in_one_line(node, message):
    with pytest.raises(ConfigError, match=message) as error:
        parse(node)
    assert "\n" not in str(error.value)


@given(st.floats(0, 1, exclude_max=True))
def test_points_lie_within_their_range(u):
    assert 1e-3 <= Range(1e-3, 1e1, "log").at(u) <= 1e1 * (1 + 1e-12)
    assert -2 <= Range(-2, 5, "linear").at(u) <= 5
    assert Choices((1.0, 2.0, 3.0)).at(u) in (1.0, 2.0, 3.0)


def test_log_ranges_are_uniform_in_the_logarithm():
    space = parse({"lr": LOG})
    draws = [math.log10(sample(space, "uniform", 3, i)["lr"]) for i in range(400)]
    assert kstest((np.array(draws) + 3) / 4, "uniform").pvalue > 0.01
    plain = (10.0 ** np.array(draws) - 1e-3) / (10 - 1e-3)
    assert kstest(plain, "uniform").pvalue < 1e-6


# --- trial i depends on (study, i) alone -----------------------------------------------------------


@given(st.integers(0, 2**31), st.integers(0, 300), st.integers(1, 8))
def test_halton_point_is_bit_equal_to_its_row_of_a_batch(seed, trial, dimensions):
    batch = qmc.Halton(dimensions, scramble=True, rng=np.random.default_rng(seed)).random(trial + 1)
    assert unit_point("halton", dimensions, seed, trial) == batch[trial].tolist()


def test_appending_an_axis_keeps_the_earlier_coordinates():
    before = parse({"lr": LOG, "eps": LOG})
    after = parse({"lr": LOG, "eps": LOG, "one_minus_beta1": LOG})
    for trial in range(20):
        old, new = (sample(space, "halton", 0, trial) for space in (before, after))
        assert {name: new[name] for name in old} == old


def test_constants_take_no_dimension():
    space = parse({"eps": 1e-8, "lr": LOG})
    assert sample(space, "halton", 0, 5)["lr"] == sample(parse({"lr": LOG}), "halton", 0, 5)["lr"]
    assert sample(space, "halton", 0, 5)["eps"] == 1e-8
    assert sample(parse({"lr": 0.1}), "halton", 0, 5) == {"lr": 0.1}


@pytest.mark.parametrize("sampler", ["halton", "uniform"])
def test_seeds_and_trials_give_different_points_and_the_same_again(sampler):
    space = parse({"lr": LOG, "eps": LOG})
    points = {
        (seed, trial): tuple(sample(space, sampler, seed, trial).values())
        for seed in (0, 1)
        for trial in range(50)
    }
    assert len(set(points.values())) == 100
    assert all(
        tuple(sample(space, sampler, *key).values()) == point for key, point in points.items()
    )


def test_halton_fills_the_space_more_evenly_than_independent_draws():
    def discrepancy(sampler):
        return qmc.discrepancy(np.array([unit_point(sampler, 3, 0, i) for i in range(64)]))

    assert discrepancy("halton") < discrepancy("uniform") / 2


def test_an_unknown_sampler_lists_the_known():
    with pytest.raises(ConfigError, match="sampler 'sobol' is not one of: halton, uniform"):
        sample(parse({"lr": LOG}), "sobol", 0, 0)


# --- what a point means ----------------------------------------------------------------------------


def test_the_papers_reparametrisations_are_undone():
    point = {"lr_over_eps": 5.0, "eps": 1e-2, "one_minus_beta1": 0.1, "one_minus_beta2": 1e-3}
    hyper = hyperparameters(point).optimizer
    assert hyper == pytest.approx({"lr": 0.05, "eps": 1e-2, "beta1": 0.9, "beta2": 0.999})


def test_rmsprops_ratio_is_over_the_root():
    hyper = hyperparameters({"lr_over_sqrt_eps": 5.0, "eps": 1e-4, "one_minus_rho": 0.1}).optimizer
    assert hyper == pytest.approx({"lr": 0.05, "eps": 1e-4, "rho": 0.9})


def test_schedule_and_regularisation_are_not_the_optimizers():
    hyper = hyperparameters({"lr": 0.1, "decay_steps_factor": 0.7, "end_factor": 0.01, "l2": 1e-4})
    assert hyper == ({"lr": 0.1}, 0.7, 0.01, 1e-4)


def test_without_a_schedule_the_learning_rate_is_constant():
    assert hyperparameters({"lr": 0.1})[1:] == (1.0, 1.0, 0.0)
