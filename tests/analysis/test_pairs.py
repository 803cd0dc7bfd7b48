"""Every pair of optimizers: the table, its verdicts, and how often they are wrong."""

import itertools
from functools import partial

import numpy as np
import pytest

from harness.analysis import pairs as every_pair
from harness.analysis.checking import TableError
from harness.analysis.counting import every_trial
from harness.analysis.paired import compare
from harness.analysis.pairs import (
    COLUMNS,
    both_ways,
    judged,
    least_and_most,
    pairs,
    unbeaten,
    winner,
)
from harness.analysis.partners import fields, partners
from harness.study.study import Study
from tests.analysis import races
from tests.analysis.conftest import made_up_table, row_of
from tests.analysis.made_up import DIGITS, TEXT, results

GRID = np.linspace(0.1, 0.9, 100)


@pytest.fixture(scope="module")
def apart():
    """Momentum far ahead; sgd and adam alike but for their luck."""
    rng = np.random.default_rng(0)
    return made_up_table(
        sgd=GRID + 0.02 * rng.random(100), momentum=GRID - 0.09, adam=GRID + 0.02 * rng.random(100)
    )


def test_columns_are_those_that_others_read(apart):
    frame = pairs(apart)
    assert tuple(frame.columns) == COLUMNS == (
        "workload", "a", "b", "budget_trials", "trials_a", "trials_b", "win", "win_low",
        "win_high", "p_adjusted", "verdict",
    )  # fmt: skip
    assert set(frame["budget_trials"]) == {16}
    assert set(frame["trials_a"]) == set(frame["trials_b"]) == {100}


def test_every_pair_stands_there_once():
    frame = pairs(results().trials)
    for _, rows in frame.groupby("workload"):
        found = [frozenset(pair) for pair in zip(rows["a"], rows["b"], strict=True)]
        names = set().union(*found)
        assert sorted(map(sorted, found)) == sorted(
            sorted(pair) for pair in itertools.combinations(names, 2)
        )
    assert "nadam" not in set(frame[frame["workload"] == TEXT]["a"])
    adadelta = frame[(frame["workload"] == DIGITS) & (frame["b"] == "adadelta")]
    assert set(adadelta["verdict"]) == {"can't tell"}  # it only diverges
    assert adadelta[["win", "win_low", "win_high", "p_adjusted"]].isna().all(axis=None)


def test_verdicts_are_of_a_and_agree_with_the_interval(apart):
    frame = pairs(apart)
    assert row_of(frame, a="sgd", b="momentum")["verdict"] == "worse"
    assert row_of(frame, a="momentum", b="adam")["verdict"] == "better"
    assert row_of(frame, a="sgd", b="adam")["verdict"] == "can't tell"
    for row in frame.to_dict("records"):
        assert row["win_low"] <= row["win"] <= row["win_high"]
        held = row["win_low"] <= 0.5 <= row["win_high"]
        assert held == (row["verdict"] == "can't tell") == (row["p_adjusted"] > 0.05)
    assert winner(frame) == "momentum"
    assert unbeaten(frame) == ["momentum"]
    alike = frame[(frame["a"] == "sgd") & (frame["b"] == "adam")]
    low, high = least_and_most(alike)
    assert low == pytest.approx(1 - high)
    assert low <= alike["win_low"].item() <= alike["win_high"].item() <= high


def test_both_ways_turns_everything(apart):
    frame = both_ways(pairs(apart))
    assert len(frame) == 6
    there, back = row_of(frame, a="momentum", b="adam"), row_of(frame, a="adam", b="momentum")
    assert back["win"] == pytest.approx(1 - there["win"])
    assert back["win_low"] == pytest.approx(1 - there["win_high"])
    assert (there["verdict"], back["verdict"]) == ("better", "worse")


def test_the_baseline_is_b_in_all_its_pairs_and_they_come_first(apart):
    frame = pairs(apart, baseline="sgd")
    assert frame["b"].tolist()[:2] == ["sgd", "sgd"]
    assert frame["a"].tolist() == ["momentum", "adam", "momentum"]
    assert len(frame) == 3
    plain = pairs(apart)
    assert sorted(frame["p_adjusted"]) == pytest.approx(sorted(plain["p_adjusted"]), abs=0.002)
    with pytest.raises(
        TableError, match="the baseline 'lion' is not in the table, which holds: sgd"
    ):
        pairs(apart, baseline="lion")


