"""Exact best-of-K statistics against rational arithmetic, enumeration, the bootstrap and opda."""

import itertools
import time
import timeit
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opda.nonparametric import EmpiricalDistribution

from harness.analysis import best_of_k

SMALL_ERRORS = st.lists(st.integers(0, 6), min_size=1, max_size=9)  # integers: ties are common


# --- slow, obvious twins ------------------------------------------------------------------------


def rational_weights(errors, k, replacement):
    """Every draw of K trials, enumerated by counting, in exact arithmetic."""
    n = len(errors)

    def missed(better):  # P(none of the `better` best is drawn)
        if replacement:
            return Fraction(n - better, n) ** k
        return Fraction(comb(n - better, k), comb(n, k))

    result = []
    for error in errors:
        better, tied = sum(e < error for e in errors), sum(e == error for e in errors)
        result.append((missed(better) - missed(better + tied)) / tied)
    return result


def enumerated_weights(errors, k):
    """All n^K draws one by one, ties shared among the *distinct trials* tied at the minimum."""
    n = len(errors)
    result = [Fraction(0)] * n
    for draw in itertools.product(range(n), repeat=k):
        lowest = min(errors[i] for i in draw)
        group = [i for i in range(n) if errors[i] == lowest]
        for i in group:
            result[i] += Fraction(1, n**k * len(group))
    return result


def enumerated_ranks(fields, k):
    """All draws of all optimizers, tied optimizers sharing their ranks evenly."""
    bests = [[min(draw) for draw in itertools.product(field, repeat=k)] for field in fields]
    result = np.zeros((len(fields), len(fields)))
    outcomes = list(itertools.product(*bests))
    for outcome in outcomes:
        for own, value in enumerate(outcome):
            ahead, tied = sum(v < value for v in outcome), sum(v == value for v in outcome)
            result[own, ahead : ahead + tied] += 1 / tied / len(outcomes)
    return result


# --- weights ------------------------------------------------------------------------------------


@given(SMALL_ERRORS, st.integers(1, 9), st.booleans())
def test_weights_equal_rational_arithmetic(errors, k, replacement):
    k = k if replacement else min(k, len(errors))
    exact = [float(w) for w in rational_weights(errors, k, replacement)]
    found = best_of_k.weights(errors, [k], replacement=replacement)[0]
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-12)


