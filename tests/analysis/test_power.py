"""How many trials a verdict takes: against simulations of the test itself."""

import numpy as np
import pytest

from harness.analysis.cells import needed
from harness.analysis.paired import LEVEL, Sample, compare
from harness.analysis.power import (
    Question,
    least_win,
    power,
    shared_variance,
    simulated,
    trials_for,
)
from tests.analysis import races

SIMULATED = 1000


def mixed(rng, n, odds, shared):
    """Two tables of which a share ``1 - shared`` of the pairs have one rank; the first wins ``odds`` to one."""
    mine, theirs = rng.random(n), rng.random(n)
    theirs = np.where(rng.random(n) < shared, theirs, mine)
    return Sample(races.winning(mine, odds), np.arange(n)), Sample(theirs, np.arange(n))


@pytest.fixture
def fewer_tables(monkeypatch):
    """Simulated: a power is then good to .05."""
    power.cache_clear()
    monkeypatch.setattr("harness.analysis.power.TABLES", 100)
    yield
    power.cache_clear()


@pytest.mark.usefixtures("fewer_tables")
def test_more_trials_a_larger_share_and_more_in_common_make_it_surer():
    question = Question(0.75, 16)
    powers = [power(question, n) for n in (80, 160, 320)]
    assert powers == sorted(powers)
    assert power(question, 80, 0.3) > power(question, 80, 0.6) > power(question, 80)
    assert power(Question(0.75, 16, LEVEL / 15), 160) < power(question, 160)


@pytest.mark.slow
def test_the_number_of_trials_has_that_power():
    question = Question(0.75, 16)
    count = trials_for(question, 0.8)
    assert count == pytest.approx(260, abs=30)  # "about 240", by a test that knew the variance
    assert power(question, count) == pytest.approx(0.8, abs=0.05)
    assert trials_for(Question(0.98, 16), 0.8) == needed(16)  # fewer are not judged


@pytest.mark.slow
def test_orders_of_magnitude_at_the_budget_of_decision():
    """For orientation: about 72 and 1,550 by a test that knew the variance."""
    assert trials_for(Question(0.9, 16), 0.8) == pytest.approx(85, abs=10)
    assert trials_for(Question(0.6, 16), 0.8) == pytest.approx(1750, abs=250)
    assert trials_for(Question(0.501, 16), 0.8) is None


@pytest.mark.slow
def test_what_trials_at_hand_can_find():
    win = least_win(160, 16, 0.8)
    assert power(Question(win, 16), 160) == pytest.approx(0.8, abs=0.05)
    assert least_win(160, 16, 0.8, 0.3) < win
    assert least_win(79, 16, 0.8) == 1.0  # nothing is judged


def test_the_variance_that_trials_share_is_measured():
    rng = np.random.default_rng(0)
    for shared in (1.0, 0.5, 0.1):
        found = [shared_variance(*mixed(rng, 256, odds, shared), 16) for odds in (1.0, 3.0) * 20]
        assert np.mean(found) == pytest.approx(shared, rel=0.1)
    alike = Sample(np.full(50, 0.5), np.arange(50))
    assert shared_variance(alike, alike, 8) == 1.0  # all tied: nothing is known


def test_the_models_own_tables_share_what_was_asked():
    rng = np.random.default_rng(0)
    for shared in (1.0, 0.5, 0.1):
        a, b = simulated(rng, Question(0.75, 16), 50_000, shared)
        assert shared_variance(a, b, 16) == pytest.approx(shared, abs=0.03)


def rejected(tables, budget):
    """The share of pairs of tables in which the test finds a difference."""
    found = [compare(a, b, budget, swaps=199).p_value() <= LEVEL for a, b in tables]
    return float(np.mean(found))


@pytest.mark.slow
@pytest.mark.parametrize(("win", "budget", "n"), [(0.75, 16, 256), (0.9, 12, 64), (0.6, 16, 1300)])
def test_power_of_independent_trials_agrees_with_a_fresh_simulation(win, budget, n):
    rng = np.random.default_rng([n, budget, 1])
    question = Question(win, budget)
    found = rejected(
        (races.independent(rng, n, n, question.odds)[::-1] for _ in range(1000)), budget
    )
    expected = power(question, n)
    print(f"win {win}, K = {budget}, N = {n}: {found:.3f}, planned {expected:.3f}")
    assert found == pytest.approx(expected, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("odds", "budget", "n", "noise"),
    [(3.0, 12, 64, 0.15), (3.0, 12, 64, 0.5), (2.0, 16, 128, 0.3), (3.0, 16, 256, 0.5)],
)
def test_of_optimizers_on_one_surface_it_agrees_too(odds, budget, n, noise):
    """What they share is measured on other tables of as many trials, as it would be beforehand.

    Seen: .05 away at most here, and .09 at N = 80 = 5 K with K = 16, where too much is measured.
    """
    rng = np.random.default_rng([n, budget])

    def tables(odds, count):
        return [races.common_surface(rng, n, n, odds, noise=noise)[::-1] for _ in range(count)]

    shared = float(np.mean([shared_variance(a, b, budget) for a, b in tables(1.0, 200)]))
    found = rejected(tables(odds, 1000), budget)
    planned = power(Question(odds / (1 + odds), budget), n, shared)
    print(
        f"odds {odds}, N = {n}, noise {noise}, shared {shared:.2f}: {found:.3f}, planned {planned:.3f}"
    )
    assert found == pytest.approx(planned, abs=0.06)