@pytest.mark.parametrize(("n", "found"), [(39, 0), (40, 1)])
def test_under_forty_trials_nothing_is_said(n, found):
    frame = pairs(made_up_table(sgd=GRID[:n] + 0.5, adam=GRID[:n]))
    assert len(judged(frame)) == found
    assert frame["verdict"].tolist() == ["worse" if found else "can't tell"]


def test_an_optimizer_with_too_few_trials_for_the_budget_is_not_judged():
    frame = pairs(made_up_table(sgd=GRID, adam=GRID, lion=GRID[:45] + 0.5))
    assert row_of(frame, a="sgd", b="adam")["budget_trials"] == 16
    assert np.isnan(row_of(frame, a="sgd", b="lion")["win"])
    at_eight = pairs(made_up_table(sgd=GRID, adam=GRID, lion=GRID[:45] + 0.5), budget=8)
    assert row_of(at_eight, a="sgd", b="lion")["verdict"] == "better"


def test_every_trial_may_count():
    trials = every_trial(made_up_table(sgd=GRID, adam=[*GRID[:50] - 0.09, *[np.inf] * 50]))
    frame = pairs(trials)
    assert frame["every_trial_counts"].all()
    assert frame["trials_b"].tolist() == [100]


# --- partners -------------------------------------------------------------------------------------


def seeded(name, seed, sampler_seed=None):
    config = {"optimizer": {"name": name}, "seed": seed, "search_space": {"lr": 0.1}}
    return Study(config | {"sampler": {"name": "halton", "seed": sampler_seed}})


def places(trials, studies):
    return [each.places.tolist() for each in partners(*fields(trials, "val_error", studies))]


def test_trials_of_one_seed_are_partners_by_index():
    """The third of sgd diverged, adam begins at trial 2."""
    trials = made_up_table(sgd=[0.1, 0.2, np.inf, 0.4], adam=[0.1, 0.2])
    trials.loc[trials["optimizer"] == "adam", "trial"] = [2, 3]
    studies = {"sgd-study": seeded("sgd", 0), "adam-study": seeded("adam", 0)}
    (zero, one, three), (two, also_three) = places(trials, studies)
    assert three == also_three
    assert two not in (zero, one)
    apart = studies | {"adam-study": seeded("adam", 1)}
    assert places(trials, apart) == [[0, 1, 3], [0, 1]]  # by their order
    assert places(trials, {}) == places(trials, apart)
    points = studies | {"adam-study": seeded("adam", 0, sampler_seed=5)}
    assert places(trials, points) == places(trials, apart)


def test_partners_make_the_test_sharper():
    ratios = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        a, b = races.common_surface(rng, 64, 64, 2.0, noise=0.05)
        trials = made_up_table(sgd=a.errors, adam=b.errors)
        shuffled = trials.copy()
        own = shuffled["optimizer"] == "adam"
        shuffled.loc[own, "trial"] = rng.permutation(64)
        together, by_chance = pairs(trials).iloc[0], pairs(shuffled).iloc[0]
        assert together["win"] == by_chance["win"]
        width = [row["win_high"] - row["win_low"] for row in (together, by_chance)]
        ratios.append(width[0] / width[1])
    assert np.mean(ratios) < 0.6  # .49 over thirty tables


# --- how often it is wrong ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("n", [64, 256])
def test_of_six_alike_one_is_declared_the_winner_in_at_most_one_table_of_twenty(n, monkeypatch):
    monkeypatch.setattr(every_pair, "compare", partial(compare, swaps=1199))  # p down to .05/60
    rng = np.random.default_rng(n)
    names = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam")
    claims = winners = 0
    tables = 150
    for _ in range(tables):
        points = races.halton(4, n, rng)
        shared = 6 * ((points - 0.5) ** 2).sum(axis=1)
        frame = pairs(
            made_up_table(**{name: shared + 0.15 * rng.standard_normal(n) + 1 for name in names})
        )
        claims += (frame["verdict"] != "can't tell").any()
        winners += winner(frame) is not None
    print(
        f"N = {n}: any pair called apart in {claims / tables:.3f}, a winner in {winners / tables:.3f}"
    )
    assert claims / tables < 0.05 + 4 * np.sqrt(0.05 * 0.95 / tables)
    assert winners / tables <= 0.05
    assert claims > 0  # the test is not idle
