"""The paired test: against its plain twin, its interval, and how often both are wrong."""

import itertools
import time
import tracemalloc
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis import best_of_k
from harness.analysis.paired import (
    LEVEL,
    Paired,
    Sample,
    _blocks,
    _win_shares,
    block_width,
    compare,
    holm,
)
from tests.analysis import races

SMALL = st.lists(st.integers(0, 5), min_size=4, max_size=12)


def sample(errors, places=None):
    errors = np.asarray(errors, dtype=float)
    return Sample(errors, np.arange(len(errors)) if places is None else np.asarray(places))


def swapped_by_hand(a, b, swap, width):
    """Both tables with the partners of these blocks exchanged, trial by trial."""
    common = sorted(set(a.places) & set(b.places))
    names = sorted({place // width for place in common})
    mine = dict(zip(a.places, a.errors, strict=True))
    theirs = dict(zip(b.places, b.errors, strict=True))
    for place in common:
        if swap[names.index(place // width)]:
            mine[place], theirs[place] = theirs[place], mine[place]
    return list(mine.values()), list(theirs.values())


# --- the statistic --------------------------------------------------------------------------------


@settings(max_examples=60)
@given(SMALL, SMALL, st.data())
def test_swapped_win_shares_are_those_of_tables_swapped_by_hand(a, b, data):
    places = data.draw(st.permutations(range(max(len(a), len(b)) + 3)))
    one, other = sample(a, places[: len(a)]), sample(b, places[-len(b) :])
    budget = data.draw(st.integers(1, 4))
    fixed, paired = _blocks(one, other, budget)
    swaps = np.array(list(itertools.product([False, True], repeat=len(paired))))[:64]
    found = _win_shares(fixed, paired, swaps, budget)
    by_hand = [
        best_of_k.probability_better(
            *swapped_by_hand(one, other, swap, 1), [budget], replacement=False
        )[0]
        for swap in swaps
    ]
    np.testing.assert_allclose(found, by_hand, atol=1e-6)


def test_blocks_are_swapped_whole():
    rng = np.random.default_rng(0)
    a, b = sample(rng.random(64)), sample(rng.random(64))
    assert block_width(64) == 4
    fixed, paired = _blocks(a, b, 12)
    assert len(paired) == 16
    assert not fixed.any()
    swap = rng.random(16) < 0.5
    found = _win_shares(fixed, paired, swap[None], 12)[0]
    one, other = swapped_by_hand(a, b, swap, 4)
    exact = best_of_k.probability_better(one, other, [12], replacement=False)[0]
    assert found == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize(("n", "budget"), [(400, 16), (5000, 16), (5000, 100)])
def test_of_many_trials_cells_stand_for_errors(n, budget):
    rng = np.random.default_rng(n)
    a, b = sample(rng.random(n)), sample(rng.random(n))
    fixed, paired = _blocks(a, b, budget)
    assert paired.shape[2] <= 129
    found = _win_shares(fixed, paired, np.zeros((1, len(paired)), bool), budget)[0]
    exact = best_of_k.probability_better(a.errors, b.errors, [budget], replacement=False)[0]
    assert found == pytest.approx(exact, abs=5e-4)


def test_trials_without_a_partner_stay_where_they_are():
    a, b = sample(np.arange(40.0)), sample(np.arange(40.0, 50), places=range(100, 110))
    assert np.ptp(compare(a, b, 4, swaps=50).swapped) == 0


@pytest.mark.slow
def test_identical_optimizers_of_different_n_win_half_each():
    """Drawn with replacement those with N = 200 would win .54 at K = 16, and .58 at K = 40."""
    rng = np.random.default_rng(0)
    tables = [(rng.random(200), rng.random(40)) for _ in range(4000)]
    fair, unfair = (
        np.mean(
            [best_of_k.probability_better(*t, [8, 16], replacement=drawn) for t in tables], axis=0
        )
        for drawn in (False, True)
    )
    assert fair == pytest.approx(0.5, abs=0.01)
    assert unfair[1] == pytest.approx(0.537, abs=0.01)


def test_ties_survive_rounding():
    """Of a grid of 360 images 17% of errors miss their neighbour when a margin of one is added."""
    grid = np.arange(1, 360) / 360
    shifted = np.arange(2, 361) / 360 - 1 / 360
    assert np.mean(grid != shifted) > 0.15
    _, tie = best_of_k.win_and_tie(grid, shifted, [4])
    _, same = best_of_k.win_and_tie(grid, grid, [4])
    np.testing.assert_allclose(tie, same, rtol=1e-12)
    one, other = best_of_k.snapped(grid, shifted)
    np.testing.assert_array_equal(one, other)


# --- p-value and interval -------------------------------------------------------------------------


def test_the_answer_is_the_same_every_time_and_turns_with_the_sides():
    rng = np.random.default_rng(1)
    a, b = sample(rng.random(64)), sample(rng.random(64) * 0.9)
    one, again, turned = compare(a, b, 12), compare(a, b, 12), compare(b, a, 12)
    np.testing.assert_array_equal(one.swapped, again.swapped)
    assert turned.win == pytest.approx(1 - one.win)
    assert turned.p_value() == pytest.approx(one.p_value(), abs=0.001)
    low, high = one.interval()
    assert turned.interval() == pytest.approx((1 - high, 1 - low), abs=0.001)


@settings(max_examples=200)
@given(st.integers(0, 10_000), st.sampled_from([0.2, 0.05, 0.01, 0.003]))
def test_the_interval_excludes_one_half_where_the_test_rejects(seed, level):
    rng = np.random.default_rng(seed)
    b = np.round(rng.random(48), 2)
    a = np.round(b * rng.choice([0.7, 0.9, 1.0]) + 0.1 * rng.random(48), 2)
    found = compare(sample(a), sample(b), 8, swaps=999)
    low, high = found.interval(level)
    assert low <= found.win <= high
    assert (not low <= 0.5 <= high) == (found.p_value() <= level)
    least, most = found.one_sided(level)
    assert least <= found.win <= most
    assert (most < 0.5) == (found.p_worse() <= level)


def test_p_values_count_the_table_itself():
    found = Paired(0.9, 0.0, np.linspace(-0.2, 0.2, 99), 16)
    assert found.p_value() == 1 / 100
    assert found.p_worse() == 1.0
    assert found.interval(level=0.009) == (0.0, 1.0)  # too few swaps to reject at that level
    tied = Paired(0.5, 1.0, np.zeros(99), 16)
    assert (tied.p_value(), tied.p_worse()) == (1.0, 1.0)
    shifted = Paired(0.6, 0.0, np.full(99, 0.2), 16)  # those without partners are good
    assert shifted.p_worse() == 0.5
    assert shifted.one_sided()[1] >= 0.6
    assert tied.interval() == pytest.approx((0.5, 0.5))


def test_holm_is_the_step_down_procedure():
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.random(6) ** 4
        adjusted, levels = holm(p)
        rejected = np.zeros(6, dtype=bool)
        for step, place in enumerate(np.argsort(p)):  # the definition
            if p[place] > LEVEL / (6 - step):
                break
            rejected[place] = True
        np.testing.assert_array_equal(adjusted <= LEVEL, rejected)
        np.testing.assert_array_equal(p <= levels, rejected)
        assert (adjusted >= p).all()
        assert levels.min() >= LEVEL / 6
    assert [len(each) for each in holm([])] == [0, 0]


@pytest.mark.slow
def test_a_hundred_thousand_trials_take_a_second_and_100_mb():
    rng = np.random.default_rng(0)
    a, b = sample(rng.random(100_000)), sample(rng.random(100_000))
    start = time.process_time()
    compare(a, b, 16)
    assert time.process_time() - start < 1.5  # .3 measured, on cores shared with other work
    tracemalloc.start()
    compare(a, b, 16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


# --- how often it is wrong ------------------------------------------------------------------------

SURFACE = races.common_surface
TABLES = 1000


def simulated(make, n, m, budget, odds=1.0, tables=TABLES):
    """Share of tables that reject at .05 and .01, share of intervals that hold the truth, mean win."""
    rng = np.random.default_rng([n, m, budget])
    found = [compare(*make(rng, n, m, odds), budget, swaps=199) for _ in range(tables)]
    truth = 1 / (1 + odds)
    p = np.array([each.p_value() for each in found])
    ends = np.array([each.interval() for each in found])
    covered = np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1]))
    wins = np.array([each.win for each in found])
    print(
        f"N = {n}, {m}, K = {budget}, odds {odds}: win {wins.mean():.3f} ± {wins.std():.3f}, rejected"
        f" {np.mean(p <= 0.05):.3f} at .05, {np.mean(p <= 0.01):.3f} at .01, covered {covered:.3f}"
    )
    return np.mean(p <= 0.05), np.mean(p <= 0.01), covered


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "n", "m", "budget"),
    [
        (races.independent, 64, 64, 12),
        (races.independent, 256, 256, 16),
        (races.independent, 200, 40, 8),
        (SURFACE, 64, 64, 12),
        (SURFACE, 256, 256, 16),
        (SURFACE, 200, 40, 8),
        (partial(SURFACE, noise=0.05), 64, 64, 12),
        (partial(SURFACE, extra=1), 64, 64, 12),
        (races.diverging(SURFACE), 64, 64, 10),
        (races.on_a_grid(SURFACE), 64, 64, 12),
    ],
    ids=["independent 64", "independent 256", "independent 200 and 40", "surface 64", "surface 256",
         "surface 200 and 40", "steep surface", "another axis", "diverging", "grid of 360"],
)  # fmt: skip
def test_optimizers_that_are_alike_are_told_apart_in_one_table_of_twenty(make, n, m, budget):
    rejected, seldom, covered = simulated(make, n, m, budget)
    error = 4 * np.sqrt(0.05 * 0.95 / TABLES)
    assert rejected < 0.05 + error
    assert rejected > 0.05 - 1.3 * error  # it is not timid either
    assert seldom < 0.01 + 4 * np.sqrt(0.01 * 0.99 / TABLES)
    assert covered == pytest.approx(1 - rejected, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "n", "budget", "least"),
    [
        (races.independent, 100, 16, 0.31),
        (races.independent, 256, 16, 0.73),
        (races.independent, 500, 16, 0.94),
        (partial(SURFACE, noise=0.1), 64, 12, 0.95),
        (races.diverging(SURFACE), 64, 10, 0.8),
        (races.on_a_grid(SURFACE), 64, 12, 0.87),
    ],
)
def test_a_winner_of_three_races_in_four_is_found(make, n, budget, least):
    rejected, _, _ = simulated(make, n, n, budget, odds=3.0, tables=500)
    assert rejected > least


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "n", "m", "budget", "odds"),
    [
        (races.independent, 64, 64, 12, 9.0),
        (races.independent, 200, 40, 8, 3.0),
        (SURFACE, 64, 64, 12, 3.0),
        (SURFACE, 256, 256, 16, 9.0),
    ],
)
def test_intervals_hold_the_truth_where_one_is_better(make, n, m, budget, odds):
    *_, covered = simulated(make, n, m, budget, odds, tables=1000)
    assert covered > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 1000)


@pytest.mark.slow
@pytest.mark.parametrize("make", [races.independent, SURFACE])
@pytest.mark.parametrize(("n", "budget"), [(64, 12), (256, 16)])
def test_not_alike_but_level_is_the_limit_of_the_test(make, n, budget):
    """What is tested is that both are alike. Where they are not, and yet each wins half, it errs a little
    more often on a common surface: 9%."""
    rejected, _, covered = simulated(races.steadier(make, budget), n, n, budget, tables=1000)
    assert rejected < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 1000) + (0.05 if make is SURFACE else 0)
    assert covered > 0.87
