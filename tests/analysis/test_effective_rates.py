"""How much of the best range of a coordinate good trials fill, on trials that did not choose it."""

import numpy as np
import pytest

from harness.analysis.effective_rates import DECADES, best_range, fills, good, within
from tests.analysis.conftest import made_up_table, row_of

N = 300


def test_the_best_share_and_those_equal_to_its_last():
    assert good(np.array([0.1, 0.2, 0.2, 0.3]), 0.5).tolist() == [True, True, True, False]


def test_a_range_that_holds_too_few_is_none():
    x = np.array([0.0, 3.0, 6.0, 9.0])
    start, fill = best_range(x, np.array([True, True, True, True]))
    assert np.isnan(start)
    assert fill == 0


def test_a_straight_coordinate_is_filled_and_a_bent_one_is_not():
    rng = np.random.default_rng(0)
    straight, other = 6 * rng.random(N) - 3, 6 * rng.random(N) - 3
    trials = made_up_table(adam=0.1 + np.abs(straight)).assign(
        panel="made up", straight=10**straight, bent=10 ** (straight + other)
    )
    table = fills(trials, ["straight", "bent", "absent"])
    assert list(table["coordinate"]) == ["straight", "bent"]
    first, second = (row_of(table, coordinate=name) for name in ("straight", "bent"))
    assert first["held_out_fill"] > 0.5 > 2 * second["held_out_fill"]
    assert np.log10(first["high"] / first["low"]) == pytest.approx(DECADES)
    assert first["median_of_the_best_tenth"] == pytest.approx(1, rel=0.5)


def test_noise_fills_no_more_than_its_share_on_the_other_half():
    rng = np.random.default_rng(1)
    trials = made_up_table(adam=rng.random(N)).assign(panel="", noise=10 ** (1.6 * rng.random(N)))
    row = row_of(fills(trials, ["noise"]), coordinate="noise")
    assert row["held_out_fill"] == pytest.approx(0.15, abs=0.03)


def test_a_range_found_elsewhere_keeps_the_trials_inside():
    trials = made_up_table(adam=[0.1, 0.9, 0.2, 0.9], sgd=[0.3] * 4)
    trials = trials.assign(effective_lr=[1.0, 1e3, 2.0, 1e-3] * 2)
    table = within(trials, 0.1, 10, [1, 2])
    adam = row_of(table, optimizer="adam")
    assert (adam["trials"], adam["trials_within"]) == (4, 2)
    assert adam["best_of_1"] == pytest.approx(0.525)
    assert adam["best_of_1_within"] == pytest.approx(0.15)
    assert adam["best_of_2_within"] == pytest.approx(0.1)
    assert row_of(table, optimizer="sgd")["best_of_2_within"] == pytest.approx(0.3)