@pytest.mark.parametrize("errors", [[3, 1, 2], [1, 1, 2], [0, 5, 5, 5], [2, 2]])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_rational_twin_equals_enumeration(errors, k):
    assert rational_weights(errors, k, replacement=True) == enumerated_weights(errors, k)


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("n", [1100, 10_000])
def test_large_tables_match_exact_integers(n, replacement):
    """Where binomials overflow a float: N up to 10,000, K up to N."""
    budgets = [1, 2, 17, n // 5, n - 1, n]
    above = best_of_k.survival(n, budgets, replacement=replacement)
    for row, k in enumerate(budgets):
        for rank in (0, 1, 2, n // k, n // 2, n - 1, n):
            if replacement:
                exact = Fraction(n - rank, n) ** k
            else:
                exact = Fraction(comb(n - rank, k), comb(n, k))
            assert above[row, rank] == pytest.approx(float(exact), abs=1e-12)


@given(SMALL_ERRORS, st.lists(st.integers(1, 60), min_size=1, max_size=5))
def test_weights_sum_to_one_and_are_chances(errors, budgets):
    w = best_of_k.weights(errors, budgets)
    assert w.shape == (len(budgets), len(errors))
    assert (w >= 0).all()
    np.testing.assert_allclose(w.sum(axis=1), 1, rtol=0, atol=1e-12)


@given(SMALL_ERRORS, st.randoms(use_true_random=False))
def test_weights_follow_a_permutation(errors, random):
    order = list(range(len(errors)))
    random.shuffle(order)
    w = best_of_k.weights(errors, [1, 3])
    np.testing.assert_array_equal(best_of_k.weights(np.array(errors)[order], [1, 3]), w[:, order])


@given(SMALL_ERRORS)
def test_tied_trials_share_evenly(errors):
    w = best_of_k.weights(errors, [1, 2, 5])
    for one, other in itertools.combinations(range(len(errors)), 2):
        if errors[one] == errors[other]:
            np.testing.assert_array_equal(w[:, one], w[:, other])


def test_without_replacement_all_trials_select_the_best():
    w = best_of_k.weights([0.3, 0.1, 0.2], [3], replacement=False)
    np.testing.assert_array_equal(w, [[0, 1, 0]])


def test_ties_split_so_that_file_order_cannot_leak_into_test_error():
    """Two trials of equal validation error: the selected test error is their mean, either way round."""
    for test_errors in ([0.1, 0.9, 0.5], [0.9, 0.1, 0.5]):
        curve = best_of_k.curve([0.2, 0.2, 0.3], [50], statistic=test_errors)
        assert curve.mean[0] == pytest.approx(0.5)


# --- curves -------------------------------------------------------------------------------------


@given(SMALL_ERRORS, st.booleans())
def test_mean_and_quantiles_fall_as_the_budget_grows(errors, replacement):
    budgets = range(1, len(errors) + 1)
    curve = best_of_k.curve(errors, budgets, replacement=replacement)
    for column in curve:
        assert (np.diff(column) <= 1e-12).all()
    assert (curve.p05 <= curve.p50).all()
    assert (curve.p50 <= curve.p95).all()
    assert curve.mean[0] == pytest.approx(np.mean(errors))


@given(SMALL_ERRORS, st.integers(1, 9))
def test_the_short_path_equals_the_weighted_one(errors, k):
    short = best_of_k.curve(errors, [k])
    weighted = best_of_k.curve(errors, [k], statistic=errors)
    np.testing.assert_allclose(short, weighted, atol=1e-12)


def test_curve_equals_opda():
    """An independent implementation: Lourie, Cho and He's opda."""
    rng = np.random.default_rng(0)
    budgets = np.arange(1, 101)
    for n in (7, 101, 499):
        for errors in (rng.random(n), np.round(rng.random(n), 1)):
            distribution = EmpiricalDistribution(errors)
            curve = best_of_k.curve(errors, budgets)
            average = distribution.average_tuning_curve(budgets, minimize=True)
            np.testing.assert_allclose(curve.mean, average, rtol=1e-12)
            for column, level in (("p05", 0.05), ("p50", 0.5), ("p95", 0.95)):
                theirs = distribution.quantile_tuning_curve(budgets, q=level, minimize=True)
                np.testing.assert_array_equal(getattr(curve, column), theirs)


def test_quantiles_are_the_smallest_value_reaching_the_level():
    assert best_of_k.curve([1.0, 2.0, 3.0, 4.0], [1]).p50[0] == 2.0  # F(2) = 0.5 exactly


@pytest.mark.parametrize("n", [20, 100, 160, 500])
def test_rounding_moves_no_quantile(n):
    """At K = 1 the three levels are whole ranks of these N, which floating sums miss at 160 and 500."""
    curve = best_of_k.curve(np.arange(1, n + 1), [1])
    assert [column[0] for column in curve[1:]] == [n // 20, n // 2, n - n // 20]
    weighted = best_of_k.curve(np.arange(1, n + 1), [1], statistic=np.arange(1, n + 1))
    assert [column[0] for column in weighted[1:]] == [n // 20, n // 2, n - n // 20]


def test_diverged_trials_make_the_mean_infinite_and_leave_quantiles():
    curve = best_of_k.curve([0.1, np.inf, 0.2, np.inf], [1, 8])
    assert np.isinf(curve.mean).all()
    assert curve.p95[0] == np.inf
    assert curve.p95[1] == pytest.approx(0.2)
    without = best_of_k.curve([0.1, np.inf, 0.2, np.inf], [4], replacement=False)
    assert without.mean[0] == pytest.approx(0.1)  # four different trials include both good ones


def test_an_infinite_mean_stays_infinite():
    """One diverged trial of 200: the chance that 200 draws are all that one is under any float."""
    errors = [*np.linspace(0.1, 0.9, 199), np.inf]
    assert np.isinf(best_of_k.curve(errors, [1, 200]).mean).all()
    assert np.isinf(best_of_k.curve(errors, [200], statistic=errors).mean).all()
    ours = best_of_k.without_replacement(errors, [1, 16, 200])
    assert np.isinf(ours.mean).all()
    assert np.isfinite(ours.p50).all()


@pytest.mark.parametrize("replacement", [True, False])
def test_mean_is_what_drawing_gives(replacement):
    """Monte Carlo of the definition itself, to five standard errors."""
    rng = np.random.default_rng(3)
    errors = rng.random(12) ** 2
    draws = np.array([errors[rng.choice(12, 4, replace=replacement)].min() for _ in range(20_000)])
    exact = best_of_k.curve(errors, [4], replacement=replacement).mean[0]
    assert exact == pytest.approx(draws.mean(), abs=5 * draws.std() / np.sqrt(len(draws)))


def test_bootstrap_agrees_within_monte_carlo_error():
    rng = np.random.default_rng(1)
    errors = np.round(rng.random(60), 2)  # with ties
    test_errors = errors + rng.normal(0, 0.05, 60)
    budgets = [1, 3, 10, 60]
    samples = 4000
    for statistic in (None, test_errors):
        drawn = best_of_k.bootstrap(errors, budgets, rng, statistic, samples=samples)
        exact = best_of_k.curve(errors, budgets, statistic)
        standard_error = drawn.std(axis=0) / np.sqrt(samples)
        assert (np.abs(drawn.mean(axis=0) - exact.mean) <= 4.5 * standard_error).all()
        s = errors if statistic is None else statistic
        w = best_of_k.weights(errors, budgets)
        for value in np.quantile(s, [0.05, 0.3, 0.6]):  # the distribution, not the mean alone
            chance = np.minimum(w[:, s <= value].sum(axis=1), 1)
            seen = (drawn <= value).mean(axis=0)
            standard_error = np.sqrt(chance * (1 - chance) / samples)
            # One draw more or less where the chance is a fraction of 1/samples.
            assert (np.abs(seen - chance) <= 4.5 * standard_error + 1 / samples).all()


def test_bootstrap_is_seeded():
    errors = np.random.default_rng(0).random(30)
    first, again, other = (
        best_of_k.bootstrap(errors, [1, 5], np.random.default_rng(seed)) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


# --- comparisons --------------------------------------------------------------------------------


@given(SMALL_ERRORS, SMALL_ERRORS, st.integers(1, 3))
def test_probability_better_equals_enumeration(a, b, k):
    a, b = a[:4], b[:4]
    pairs = [
        (min(x), min(y))
        for x in itertools.product(a, repeat=k)
        for y in itertools.product(b, repeat=k)
    ]
    exact = sum((x < y) + (x == y) / 2 for x, y in pairs) / len(pairs)
    assert best_of_k.probability_better(a, b, [k])[0] == pytest.approx(exact, abs=1e-12)


@given(SMALL_ERRORS, SMALL_ERRORS)
def test_the_two_directions_add_up_to_one(a, b):
    there = best_of_k.probability_better(a, b, [1, 2, 7])
    back = best_of_k.probability_better(b, a, [1, 2, 7])
    np.testing.assert_allclose(there + back, 1, atol=1e-12)


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=3), min_size=1, max_size=4))
def test_rank_probabilities_equal_enumeration(fields):
    found = best_of_k.rank_probabilities(fields, [2])[0]
    np.testing.assert_allclose(found, enumerated_ranks(fields, 2), atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)


# --- mistakes and speed -------------------------------------------------------------------------


def test_nan_names_its_row():
    with pytest.raises(ValueError, match=r"errors\[2\] is NaN"):
        best_of_k.weights([0.1, 0.2, np.nan], [1])


@pytest.mark.parametrize(
    ("errors", "budgets", "replacement", "message"),
    [
        ([], [1], True, "non-empty"),
        ([0.1], [0], True, "1 or more, got 0"),
        ([0.1, 0.2], [3], False, "at most N = 2"),
        ([[0.1]], [1], True, r"shape \(1, 1\)"),
    ],
)
def test_impossible_requests(errors, budgets, replacement, message):
    with pytest.raises(ValueError, match=message):
        best_of_k.weights(errors, budgets, replacement=replacement)


def test_bootstrap_refuses_a_budget_above_n():
    with pytest.raises(ValueError, match="at most N = 3"):
        best_of_k.bootstrap([1.0, 2.0, 3.0], [4], np.random.default_rng(0))


@pytest.mark.slow
def test_a_whole_curve_costs_a_few_times_its_survivals():
    """A millisecond and a third of one, where a core is not shared; told as a ratio, as machines differ."""
    errors = np.random.default_rng(0).random(500)
    budgets = np.arange(1, 101)

    def seconds(function):
        return min(timeit.repeat(function, timer=time.process_time, number=10, repeat=20))

    whole = seconds(lambda: best_of_k.curve(errors, budgets))
    assert whole < 10 * seconds(lambda: best_of_k.survival(500, budgets))
