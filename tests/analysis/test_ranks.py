"""Rank probabilities from a table."""

import numpy as np
import pytest

from harness.analysis import best_of_k
from harness.analysis.counting import every_trial
from harness.analysis.ranks import COLUMNS, first_and_mean_rank, rank_probabilities
from tests.analysis import made_up
from tests.analysis.conftest import made_up_table


def test_two_optimizers_share_as_probability_better_says():
    rng = np.random.default_rng(0)
    a, b = rng.random(20), rng.random(20)
    ranks = rank_probabilities(made_up_table(sgd=a, adam=b))
    assert tuple(ranks.columns) == COLUMNS
    first = ranks[(ranks["optimizer"] == "sgd") & (ranks["rank"] == 1)]
    assert first["budget_trials"].tolist() == [1, 2, 4, 8, 16, 20]
    expected = best_of_k.probability_better(a, b, first["budget_trials"], replacement=False)
    np.testing.assert_allclose(first["probability"], expected, atol=1e-12)


def test_chances_add_up_over_ranks_and_over_optimizers():
    rng = np.random.default_rng(0)
    names = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam")
    ranks = rank_probabilities(made_up_table(**{n: np.round(rng.random(25), 1) for n in names}))
    for column in ("optimizer", "rank"):
        total = ranks.groupby(["budget_trials", column])["probability"].sum()
        np.testing.assert_allclose(total, 1, atol=1e-12)


def test_identical_optimizers_are_equally_likely_at_every_rank():
    errors = np.round(np.random.default_rng(0).random(30), 1)
    ranks = rank_probabilities(made_up_table(sgd=errors, adam=errors, lion=errors))
    np.testing.assert_allclose(ranks["probability"], 1 / 3, atol=1e-12)


def test_an_optimizer_without_feasible_trials_is_left_out():
    trials = made_up_table(sgd=[0.1, 0.2], adam=[np.inf, np.inf])
    assert set(rank_probabilities(trials)["optimizer"]) == {"sgd"}
    every = rank_probabilities(every_trial(trials), budgets=[2])
    last = every[(every["optimizer"] == "adam") & (every["rank"] == 2)]["probability"]
    assert last.item() == pytest.approx(1)


def test_first_places_and_mean_ranks_add_up():
    frame = first_and_mean_rank(made_up.results().trials, also=[9]).dropna(subset=["first"])
    digits = frame[frame["workload"] == made_up.DIGITS]
    assert 9 in set(digits["budget_trials"])
    assert digits.groupby("budget_trials")["first"].sum().to_numpy() == pytest.approx(1)
    assert digits.groupby("budget_trials")["mean_rank"].sum().to_numpy() == pytest.approx(15)
    assert "adadelta" not in set(digits["optimizer"])
