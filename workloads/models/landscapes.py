"""Functions of two numbers that optimizers are watched on, and the point that is moved on one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

Value = Any  # a Tensor or a NumPy array: the functions are arithmetic alone


class Landscape(NamedTuple):
    """A function of (x, y) that is nowhere below 0, where it is 0, and what a picture shows of it.

    ``view`` is (least x, largest x, least y, largest y).
    """

    label: str
    value: Callable[[Value, Value], Value]
    minima: tuple[tuple[float, float], ...]
    view: tuple[float, float, float, float]
    saddle: tuple[float, float] | None = None


def beale(x: Value, y: Value) -> Value:
    """Beale (1958); a flat valley, steep walls beyond |y| = 2."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def saddle(x: Value, y: Value) -> Value:
    """Nesterov (2004), Introductory Lectures, example 1.2.2: x²/2 + y⁴/4 − y²/2, raised by 1/4.

    Near (0, 0) it is the saddle (x² − y²)/2; its minima are (0, ±1).
    """
    return x**2 / 2 + (y**2 - 1) ** 2 / 4


CONDITION = 100.0
ANGLE = math.pi / 6  # along an axis, a method with a rate for each coordinate would see no ravine


def ravine(x: Value, y: Value) -> Value:
    """An ill-conditioned quadratic: curvature 1 along a line of 30°, 100 across it."""
    along = math.cos(ANGLE) * x + math.sin(ANGLE) * y
    across = math.cos(ANGLE) * y - math.sin(ANGLE) * x
    return (along**2 + CONDITION * across**2) / 2


def rosenbrock(x: Value, y: Value) -> Value:
    """Rosenbrock (1960)."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def himmelblau(x: Value, y: Value) -> Value:
    """Himmelblau (1972): four minima, four saddles, one maximum."""
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


FOUR = ((3.0, 2.0), (-2.805118, 3.131313), (-3.779310, -3.283186), (3.584428, -1.848127))
LANDSCAPES = {
    "beale": Landscape("Beale's function", beale, ((3.0, 0.5),), (-1.0, 4.5, -2.2, 2.0)),
    "saddle": Landscape(
        "A saddle", saddle, ((0.0, 1.0), (0.0, -1.0)), (-1.25, 1.25, -1.35, 1.35), (0.0, 0.0)
    ),
    "ravine": Landscape("A ravine", ravine, ((0.0, 0.0),), (-4.8, 2.4, -2.6, 1.8)),
    "rosenbrock": Landscape(
        "Rosenbrock's function", rosenbrock, ((1.0, 1.0),), (-2.0, 2.0, -1.0, 3.0)
    ),
    "himmelblau": Landscape("Himmelblau's function", himmelblau, FOUR, (-5.0, 5.0, -5.0, 5.0)),
}


class Point(nn.Module):
    """() -> the function's value at θ [2], which is what is trained. In float64: minima are sharp."""

    def __init__(self, landscape: Landscape, start: Sequence[float], perturbation: float) -> None:
        """θ starts at ``start``, or normally distributed around it with that deviation."""
        super().__init__()
        theta = torch.tensor(start, dtype=torch.float64)
        if perturbation:
            theta = theta + perturbation * torch.randn(2, dtype=torch.float64)
        self.theta = nn.Parameter(theta)
        self.landscape = landscape

    def forward(self) -> Tensor:
        x, y = self.theta
        value: Tensor = self.landscape.value(x, y)
        return value
