"""The points of a study: trial i is a function of (space, sampler, seed, i) alone."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, qmc

from harness.errors import ConfigError
from harness.study.sampling import sample, unit_point
from harness.study.space import parse

LOG = {"low": 1e-3, "high": 1e1, "scale": "log"}


def test_log_ranges_are_uniform_in_the_logarithm():
    space = parse({"lr": LOG})
    draws = [math.log10(sample(space, "uniform", 3, i)["lr"]) for i in range(400)]
    assert kstest((np.array(draws) + 3) / 4, "uniform").pvalue > 0.01
    plain = (10.0 ** np.array(draws) - 1e-3) / (10 - 1e-3)
    assert kstest(plain, "uniform").pvalue < 1e-6


@given(st.integers(0, 2**31), st.integers(0, 300), st.integers(1, 8))
def test_halton_point_is_bit_equal_to_its_row_of_a_batch(seed, trial, dimensions):
    batch = qmc.Halton(dimensions, scramble=True, rng=np.random.default_rng(seed)).random(trial + 1)
    assert unit_point("halton", dimensions, seed, trial) == batch[trial].tolist()


def test_appending_an_axis_keeps_the_earlier_coordinates():
    before = parse({"lr": LOG, "eps": LOG})
    after = parse({"lr": LOG, "eps": LOG, "l2": LOG})
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
