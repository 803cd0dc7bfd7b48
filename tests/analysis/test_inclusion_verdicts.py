"""Verdicts on inclusions: their decisions, and how often they are wrong."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis import inclusion_verdicts
from harness.analysis.checking import check
from harness.analysis.counting import every_trial
from harness.study.inclusions import EDGES
from harness.study.study import Study
from tests.analysis.made_up import TEXT, results

IDENTICAL_EXPERIMENTS = 2000


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


def one_verdict(special, general):
    rows = inclusion_verdicts.verdicts(made_up({"sgd": special, "momentum": general}))
    assert len(rows) == 1
    return rows.iloc[0]


# --- decisions ----------------------------------------------------------------------------------


def test_a_clearly_worse_general_optimizer_violates():
    errors = np.linspace(0.1, 0.9, 60)
    row = one_verdict(special=errors, general=errors + 0.2)
    assert row["verdict"] == "violated"
    assert row["budget_trials"] == 12
    assert row["probability"] < row["null_low"]
    assert row["tuned"] == "above"


def test_a_better_general_optimizer_is_consistent():
    errors = np.linspace(0.1, 0.9, 60)
    row = one_verdict(special=errors + 0.2, general=errors)
    assert row["verdict"] == "consistent"
    assert row["probability"] > row["null_high"]
    assert row["tuned"] == "at or under"


def test_few_trials_decide_nothing_however_bad():
    errors = np.linspace(0.1, 0.2, 40)
    assert one_verdict(errors[:39], errors[:39] + 0.5)["verdict"] == "not enough trials"
    assert one_verdict(errors, errors + 0.5)["verdict"] == "violated"


def test_a_larger_space_may_lose_at_small_budgets():
    """General finds the same best region, but half as often: worse at K = 1, not once tuned."""
    rng = np.random.default_rng(0)
    special = rng.uniform(0.1, 0.5, 400)
    general = np.where(np.arange(400) % 2, rng.uniform(0.1, 0.5, 400), 0.9)
    trials = made_up({"sgd": special, "momentum": general})
    curve = inclusion_verdicts.probabilities(trials)
    assert curve["probability"].iloc[0] < curve["null_low"].iloc[0]
    assert inclusion_verdicts.verdicts(trials)["verdict"].iloc[0] == "consistent"


def test_budget_is_capped_at_the_papers_largest():
    errors = np.random.default_rng(0).random(1000)
    assert one_verdict(errors, errors)["budget_trials"] == 100


def test_equal_errors_are_at_or_under():
    row = one_verdict(np.full(50, 0.1), np.full(50, 0.1))
    assert row["probability"] == pytest.approx(1)
    assert (row["verdict"], row["tuned"]) == ("consistent", "at or under")


def test_ties_count_half():
    """Special better in half of the races, tied in the others: (1/2 + 1) / 2 is all that is left."""
    special, general = np.full(40, 0.1), np.full(40, 0.1)
    general[:4] = 0.2  # best of 8 is 0.1 all but surely
    row = one_verdict(special, general)
    assert row["tie"] == pytest.approx(1, abs=1e-6)
    assert row["superiority"] == pytest.approx(0.5, abs=1e-6)
    lost = np.repeat([0.1, 0.2], [3, 37])  # best of 8 is 0.1 in 46% of tuning runs
    row = one_verdict(special, lost)
    assert row["probability"] == pytest.approx(1 - (37 / 40) ** 8)
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


def test_probabilities_mark_what_is_trusted():
    errors = np.linspace(0.1, 0.9, 40)
    curve = inclusion_verdicts.probabilities(made_up({"sgd": errors, "momentum": errors[:35]}))
    assert list(curve.columns) == list(inclusion_verdicts.PROBABILITY_COLUMNS)
    assert curve["budget_trials"].tolist() == [1, 2, 4, 8, 16, 32, 35]
    assert curve["trusted"].tolist() == [True, True, True, False, False, False, False]


# --- error rates --------------------------------------------------------------------------------


def violated_shares(draw, n, experiments=IDENTICAL_EXPERIMENTS):
    """How often each edge, and any edge, is called violated: shares over whole experiments."""
    rng = np.random.default_rng(n)
    names = ["sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam"]
    violated = np.zeros((experiments, len(EDGES)), dtype=bool)
    for experiment in range(experiments):
        errors = {name: draw(rng, name, n) for name in names}
        for column, edge in enumerate(EDGES):
            pair = inclusion_verdicts.Pair("w", edge, errors[edge.special], errors[edge.general])
            row = inclusion_verdicts._verdict(pair, 1 - 0.1 / len(EDGES))
            violated[experiment, column] = row["verdict"] == "violated"
    return violated.mean(axis=0), violated.any(axis=1).mean()


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 100, 500])
def test_identical_optimizers_are_rarely_called_violated(n):
    per_edge, any_edge = violated_shares(lambda rng, _, n: rng.lognormal(size=n), n)
    print(f"N={n} continuous: per edge {per_edge.mean():.3f}, any of five {any_edge:.3f}")
    # 1% an edge by construction; 4.5 standard errors of this simulation and of the null's limit.
    error = 4.5 * np.sqrt(0.01 * 0.99 * (1 / IDENTICAL_EXPERIMENTS + 1 / 8000))
    assert per_edge.max() < 0.01 + error
    assert per_edge.mean() > 0.004
    assert any_edge < 0.05 + 4.5 * np.sqrt(0.05 * 0.95 / IDENTICAL_EXPERIMENTS)


@pytest.mark.slow
@pytest.mark.parametrize(("images", "best", "n"), [(180, 2, 64), (360, 1, 256)])
def test_ties_leave_the_rate_as_it_is(images, best, n):
    """A validation set of that many images: at 360 and K = 51 a third of the races are ties."""

    def draw(rng, _, n):
        return np.round(rng.beta(best, 8, size=n) * images) / images

    per_edge, any_edge = violated_shares(draw, n, 1000)
    print(f"N={n} ties: per edge {per_edge.mean():.4f}, any of five {any_edge:.3f}")
    assert per_edge.max() < 0.01 + 4.5 * np.sqrt(0.01 * 0.99 * (1 / 1000 + 1 / 8000))


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 64, 100, 256, 500])
@pytest.mark.parametrize(("losses", "least"), [(9, 0.6), (3, 0.1)])
def test_power_against_a_general_optimizer_that_loses(losses, least, n):
    """So many losses a win at every K: general's ``1 - F`` is special's to the 1/losses."""

    def draw(rng, name, n):
        hazard = 1 / losses if name in ("momentum", "nesterov") else 1.0
        return 1 - (1 - rng.random(n)) ** (1 / hazard)

    per_edge, _ = violated_shares(draw, n, 500)
    print(f"N={n}, {losses} losses a win: sgd over momentum detected {per_edge[0]:.3f}")
    assert per_edge[0] > least
