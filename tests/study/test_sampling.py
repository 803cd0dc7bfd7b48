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
    draws = [math.log10(sample(space, {"name": "uniform"}, 3, i)["lr"]) for i in range(400)]
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
        old, new = (sample(space, {"name": "halton"}, 0, trial) for space in (before, after))
        assert {name: new[name] for name in old} == old


def test_constants_take_no_dimension():
    space = parse({"eps": 1e-8, "lr": LOG})
    assert (
        sample(space, {"name": "halton"}, 0, 5)["lr"]
        == sample(parse({"lr": LOG}), {"name": "halton"}, 0, 5)["lr"]
    )
    assert sample(space, {"name": "halton"}, 0, 5)["eps"] == 1e-8
    assert sample(parse({"lr": 0.1}), {"name": "halton"}, 0, 5) == {"lr": 0.1}


@pytest.mark.parametrize("sampler", ["halton", "uniform"])
def test_seeds_and_trials_give_different_points_and_the_same_again(sampler):
    space = parse({"lr": LOG, "eps": LOG})
    points = {
        (seed, trial): tuple(sample(space, {"name": sampler}, seed, trial).values())
        for seed in (0, 1)
        for trial in range(50)
    }
    assert len(set(points.values())) == 100
    assert all(
        tuple(sample(space, {"name": sampler}, *key).values()) == point
        for key, point in points.items()
    )


def test_halton_fills_the_space_more_evenly_than_independent_draws():
    def discrepancy(sampler):
        return qmc.discrepancy(np.array([unit_point(sampler, 3, 0, i) for i in range(64)]))

    assert discrepancy("halton") < discrepancy("uniform") / 2


def test_an_unknown_sampler_lists_the_known():
    with pytest.raises(
        ConfigError, match="sampler 'sobol' is not one of: gp, grid, halton, tpe, uniform"
    ):
        sample(parse({"lr": LOG}), {"name": "sobol"}, 0, 0)


# --- a grid ----------------------------------------------------------------------------------------

TWO = parse({"lr": LOG, "momentum": {"low": 0.0, "high": 0.9, "scale": "linear"}, "eps": 1e-8})


def grid(space, points, seed=0):
    sampler = {"name": "grid", "points": points}
    return lambda trial: sample(space, sampler, seed, trial)


def test_a_grid_has_every_combination_once_with_the_ends_among_them():
    drawn = [grid(TWO, 4)(trial) for trial in range(16)]
    lr = sorted({point["lr"] for point in drawn})
    momentum = sorted({point["momentum"] for point in drawn})
    assert len({(point["lr"], point["momentum"]) for point in drawn}) == 16
    assert (lr[0], lr[-1]) == TWO["lr"].ends
    np.testing.assert_allclose(np.diff(np.log10(lr)), np.log10(lr[-1] / lr[0]) / 3)
    np.testing.assert_allclose(momentum, [0.0, 0.3, 0.6, 0.9], atol=1e-12)
    assert {point["eps"] for point in drawn} == {1e-8}


def test_its_order_is_of_the_seed_and_one_point_is_the_middle():
    orders = [[tuple(grid(TWO, 3, seed)(i).values()) for i in range(9)] for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])
    assert grid(TWO, 1)(0)["momentum"] == pytest.approx(0.45)


def test_beyond_the_last_point_there_is_none():
    with pytest.raises(ConfigError, match=r"has 6 points \(2 x 3\), and trial 6 is none of them"):
        grid(parse({"lr": LOG, "k": {"choices": [1, 2, 5]}}), 2)(6)
    with pytest.raises(ConfigError, match=r"more than 1,000,000; give a smaller sampler.points"):
        grid(TWO, 1001)(0)


def test_whole_numbers_and_words_on_a_grid():
    space = parse(
        {
            "few": {"low": 1, "high": 3, "scale": "linear", "integer": True},
            "many": {"low": 1, "high": 100, "integer": True},
            "word": {"choices": ["a", "b"]},
        }
    )
    drawn = [grid(space, 4)(trial) for trial in range(3 * 4 * 2)]
    assert {point["few"] for point in drawn} == {1.0, 2.0, 3.0}
    assert {point["many"] for point in drawn} == {1.0, 5.0, 22.0, 100.0}
    assert {point["word"] for point in drawn} == {"a", "b"}
