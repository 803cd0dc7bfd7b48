"""Bayesian search by ask and tell: the points that Optuna chooses from what it was told."""

import math

import numpy as np
import pytest

from harness.study.asking import Told, ask
from harness.study.sampling import sample
from harness.study.space import parse

pytest.importorskip("optuna")

SPACE = parse(
    {
        "lr": {"low": 1e-4, "high": 1.0, "scale": "log"},
        "momentum": {"low": 0.0, "high": 1.0, "scale": "linear"},
        "memory": {"low": 1, "high": 8, "scale": "linear", "integer": True},
        "search": {"choices": ["good", "bad"]},
        "eps": 1e-8,
    }
)


def error(point):
    """Lowest, at 0, where lr = 0.01; the rest matters little."""
    far = math.log10(point["lr"]) + 2
    return far**2 + 0.1 * (point["search"] == "bad") + 0.01 * point["memory"]


def searched(sampler, trials, seed=0, startup=8):
    told = []
    for trial in range(trials):
        point = (
            sample(SPACE, {"name": "halton"}, seed, trial)
            if trial < startup
            else ask(SPACE, sampler, seed, trial, told)
        )
        told.append(Told(point, error(point)))
    return told


def distances(points):
    return [abs(math.log10(point["lr"]) + 2) for point in points]


def test_it_searches_where_trials_were_good():
    """Halton points lie half a decade to two away from the best learning rate, whatever they find."""
    asked = [each.point for each in searched("tpe", 40)[20:]]
    halton = [sample(SPACE, {"name": "halton"}, 0, trial) for trial in range(20, 40)]
    assert np.median(distances(asked)) < np.median(distances(halton)) / 2


def test_a_gaussian_process_finds_the_place_in_few_trials():
    asked = [each.point for each in searched("gp", 12)[8:]]
    assert min(distances(asked)) < 0.1


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_a_point_is_a_function_of_what_was_told(sampler):
    told = searched("tpe", 6, startup=6)
    state = np.random.get_state()[1].copy()
    first, again, other = (ask(SPACE, sampler, seed, 10, told) for seed in (0, 0, 1))
    assert first == again != other
    assert np.array_equal(state, np.random.get_state()[1])
    assert list(first) == list(SPACE)
    assert first["eps"] == 1e-8
    assert first["search"] in ("good", "bad")
    assert first["memory"] in range(1, 9)
    assert type(first["memory"]) is float


def test_diverged_trials_are_as_bad_as_the_worst():
    points = [sample(SPACE, {"name": "halton"}, 0, trial) for trial in range(12)]
    told = [Told(p, None if p["lr"] > 1e-2 else error(p)) for p in points]
    chosen = [ask(SPACE, "tpe", seed, 12, told)["lr"] for seed in range(9)]
    assert np.median(chosen) < 1e-2


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_nothing_told_is_no_mistake(sampler):
    points = [sample(SPACE, {"name": "halton"}, 0, 0)]
    for nothing in ([], [Told(points[0], None)]):
        assert ask(SPACE, sampler, 0, 3, nothing).keys() == SPACE.keys()
