"""What the coordinates of a search space mean: the one place that knows the reparametrisations.

The paper searches ``1 - x`` instead of a momentum or beta ``x``, and ``lr / eps`` (Adam, NAdam) or
``lr / sqrt(eps)`` (RMSProp) instead of lr: Choi et al., section 4.1 and appendix D.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

FROM_ONE = ("momentum", "rho", "beta1", "beta2")  # below 1, and mostly searched as one_minus_x
ONE_MINUS = "one_minus_"
LR_RATIOS = {"lr_over_eps": 1.0, "lr_over_sqrt_eps": 0.5}  # lr = value * eps**power

LABELS = {
    "lr": "learning rate", "learning_rate": "learning rate", "lr_over_eps": "lr / ε",
    "lr_over_sqrt_eps": "lr / √ε", "one_minus_momentum": "1 − momentum", "one_minus_rho": "1 − ρ",
    "one_minus_beta1": "1 − β₁", "one_minus_beta2": "1 − β₂", "eps": "ε", "l2": "L2 λ",
    "decay_steps_factor": "decay steps / steps", "end_factor": "final lr / lr",
}  # fmt: skip
POSITIVE = (0.0, math.inf)
UNIT = (0.0, 1.0)
BOUNDS = {
    **dict.fromkeys(("lr", "eps", "l2", "weight_decay", *LR_RATIOS), POSITIVE),
    **dict.fromkeys(("decay_steps_factor", "end_factor"), UNIT),
    **dict.fromkeys((*FROM_ONE, *(f"{ONE_MINUS}{name}" for name in FROM_ONE)), UNIT),
}


def label(coordinate: str) -> str:
    """A coordinate in symbols, ``hp.`` before it or not: ``one_minus_beta1`` is 1 − β₁."""
    coordinate = coordinate.removeprefix("hp.")
    return LABELS.get(coordinate, coordinate.replace("_", " "))


def bounds(coordinate: str) -> tuple[float, float]:
    """The least and the largest value at which a coordinate means anything.

    >>> bounds("one_minus_beta1"), bounds("lr")
    ((0.0, 1.0), (0.0, inf))
    """
    return BOUNDS.get(coordinate, (-math.inf, math.inf))


def meaning(coordinate: str) -> str:
    """The hyperparameter that a coordinate sets.

    >>> meaning("lr_over_eps"), meaning("one_minus_rho"), meaning("eps")
    ('lr', 'rho', 'eps')
    """
    return "lr" if coordinate in LR_RATIOS else coordinate.removeprefix(ONE_MINUS)


def hyperparameters(point: Mapping[str, float]) -> dict[str, float]:
    """The reparametrisations undone: the values of a point's hyperparameters by their own names.

    ``one_minus_x`` -> ``x = 1 - value``; ``lr_over_eps`` -> ``lr = value * eps``;
    ``lr_over_sqrt_eps`` -> ``lr = value * sqrt(eps)``.
    """
    values: dict[str, float] = {}
    for name, value in point.items():
        if name.startswith(ONE_MINUS):
            value = 1.0 - value
        elif name in LR_RATIOS:
            value = value * point["eps"] ** LR_RATIOS[name]
        values[meaning(name)] = value
    return values


def order(coordinates: Iterable[str]) -> list[str]:
    """Learning rate first, schedule last, as they are searched in between.

    >>> order(["end_factor", "of_mine", "lr"])
    ['lr', 'of_mine', 'end_factor']
    """
    places = {name: place for place, name in enumerate(LABELS)}
    unknown = places["decay_steps_factor"] - 0.5
    return sorted(dict.fromkeys(coordinates), key=lambda name: places.get(name, unknown))
