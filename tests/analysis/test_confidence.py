"""The interval for the median best-of-K: its ranks against exact sums, its coverage by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.analysis import best_of_k, confidence

COVERED_TABLES = 20_000


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_ranks_are_the_tightest_that_keep_each_tail(n, k, level):
    """Against the binomial sums, written out."""
    lower, upper = (int(end[0]) for end in confidence.order_statistics(n, [k], confidence=level))
    tail = (1 - level) / 2
    chances = stats.binom.pmf(np.arange(n + 1), n, 1 - 0.5 ** (1 / k))  # of B trials at or below
    below, above = chances[:lower].sum(), chances[upper:].sum()
    assert 0 <= lower < upper <= n + 1
    assert below <= tail + 1e-9
    assert above <= tail + 1e-9
    assert chances[: lower + 1].sum() >= tail - 1e-9  # one rank further in would not do
    assert chances[upper - 1 :].sum() >= tail - 1e-9


@pytest.mark.parametrize("n", [50, 100, 500])
def test_lower_end_exists_up_to_a_fifth_of_the_trials(n):
    errors = np.arange(n, dtype=float)
    low, high = confidence.median_interval(errors, np.arange(1, n + 1))
    assert np.isfinite(low[: n // confidence.TRUSTED_SHARE]).all()
    last = int(np.flatnonzero(np.isfinite(low)).max()) + 1
    assert last == int(n * np.log(2) / np.log(20))  # 0.5^(N/K) < 0.05
    assert np.isfinite(high).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.lists(st.integers(1, 60), min_size=1))
def test_interval_brackets_the_estimate(errors, budgets):
    low, high = confidence.median_interval(errors, budgets)
    median = best_of_k.curve(errors, budgets).p50
    assert (low <= median).all()
    assert (median <= high).all()


def test_higher_confidence_is_wider():
    errors = np.random.default_rng(0).random(200)
    low, high = confidence.median_interval(errors, [1, 10], confidence=0.9)
    lower, higher = confidence.median_interval(errors, [1, 10], confidence=0.99)
    assert (lower < low).all()
    assert (higher > high).all()


def test_one_trial_vouches_for_nothing():
    low, high = confidence.median_interval([0.3], [1])
    assert (low[0], high[0]) == (-np.inf, np.inf)


def coverage(n: int, k: int, draw, quantile) -> float:
    """The share of simulated tables whose interval holds the true median best-of-K."""
    rng = np.random.default_rng([n, k])
    lower, upper = confidence.order_statistics(n, [k])
    tables = np.sort(draw(rng, (COVERED_TABLES, n)), axis=1)
    ends = np.pad(tables, ((0, 0), (1, 1)), constant_values=(-np.inf, np.inf))
    truth = quantile(1 - 0.5 ** (1 / k))
    return float(np.mean((ends[:, lower[0]] <= truth) & (truth <= ends[:, upper[0]])))


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 100, 500])
@pytest.mark.parametrize("k", [1, 4, 16, "n/5", "n/2"])
def test_coverage_of_a_skewed_error(n, k):
    k = {"n/5": n // 5, "n/2": n // 2}.get(k, k)
    covered = coverage(n, k, lambda rng, shape: rng.lognormal(size=shape), stats.lognorm(1).ppf)
    print(f"N={n} K={k}: {covered:.3f}")
    exact = stats.binom(n, 1 - 0.5 ** (1 / k))
    lower, upper = confidence.order_statistics(n, [k])
    expected = exact.cdf(upper[0] - 1) - exact.cdf(lower[0] - 1)
    tolerance = 4.5 * np.sqrt(expected * (1 - expected) / COVERED_TABLES)
    assert expected >= 0.9 - 1e-9
    assert covered == pytest.approx(expected, abs=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 100, 500])
def test_coverage_with_ties_is_no_lower(n):
    """Errors in steps of 0.02, as a validation set of 50 images gives."""
    covered = coverage(
        n,
        n // 5,
        lambda rng, shape: rng.integers(1, 51, shape) / 50,
        lambda q: np.ceil(q * 50) / 50,
    )
    print(f"N={n} K={n // 5}, ties: {covered:.3f}")
    assert covered >= 0.9 - 4.5 * np.sqrt(0.09 / COVERED_TABLES)


# --- all budgets together -------------------------------------------------------------------------


def joint_coverage(n, budgets, simultaneous):
    """The share of simulated tables whose intervals hold the true medians at all budgets."""
    rng = np.random.default_rng([n, 9])
    truth = 1 - 0.5 ** (1 / np.asarray(budgets))
    held = 0
    for _ in range(4000):
        ends = confidence.median_interval(rng.random(n), budgets, simultaneous=simultaneous)
        held += ((ends[0] <= truth) & (truth <= ends[1])).all()
    return held / 4000


@pytest.mark.slow
@pytest.mark.parametrize(("n", "last"), [(64, 12), (256, 51)])
def test_the_intervals_of_a_curve_hold_together(n, last):
    budgets = [*[2**i for i in range(last.bit_length())], last]
    together, apart = (joint_coverage(n, budgets, each) for each in (True, False))
    print(f"N = {n}: {together:.3f} together, {apart:.3f} of pointwise ones")
    assert together == pytest.approx(0.9, abs=0.025)
    assert apart < 0.82


def test_the_tails_of_simultaneous_intervals():
    assert confidence.joint_tail(64, (1, 2, 4, 8, 12)) == pytest.approx(0.02, abs=0.002)
    assert confidence.joint_tail(256, (1, 2, 4, 8, 16, 32, 51)) == pytest.approx(0.015, abs=0.002)
    assert confidence.joint_tail(64, (4,)) == pytest.approx(0.05)
    low, high = confidence.median_interval(np.arange(64.0), [4], simultaneous=True)
    alone = confidence.median_interval(np.arange(64.0), [4])
    assert (low[0], high[0]) == (alone[0][0], alone[1][0])


@pytest.mark.parametrize("n", [64, 256])
def test_a_band_is_vouched_for_while_its_edge_is_not_the_least_of_all(n):
    errors = np.arange(n, dtype=float)
    budgets = np.arange(1, n // 2)
    low = best_of_k.without_replacement(errors, budgets).p05
    least = budgets[low == 0].min()
    assert least == pytest.approx(n / confidence.BAND_SHARE, abs=1)


def test_another_run_goes_under_the_least_error_in_a_sixth_at_a_fifth():
    """K / (N + K), whatever the errors are."""
    rng = np.random.default_rng(0)
    n, k = 64, 12
    under = rng.random((40_000, k)).min(axis=1) < rng.random((40_000, n)).min(axis=1)
    assert under.mean() == pytest.approx(k / (n + k), abs=0.01)
    assert k / (n + k) == pytest.approx(1 / 6, abs=0.01)
