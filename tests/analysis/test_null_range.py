"""The range of two identical optimizers: its normal law, its share, its seed."""

import time
import tracemalloc

import numpy as np
import pytest

from harness.analysis import best_of_k, null_range


def test_null_range_of_the_design():
    """N = 500, K = 100: identical optimizers give anything in [.25, .76]."""
    low, high = null_range.null_range(500, 500, [100])
    assert low[0] == pytest.approx(0.25, abs=0.02)
    assert high[0] == pytest.approx(0.76, abs=0.02)


@pytest.mark.parametrize(("n", "m", "k"), [(100, 100, 1), (500, 500, 20), (300, 900, 10)])
def test_null_range_tends_to_its_normal_law(n, m, k):
    """Standard deviation sqrt(K^2 / (4 (4K - 1)) (1/N + 1/M)): the delta method on best-of-K."""
    low, high = null_range.null_range(n, m, [k])
    deviation = np.sqrt(k**2 / (4 * (4 * k - 1)) * (1 / n + 1 / m))
    assert low[0] == pytest.approx(0.5 - 1.645 * deviation, abs=0.015)
    assert high[0] == pytest.approx(0.5 + 1.645 * deviation, abs=0.015)


def test_null_range_is_seeded_and_holds_its_share():
    limits = null_range.null_range(40, 60, [1, 8])
    null_range._null_limits.cache_clear()
    null_range._positions.cache_clear()
    np.testing.assert_array_equal(limits, null_range.null_range(40, 60, [1, 8]))
    rng = np.random.default_rng(5)
    identical = np.array(
        [
            best_of_k.probability_better(rng.lognormal(size=40), rng.lognormal(size=60), [1, 8])
            for _ in range(1000)
        ]
    )
    inside = ((identical >= limits[0]) & (identical <= limits[1])).mean(axis=0)
    np.testing.assert_allclose(inside, 0.9, atol=0.045)  # 4.5 standard errors of both simulations


def test_a_hundred_thousand_trials_take_a_second_and_100_mb():
    null_range._null_limits.cache_clear()
    null_range._positions.cache_clear()
    tracemalloc.start()
    start = time.process_time()
    wide, narrow = (null_range.null_range(100_000, 100_000, [k]) for k in (20_000, 16))
    assert time.process_time() - start < 2
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
    assert narrow[0][0] == pytest.approx(0.5 - 1.645 * np.sqrt(2 * 1.0159 / 100_000), abs=0.001)
    scaled = null_range.null_range(4000, 4000, [800])
    np.testing.assert_allclose(wide, scaled, atol=0.03)  # 1,000 pairs of tables each
    unequal = null_range.null_range(100_000, 60, [8])
    np.testing.assert_allclose(unequal, null_range.null_range(4000, 60, [8]), atol=0.02)


def test_null_range_grows_with_the_budget_and_shrinks_with_the_trials():
    width = np.subtract(*null_range.null_range(100, 100, [1, 5, 20, 100])[::-1])
    assert (np.diff(width) > 0).all()
    assert np.subtract(*null_range.null_range(400, 400, [20])[::-1])[0] < width[2]
