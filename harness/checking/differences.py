"""One derivative by central differences beside what backpropagation says of it, kinks told from mistakes.

The check of CS231n's notes ("Neural Networks Part 3", gradient checks), with the relative error
``|fa − fn| / max(|fa|, |fn|)`` in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

STEPS = (1e-5, 1e-6, 1e-7, 1e-8)  # h, times max(1, |x|)
AGREES = 1e-5  # the relative error of two that are the same; CS231n: 1e-7 is good, 1e-2 a mistake
APART = 1e-3  # of one-sided derivatives that a kink holds apart
TOO_SMALL = 1e-12  # a derivative that float64 cannot tell from 0
EPS = float(np.finfo(np.float64).eps)

AGREED, KINK, UNCLEAR, DIFFERS = "agrees", "kink", "cannot be told", "differs"


class Derivative(NamedTuple):
    """What became of one: ``error`` is the relative error at the h where it is least."""

    outcome: str
    analytic: float
    numeric: float
    error: float
    h: float


def compare(analytic: float, at: Callable[[float], float], x: float, noise: float) -> Derivative:
    """A derivative of a function of one number against its differences.

    A kink between x − h and x + h is out of the way at a smaller h; one exactly at x keeps the
    one-sided derivatives apart, with the analytic one between them.

    Args:
        analytic: what backpropagation says.
        at: the function; left at x, wherever it was asked.
        x: where.
        noise: the rounding error of a value of the function.

    >>> compare(2.0, lambda x: x * x, 1.0, 1e-16).outcome
    'agrees'
    >>> compare(2.04, lambda x: x * x, 1.0, 1e-16).outcome
    'differs'
    >>> [compare(0.0, lambda x: max(x, 0.0), x, 1e-22).outcome for x in (-3e-6, 0.0)]
    ['kink', 'kink']
    """
    here = at(x)
    best = Derivative(UNCLEAR, analytic, float("nan"), float("inf"), STEPS[0])
    sides: list[tuple[float, float]] = []
    for number, relative in enumerate(STEPS):
        h = relative * max(1.0, abs(x))
        up, down = at(x + h), at(x - h)
        numeric = (up - down) / (2 * h)
        size = max(abs(analytic), abs(numeric))
        blur = noise / h
        if size <= max(blur, TOO_SMALL):
            outcome = KINK if sides and _not_smooth(sides) else AGREED
            hidden = abs(analytic) > TOO_SMALL
            return Derivative(UNCLEAR if hidden else outcome, analytic, numeric, 0.0, h)
        if blur > APART * size:  # from here on it is rounding that is seen
            break
        error = abs(analytic - numeric) / size
        if error < best.error:
            best = Derivative(DIFFERS, analytic, numeric, error, h)
        if error <= AGREES + blur / size:
            outcome = KINK if number and _not_smooth(sides) else AGREED
            return Derivative(outcome, analytic, numeric, error, h)
        sides.append(((up - here) / h, (here - down) / h))
    if best.outcome == DIFFERS and _at_a_kink(sides, analytic):
        return best._replace(outcome=KINK)
    return best


def _not_smooth(sides: list[tuple[float, float]]) -> bool:
    """Whether the one-sided derivatives at the larger h are further apart than AGREES says."""
    right, left = sides[-1]
    return abs(right - left) > AGREES * max(abs(right), abs(left))


def _at_a_kink(sides: list[tuple[float, float]], analytic: float) -> bool:
    """Whether the one-sided derivatives stay apart however small h is, the analytic one between them."""
    if len(sides) < 2:
        return False
    gaps = [abs(right - left) for right, left in sides]
    right, left = sides[-1]
    size = max(abs(right), abs(left))
    slack = AGREES * size
    between = min(left, right) - slack <= analytic <= max(left, right) + slack
    return between and gaps[-1] > APART * size and gaps[-1] > 0.5 * gaps[0]
