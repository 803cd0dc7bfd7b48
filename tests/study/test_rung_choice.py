"""Rungs chosen from trials that were trained whole: what a pruning loses, and the cheapest that may."""

import numpy as np
import pytest

from harness.analysis import best_of_k
from harness.errors import ConfigError
from harness.study.pruning import Pruning, Value, passing
from harness.study.rung_choice import (
    CANDIDATES,
    Auto,
    choose,
    curves_of,
    estimate,
    estimates,
    passing_all,
    selected,
)

WORKLOAD = {"steps": 100, "eval_every": 10}
HALVING = Pruning((0.2, 0.4), (0.5, 0.5))


def made(noise, trials=64, seed=0, diverged=()):
    """Trials whose errors at a step are the final ones with so much noise, less as training goes."""
    rng = np.random.default_rng(seed)
    final = rng.random(trials)
    steps = [*range(10, 101, 10)]
    evaluations = []
    for error in final:
        values = error + noise * rng.standard_normal(10) * np.linspace(1, 0, 10)
        evaluations.append({"step": steps, "val_error": [*values], "val_loss": [*values]})
    errors = [None if trial in diverged else error for trial, error in enumerate(final)]
    done = [100] * trials
    for trial in diverged:
        evaluations[trial] = {name: column[:3] for name, column in evaluations[trial].items()}
        done[trial] = 35
    return curves_of(evaluations, errors, done, 100)


def test_passing_is_that_of_a_cohort():
    """The vectorised one, and the plain one in `harness.study.pruning`."""
    rng = np.random.default_rng(0)
    ranks = rng.integers(0, 6, size=(20, 8, 2)).astype(float)  # with ties
    passed = passing_all(ranks, (0.5, 0.4))
    for cohort in range(20):
        entrants = set(range(8))
        for rung, share in enumerate((0.5, 0.4)):
            found = passing({t: Value(ranks[cohort, t, rung], 0.0) for t in entrants}, share)
            assert set(np.flatnonzero(passed[cohort, :, rung])) == found
            entrants = found


def test_the_chance_to_be_selected_is_that_of_best_of_k():
    errors = np.random.default_rng(0).integers(0, 9, 40) / 9
    assert selected(errors, 16) == pytest.approx(best_of_k.weights(errors, [16])[0], abs=1e-12)


def test_ranks_that_never_change_lose_next_to_nothing_and_ranks_at_random_what_is_pruned():
    """Not nothing: a lucky cohort holds more of the best than may pass."""
    sure = estimate(made(0.0), HALVING, WORKLOAD, 16, seed=0)
    assert sure.lost < 0.04
    assert sure.correlations == (1.0, 1.0)
    chance = estimate(made(1e6, trials=512), HALVING, WORKLOAD, 16, seed=0)
    assert chance.lost == pytest.approx(0.75, abs=0.08)
    assert sure.cost == pytest.approx(0.45)


def test_what_diverged_costs_what_it_took():
    cost = estimate(made(0.0, diverged=range(32)), HALVING, WORKLOAD, 16, seed=0).cost
    # Half of those who pass the first rung diverge before the second, and are last there.
    assert cost == pytest.approx((0.5 * 0.2 + 0.25 * 0.35 + 0.25) / (0.5 + 0.5 * 0.35), abs=0.02)


def test_the_cheapest_that_loses_little_enough_and_none_where_all_lose_more():
    auto = Auto()
    clear = estimates(made(0.02), auto, WORKLOAD, 0)
    best = choose(clear, 0.1)
    assert (best.rungs, best.keep) == CANDIDATES[0]
    assert choose(estimates(made(3.0), auto, WORKLOAD, 0), 0.1) is None
    between = choose(estimates(made(0.2), auto, WORKLOAD, 0), 0.1)
    told = {each.pruning: each for each in estimates(made(0.2), auto, WORKLOAD, 0)}
    assert told[between].lost <= 0.1 < told[best].lost
    assert told[best].cost < told[between].cost < 1


def test_the_same_trials_give_the_same_choice():
    assert estimates(made(0.2), Auto(), WORKLOAD, 7) == estimates(made(0.2), Auto(), WORKLOAD, 7)


def test_candidates_are_those_whose_rungs_are_evaluated():
    found = Auto(cohort=16, audit=0.2).candidates({"steps": 500, "eval_every": 100})
    assert {0.2, 0.4} <= {share for each in found for share in each.rungs} <= {0.2, 0.4, 0.6}
    assert {(each.cohort, each.audit) for each in found} == {(16, 0.2)}
    with pytest.raises(
        ConfigError, match=r"no validation result is there; give workload\.eval_every=30"
    ):
        Auto().candidates({"steps": 300, "eval_every": 100})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"probe": 48}, "probe must be a multiple of pruning.cohort=32, got 48"),
        ({"probe": 0}, "probe must be a multiple"),
        ({"lost": 0.0}, "lost must be a share"),
        ({"budget": 33}, "at most half of pruning.probe=64, got 33"),
        ({"audit": 1.0}, "audit must be a share"),
        ({"cohort": 1}, "cohort must be 2"),
    ],
)
def test_a_setting_that_is_none_is_refused(changes, says):
    with pytest.raises(ConfigError, match=says):
        Auto(**changes)
