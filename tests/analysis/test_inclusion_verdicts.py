"""Verdicts on inclusions: their decisions, and how often they are wrong."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from harness.analysis import inclusion_verdicts
from harness.analysis.checking import check
from harness.analysis.counting import every_trial
from harness.analysis.paired import compare
from harness.study.inclusions import EDGES
from harness.study.study import Study
from tests.analysis import races
from tests.analysis.made_up import TEXT, results


def made_up(errors, workload="w"):
    """A table from {optimizer: errors}; an infinite error is a diverged trial."""
    rows = [
        {
            "workload": workload,
            "optimizer": optimizer,
            "trial": trial,
            "status": "complete" if np.isfinite(error) else "diverged",
            "val_error": error if np.isfinite(error) else None,
        }
        for optimizer, column in errors.items()
        for trial, error in enumerate(column)
    ]
    return check(pd.DataFrame(rows))


def one_verdict(special, general, **options):
    trials = made_up({"sgd": special, "momentum": general})
    rows = inclusion_verdicts.verdicts(trials, **options)
    assert len(rows) == 1
    return rows.iloc[0]


# --- decisions ----------------------------------------------------------------------------------


def test_a_clearly_worse_general_optimizer_violates():
    errors = np.linspace(0.1, 0.9, 60)
    row = one_verdict(special=errors, general=errors + 0.2)
    assert row["verdict"] == "violated"
    assert row["budget_trials"] == 12
    assert row["superiority_low"] <= row["superiority"] <= row["superiority_high"] < 0.5
    assert row["p_adjusted"] < 0.05
    assert row["tuned"] == "above"


def test_a_better_general_optimizer_is_consistent_and_something_is_excluded():
    errors = np.linspace(0.1, 0.9, 60)
    row = one_verdict(special=errors + 0.2, general=errors)
    assert row["verdict"] == "consistent"
    assert row["superiority_low"] > 0.5
    assert row["tuned"] == "at or under"


def test_few_trials_decide_nothing_however_bad():
    errors = np.linspace(0.1, 0.2, 40)
    few = one_verdict(errors[:39], errors[:39] + 0.5)
    assert few["verdict"] == "not enough trials"
    assert np.isnan(few["superiority"])  # no share of races without an interval
    assert one_verdict(errors, errors + 0.5)["verdict"] == "violated"


def test_a_larger_space_may_lose_at_small_budgets():
    """General finds the best region, where errors are level, half as often: once tuned that is all but
    nothing, and the share says so."""
    rng = np.random.default_rng(0)
    special = np.round(rng.uniform(0.1, 0.5, 400), 1)
    general = np.where(np.arange(400) % 2, np.round(rng.uniform(0.1, 0.5, 400), 1), 0.9)
    trials = made_up({"sgd": special, "momentum": general})
    curve = inclusion_verdicts.probabilities(trials)
    assert curve["superiority_high"].iloc[0] < 0.4
    assert curve["superiority"].iloc[-1] > 0.48


def test_the_budget_of_decision_is_sixteen_or_another_that_is_given():
    errors = np.random.default_rng(0).random(1000)
    assert one_verdict(errors, errors)["budget_trials"] == 16
    row = one_verdict(errors, errors, budget=200)
    assert (row["budget_trials"], row["verdict"]) == (200, "consistent")
    worse = (errors + 1) / 2
    assert one_verdict(errors, worse, budget=201)["verdict"] == "not enough trials"
    assert one_verdict(errors, worse, budget=7)["verdict"] == "not enough trials"


def test_equal_errors_are_at_or_under():
    row = one_verdict(np.full(50, 0.1), np.full(50, 0.1))
    assert row["probability"] == pytest.approx(1)
    assert (row["verdict"], row["tuned"]) == ("consistent", "at or under")


def test_a_mean_that_differs_by_rounding_is_no_other():
    special = np.full(50, 3 / 360)
    row = one_verdict(special, np.full(50, 4 / 360 - 1 / 360))
    assert (row["verdict"], row["tuned"]) == ("consistent", "at or under")
    assert row["tie"] == pytest.approx(1)


def test_ties_count_half():
    special, general = np.full(40, 0.1), np.full(40, 0.1)
    general[:4] = 0.2  # best of 8 is 0.1 all but surely
    row = one_verdict(special, general)
    assert row["tie"] == pytest.approx(1, abs=1e-6)
    assert row["superiority"] == pytest.approx(0.5, abs=1e-6)
    lost = np.repeat([0.1, 0.2], [3, 37])
    row = one_verdict(special, lost)
    missed = np.prod([(37 - i) / (40 - i) for i in range(8)])  # best of 8 is none of the three
    assert row["probability"] == pytest.approx(1 - missed)
    assert row["superiority"] == pytest.approx(row["probability"] / 2)
    assert one_verdict(lost, special)["superiority"] == pytest.approx(1 - row["superiority"])


def test_what_the_general_space_lacks_is_said():
    trials = made_up({"sgd": np.linspace(0.1, 0.9, 40), "momentum": np.linspace(0.1, 0.9, 40)})
    trials["study"] = trials["optimizer"] + "-study"
    space = {"lr": {"low": 0.1, "high": 1.0}}

    def edges(one_minus_momentum):
        general = {**space, "one_minus_momentum": one_minus_momentum}
        studies = {
            "sgd-study": Study({"search_space": space}),
            "momentum-study": Study({"search_space": general}),
        }
        return inclusion_verdicts.verdicts(trials, studies=studies)

    assert edges(0.1)["gaps"].tolist() == ["one_minus_momentum needs [1, 1], has [0.1, 0.1]"]
    assert edges({"low": 0.1, "high": 1.0})["gaps"].tolist() == [""]


def test_another_rule_under_the_name_has_no_verdict():
    trials = made_up({"sgd": np.linspace(0.1, 0.9, 40), "momentum": np.linspace(0.1, 0.9, 40)})
    trials["study"] = trials["optimizer"] + "-study"
    for rule, found in (("momentum", 1), ("torch.optim.SGD", 0)):
        config = {"search_space": {"lr": 0.1}, "optimizer": {"name": "momentum", "rule": rule}}
        studies = {"momentum-study": Study(config)}
        assert len(inclusion_verdicts.verdicts(trials, studies=studies)) == found
        assert (len(inclusion_verdicts.probabilities(trials, studies=studies)) > 0) == found


def test_within_the_band_of_the_special():
    special = np.linspace(0.1, 0.9, 50)
    row = one_verdict(special, special + 0.01)
    assert row["special_mean"] < row["general_mean"] <= row["special_p95"]
    assert row["tuned"] == "within band"


def test_an_optimizer_that_only_diverges():
    row = one_verdict(np.full(50, 0.1), np.full(50, np.inf))
    assert (row["verdict"], row["tuned"], row["general_trials"]) == (
        "not enough trials",
        "no trials",
        0,
    )


def test_counting_every_trial_makes_divergence_tell():
    special = np.linspace(0.1, 0.9, 60)
    general = np.where(np.arange(60) % 12 == 11, special, np.inf)  # 5 of 60 feasible
    trials = made_up({"sgd": special, "momentum": general})
    assert inclusion_verdicts.verdicts(trials)["verdict"].iloc[0] == "not enough trials"
    every = inclusion_verdicts.verdicts(every_trial(trials)).iloc[0]
    assert (every["verdict"], every["general_trials"]) == ("violated", 60)


def test_every_edge_present_and_no_other():
    errors = np.linspace(0.1, 0.9, 40)
    names = ["sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam", "lion"]
    rows = inclusion_verdicts.verdicts(made_up(dict.fromkeys(names, errors)))
    assert list(zip(rows["special"], rows["general"], strict=True)) == [
        (edge.special, edge.general) for edge in EDGES
    ]
    assert list(rows.columns) == list(inclusion_verdicts.COLUMNS)
    assert inclusion_verdicts.verdicts(made_up({"sgd": errors, "adam": errors})).empty


def test_against_the_budget_an_edge_is_decided_at_one():
    frame = inclusion_verdicts.against_budget(results().trials)
    edge = frame[(frame["workload"] == TEXT) & (frame["special"] == "sgd")]
    assert edge["decided_at"].nunique() == 1
    assert edge["decided_at"].iloc[0] in set(edge["budget_trials"])
    assert edge["probability"].between(0, 1).all()


def test_no_share_of_races_is_told_without_an_interval():
    errors = np.linspace(0.1, 0.9, 100)
    curve = inclusion_verdicts.probabilities(made_up({"sgd": errors, "momentum": errors[:90]}))
    assert list(curve.columns) == list(inclusion_verdicts.PROBABILITY_COLUMNS)
    assert curve["budget_trials"].tolist() == [1, 2, 4, 8, 16, 18]  # up to N/5
    assert (curve["superiority_low"] <= curve["superiority"] + 1e-12).all()
    assert (curve["superiority"] <= curve["superiority_high"] + 1e-12).all()
    few = made_up({"sgd": errors[:39], "momentum": errors[:39]})
    assert inclusion_verdicts.probabilities(few).empty
    alone = inclusion_verdicts.against_budget(few)
    assert alone["verdict"].tolist() == ["not enough trials"]
    assert alone["superiority"].isna().all()


# --- error rates --------------------------------------------------------------------------------

NAMES = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam")
EXPERIMENTS = 120


@pytest.fixture
def fewer_swaps(monkeypatch):
    monkeypatch.setattr(inclusion_verdicts, "compare", partial(compare, swaps=499))


def violated_shares(draw, n, experiments=EXPERIMENTS):
    """How often each edge, and any edge, is called violated: shares over whole experiments."""
    rng = np.random.default_rng(n)
    found = [
        inclusion_verdicts.verdicts(made_up(draw(rng, n)))["verdict"].eq("violated").to_numpy()
        for _ in range(experiments)
    ]
    return np.mean(found, axis=0), np.mean([each.any() for each in found])


def on_a_surface(rng, n):
    """All alike, on one surface."""
    shared = 6 * ((races.halton(4, n, rng) - 0.5) ** 2).sum(axis=1)
    return {name: shared + 0.15 * rng.standard_normal(n) for name in NAMES}


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_swaps")
@pytest.mark.parametrize(
    ("draw", "n"),
    [
        (lambda rng, n: {name: rng.lognormal(size=n) for name in NAMES}, 100),
        (on_a_surface, 50),
        (on_a_surface, 256),
        (
            lambda rng, n: {name: np.round(rng.beta(2, 8, size=n) * 180) / 180 for name in NAMES},
            100,
        ),
    ],
    ids=["independent 100", "surface 50", "surface 256", "180 images 100"],
)
def test_identical_optimizers_are_rarely_called_violated(draw, n):
    per_edge, any_edge = violated_shares(draw, n)
    print(f"N={n}: per edge {per_edge.mean():.3f}, any {any_edge:.3f}")
    assert any_edge < 0.05 + 4 * np.sqrt(0.05 * 0.95 / EXPERIMENTS)


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_swaps")
@pytest.mark.parametrize(("n", "least"), [(100, 0.2), (256, 0.55), (500, 0.85)])
def test_power_against_a_general_optimizer_that_loses_three_races_in_four(n, least):
    """Independent tables, the worst case; at K = N/5 it was found in 24 to 31% at any N."""

    def draw(rng, n):
        hazard = {"momentum": 1 / 3}
        return {name: 1 - (1 - rng.random(n)) ** (1 / hazard.get(name, 1)) for name in NAMES}

    per_edge, _ = violated_shares(draw, n, 100)
    print(f"N={n}: sgd over momentum found {per_edge[0]:.3f}")
    assert per_edge[0] > least
