"""Importance of hyperparameters: recovers what made-up errors depend on, and nothing else."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.analysis.checking import check
from harness.analysis.importance import COLUMNS, explained, importance
from harness.analysis.reading import read_results
from tests.analysis.conftest import made_up_table


def with_axes(errors, **axes):
    trials = made_up_table(sgd=errors)
    return trials.assign(**{f"hp.{name}": values for name, values in axes.items()})


def test_the_axis_that_decides_comes_first():
    rng = np.random.default_rng(0)
    lr, l2 = 10 ** rng.uniform(-4, 0, 200), rng.random(200)
    errors = np.abs(np.log10(lr) + 2) + 0.2 * rng.random(200)  # a valley: rank correlation is 0
    shares = importance(with_axes(errors, l2=l2, lr=lr)).set_index("axis")
    assert list(shares.reset_index().columns) == ["axis", *[c for c in COLUMNS if c != "axis"]]
    assert shares.index[0] == "lr"
    assert shares.loc["lr", "importance"] > 0.8
    assert shares.loc["l2", "importance"] < 0.05


def test_what_acts_only_through_another_axis_shows_as_interaction():
    rng = np.random.default_rng(1)
    x, y, z = rng.random((3, 400))
    shares = importance(with_axes(np.abs(x - y), x=x, y=y, z=z)).set_index("axis")
    assert shares.loc["x", "partner"] == "y"
    assert shares.loc["x", "interaction"] > 0.5
    assert shares.loc["x", "importance"] < 0.3
    assert shares.loc["z", "interaction"] < 0.1


def test_effects_that_add_up_are_no_interaction():
    rng = np.random.default_rng(4)
    x, y = rng.random((2, 400))
    shares = importance(with_axes(x + y, x=x, y=y)).set_index("axis")
    assert (shares["importance"] > 0.3).all()
    assert (shares["interaction"] < 0.1).all()


@pytest.mark.parametrize("bins", [2, 10, 20])
def test_chance_explains_nothing_on_average(bins):
    rng = np.random.default_rng(2)
    shares = [
        explained(rng.permutation(np.arange(60) % bins), stats.rankdata(rng.random(60)))
        for _ in range(500)
    ]
    assert np.median(shares) == 0  # clipped at none; uncorrected it would be (bins - 1) / 59
    assert np.mean(shares) < 0.06


def test_explained_equals_the_textbook_sums():
    rng = np.random.default_rng(3)
    bins, ranks = rng.integers(0, 4, 50), stats.rankdata(rng.random(50))
    ranks[bins == 2] += 40
    means = {b: ranks[bins == b].mean() for b in range(4)}
    within = sum((r - means[b]) ** 2 for r, b in zip(ranks, bins, strict=True)) / (50 - 4)
    assert explained(bins, ranks) == pytest.approx(1 - within / ranks.var(ddof=1))


def test_diverged_trials_count_as_worst():
    lr = np.linspace(0.01, 1, 40)
    errors = np.where(lr > 0.4, np.inf, 0.3)  # lr decides between equal errors and divergence
    trials = with_axes(errors, lr=lr)
    assert importance(trials)["importance"].iloc[0] > 0.8
    assert importance(trials[trials["status"] == "complete"])["importance"].iloc[0] == 0


def test_choices_constants_names_and_few_trials():
    rng = np.random.default_rng(0)
    choice = rng.choice([1e-3, 1e-2, 1e-1], 60)
    trials = with_axes(
        np.log10(choice) + 4 + 0.1 * rng.random(60),
        end_factor=choice,
        momentum=0.9,
        name=["x"] * 60,
    )
    shares = importance(check(trials))
    assert shares["axis"].tolist() == ["end_factor"]
    assert shares["importance"].iloc[0] > 0.8
    assert pd.isna(shares["partner"].iloc[0])
    assert importance(trials.iloc[:15]).empty


def test_with_fewer_than_ten_trials_an_axis_nothing_is_shown():
    rng = np.random.default_rng(0)
    axes = {f"a{i}": rng.random(59) for i in range(6)}
    assert importance(with_axes(rng.random(59), **axes)).empty
    axes = {f"a{i}": rng.random(60) for i in range(6)}
    assert len(importance(with_axes(rng.random(60), **axes))) == 6


def test_the_largest_of_several_interactions_is_compared_with_chance():
    """64 trials, six axes, none of which matters: unchecked, one in twenty would exceed .13."""
    rng = np.random.default_rng(5)
    nulls, found = [], []
    for _ in range(40):
        axes = {f"a{i}": rng.random(64) for i in range(6)}
        shares = importance(with_axes(rng.random(64), **axes))
        nulls.append(shares["interaction_null"].iloc[0])
        found += list(shares["interaction"] > 0)
        assert (shares["partner"].notna() == (shares["interaction"] > 0)).all()
    assert np.mean(nulls) == pytest.approx(0.14, abs=0.015)
    assert np.mean(found) < 0.1


def test_an_external_table(mnli):
    """The learning rate is what matters in fine-tuning DeBERTa."""
    shares = importance(read_results(mnli).trials).groupby("optimizer").first()
    assert shares["axis"].unique().tolist() == ["learning_rate"]
    assert (shares["importance"] > 0.7).all()
