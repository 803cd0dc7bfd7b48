"""Rank probabilities from a table."""

import numpy as np
import pytest

from harness.analysis import best_of_k
from harness.analysis.counting import every_trial
from harness.analysis.ranks import COLUMNS, first_and_mean_rank, rank_probabilities
from tests.analysis import made_up, races
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


def test_shares_of_races_have_an_interval_up_to_a_fifth_of_the_trials():
    rng = np.random.default_rng(0)
    frame = first_and_mean_rank(
        made_up_table(sgd=rng.random(80), adam=rng.random(70), lion=rng.random(39))
    )
    racing = frame.dropna(subset=["first"])
    assert set(racing["optimizer"]) == {"sgd", "adam"}
    assert sorted(set(racing["budget_trials"])) == [1, 2, 4, 8, 14]
    assert (racing["first_low"] <= racing["first"]).all()
    assert (racing["first"] <= racing["first_high"]).all()
    assert racing.groupby("budget_trials")["first"].sum().to_numpy() == pytest.approx(1)
    assert frame[frame["optimizer"] == "lion"]["missing"].tolist() == ["fewer than 40 trials"]
    alone = first_and_mean_rank(made_up_table(sgd=rng.random(80), lion=rng.random(39)))
    assert alone["first"].isna().all()
    assert alone["missing"].tolist() == ["no rival with as many trials", "fewer than 40 trials"]


def test_first_places_are_those_of_the_full_ranks():
    rng = np.random.default_rng(1)
    fields = [np.round(rng.random(n), 1) for n in (20, 30, 25, 20)]
    for replacement in (False, True):
        quick = best_of_k.first_probabilities(fields, [1, 4, 9], replacement=replacement)
        full = best_of_k.rank_probabilities(fields, [1, 4, 9], replacement=replacement)
        np.testing.assert_allclose(quick, full[:, :, 0], atol=1e-12)


ALIKE, APART = (1,) * 6, (1, 1, 1.5, 2, 3, 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "budget", "odds", "surface"),
    [
        (64, 12, ALIKE, True), (64, 12, APART, False), (256, 16, ALIKE, False), (256, 16, APART, True),
        (256, 4, ALIKE, True), (256, 4, APART, False),
    ],
)  # fmt: skip
def test_the_interval_of_a_share_holds_it_in_about_nine_tables_of_ten(n, budget, odds, surface):
    rng = np.random.default_rng([n, budget])
    truth, covered = np.array(odds) / sum(odds), []
    for _ in range(40):
        shared = 6 * ((races.halton(4, n, rng) - 0.5) ** 2).sum(axis=1)
        ranks = [
            races.rank(0.15, 0)(shared + 0.15 * rng.standard_normal(n))
            if surface
            else rng.random(n)
            for _ in odds
        ]
        fields = [races.winning(rank, each) for rank, each in zip(ranks, odds, strict=True)]
        frame = first_and_mean_rank(
            made_up_table(**{f"o{i}": column for i, column in enumerate(fields)}), also=[budget]
        )
        own = frame[frame["budget_trials"] == budget]
        covered.append((own["first_low"] <= truth) & (truth <= own["first_high"]))
    print(f"N = {n}, K = {budget}, surface {surface}: {np.mean(covered):.3f}")
    assert 0.8 < np.mean(covered) < 0.99
