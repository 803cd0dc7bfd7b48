"""One derivative against its differences: what agrees, what differs, what is a kink."""

import math

import pytest

from harness.checking.differences import AGREED, DIFFERS, KINK, UNCLEAR, compare

NOISE = 4e-16


@pytest.mark.parametrize("x", [-2.0, 0.3, 5.0])
@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (math.exp, math.exp),
        (math.sin, math.cos),
        (lambda x: 1e-3 * x**3, lambda x: 3e-3 * x**2),
        (lambda x: 7.0, lambda x: 0.0),
    ],
)
def test_a_true_derivative_agrees(f, slope, x):
    assert compare(slope(x), f, x, NOISE).outcome == AGREED


@pytest.mark.parametrize("off", [0.98, 1.02, 0.5, -1.0, 0.0])
def test_one_that_is_off_differs_and_says_by_how_much(off):
    found = compare(off * math.exp(0.3), math.exp, 0.3, NOISE)
    assert found.outcome == DIFFERS
    assert found.analytic / found.numeric == pytest.approx(off, abs=1e-6)


@pytest.mark.parametrize("away", [0.0, 3e-6, -3e-6, 4e-7])
@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_a_kink_is_named_as_such(away, slope):
    """max(x, 0) near 0; at 0 itself either slope is one that backpropagation may give."""
    if away and slope != float(away > 0):
        slope = float(away > 0)
    found = compare(slope, lambda x: 3 + max(x, 0.0), away, NOISE)
    assert found.outcome == KINK


def test_a_wrong_derivative_beside_a_kink_is_not_excused():
    found = compare(1.3, lambda x: 3 + max(x, 0.0), 0.0, NOISE)
    assert found.outcome == DIFFERS
    assert compare(1.02, lambda x: 3 + max(x, 0.0), 1e-6, NOISE).outcome == DIFFERS


def test_what_rounding_hides_is_not_called_right():
    found = compare(1e-3, lambda x: round(1e-3 * x, 7), 0.3, 1e-7)
    assert found.outcome == UNCLEAR
