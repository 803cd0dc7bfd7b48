"""What the coordinates of a search space mean: the one place that knows the reparametrisations.

The paper searches ``1 - x`` instead of a momentum or beta ``x``, and ``lr / eps`` (Adam, NAdam) or
``lr / sqrt(eps)`` (RMSProp) instead of lr: Choi et al., section 4.1 and appendix D.

A coordinate of an optimizer with parameter groups has the group's name before it: ``matrices.lr``;
``rest.lr_over_matrices`` is the ratio of two groups' learning rates.

``effective_lr`` is how far a rule steps per unit of gradient once it has settled on a constant one:
it says the same of every rule, and what lr it takes only the rule itself can tell
(`harness.training.effective_rate`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from harness.errors import ConfigError

FROM_ONE = (
    "momentum",
    "rho",
    "beta1",
    "beta2",
    "beta3",
)  # below 1, and mostly searched as one_minus_x
ONE_MINUS = "one_minus_"
LR_RATIOS = {"lr_over_eps": 1.0, "lr_over_sqrt_eps": 0.5}  # lr = value * eps**power
EFFECTIVE_LR = "effective_lr"
LR_OVER = "lr_over_"  # and the name of another parameter group

SCHEDULE_AXES = (
    "decay_steps_factor", "end_factor", "warmup_factor", "drop_factor", "drop_interval_factor",
    "cooldown_factor",
)  # fmt: skip

LABELS = {
    "lr": "learning rate", "learning_rate": "learning rate", "effective_lr": "effective lr", "lr_over_eps": "lr / ε",
    "lr_over_sqrt_eps": "lr / √ε", "one_minus_momentum": "1 − momentum", "one_minus_rho": "1 − ρ",
    "one_minus_beta1": "1 − β₁", "one_minus_beta2": "1 − β₂", "one_minus_beta3": "1 − β₃", "eps": "ε", "l2": "L2 λ",
    "clip_norm": "largest gradient norm", "clip_value": "largest gradient component", "noise_eta": "gradient noise η",
    "noise_gamma": "gradient noise γ",
    "decay_steps_factor": "decay steps / steps", "end_factor": "final lr / lr",
    "warmup_factor": "warm-up steps / steps", "drop_factor": "lr after / before a drop",
    "drop_interval_factor": "steps between drops / steps",
    "cooldown_factor": "cool-down steps / steps",
}  # fmt: skip
POSITIVE = (0.0, math.inf)
UNIT = (0.0, 1.0)
BOUNDS = {
    **dict.fromkeys(
        (
            "lr",
            "eps",
            "l2",
            "weight_decay",
            "clip_norm",
            "clip_value",
            "noise_eta",
            "noise_gamma",
            EFFECTIVE_LR,
            *LR_RATIOS,
        ),
        POSITIVE,
    ),
    **dict.fromkeys(SCHEDULE_AXES, UNIT),
    **dict.fromkeys((*FROM_ONE, *(f"{ONE_MINUS}{name}" for name in FROM_ONE)), UNIT),
}


def split(coordinate: str) -> tuple[str, str]:
    """(parameter group, name within it); the group is empty where there is none.

    >>> split("matrices.lr"), split("lr")
    (('matrices', 'lr'), ('', 'lr'))
    """
    group, _, name = coordinate.rpartition(".")
    return group, name


def _in(group: str, name: str) -> str:
    return f"{group}.{name}" if group else name


def _other(coordinate: str) -> str:
    """The group whose learning rate a coordinate is a multiple of; empty where it is none's."""
    group, name = split(coordinate)
    if not group or name in LR_RATIOS or not name.startswith(LR_OVER):
        return ""
    return name.removeprefix(LR_OVER)


def label(coordinate: str) -> str:
    """A coordinate in symbols, ``hp.`` before it or not: ``one_minus_beta1`` is 1 − β₁.

    >>> label("hp.matrices.lr"), label("rest.lr_over_matrices")
    ('matrices: learning rate', 'rest: lr / lr of matrices')
    >>> label("one_minus_beta")
    '1 − beta'
    """
    coordinate = coordinate.removeprefix("hp.")
    group, name = split(coordinate)
    other = _other(coordinate)
    plain = name.removeprefix(ONE_MINUS).replace("_", " ")
    plain = f"1 − {plain}" if name.startswith(ONE_MINUS) else plain
    told = f"lr / lr of {other}" if other else LABELS.get(name, plain)
    return f"{group}: {told}" if group else told


def bounds(coordinate: str) -> tuple[float, float]:
    """The least and the largest value at which a coordinate means anything.

    >>> bounds("one_minus_beta1"), bounds("lr")
    ((0.0, 1.0), (0.0, inf))
    """
    if _other(coordinate):
        return POSITIVE
    return BOUNDS.get(split(coordinate)[1], (-math.inf, math.inf))


def meaning(coordinate: str) -> str:
    """The hyperparameter that a coordinate sets.

    >>> meaning("lr_over_eps"), meaning("one_minus_rho"), meaning("eps")
    ('lr', 'rho', 'eps')
    >>> meaning("rest.lr_over_matrices"), meaning("rest.one_minus_beta1")
    ('rest.lr', 'rest.beta1')
    """
    group, name = split(coordinate)
    if name == EFFECTIVE_LR or name in LR_RATIOS or _other(coordinate):
        return _in(group, "lr")
    return _in(group, name.removeprefix(ONE_MINUS))


def hyperparameters(point: Mapping[str, float]) -> dict[str, float]:
    """The reparametrisations undone: the values of a point's hyperparameters by their own names.

    ``one_minus_x`` -> ``x = 1 - value``; ``lr_over_eps`` -> ``lr = value * eps``;
    ``lr_over_sqrt_eps`` -> ``lr = value * sqrt(eps)``; within a parameter group alike, and there
    ``lr_over_matrices`` -> ``lr = value * matrices.lr``. What is still `open_in` the point stays as it
    is, under its own name.
    """
    return {name if open_in(name, point) else meaning(name): _value(name, point) for name in point}


def open_in(coordinate: str, point: Iterable[str]) -> bool:
    """Whether it takes a run of the rule to tell the learning rate that a coordinate sets.

    >>> open_in("effective_lr", ["effective_lr"]), open_in("lr", ["lr"])
    (True, False)
    """
    if split(coordinate)[1] == EFFECTIVE_LR:
        return True
    other = _other(coordinate)
    return bool(other) and open_in(_lr_of(other, point), point)


def _value(coordinate: str, point: Mapping[str, float]) -> float:
    group, name = split(coordinate)
    value = point[coordinate]
    if name.startswith(ONE_MINUS):
        return 1.0 - value
    if name in LR_RATIOS:
        return value * point[_in(group, "eps")] ** LR_RATIOS[name]
    if open_in(coordinate, point):
        return value
    if other := _other(coordinate):
        return value * _value(_lr_of(other, point), point)
    return value


def _lr_of(group: str, coordinates: Iterable[str]) -> str:
    """The coordinate that sets a group's learning rate; empty where none does."""
    return next((name for name in coordinates if meaning(name) == _in(group, "lr")), "")


def check_groups(coordinates: Iterable[str]) -> None:
    """That within parameter groups every ratio has what it is a ratio to.

    Raises:
        ConfigError: the eps or the other group's learning rate that is lacking, or rates that are
            ratios to each other.
    """
    names = list(coordinates)
    for coordinate in names:
        group, name = split(coordinate)
        if group and name in LR_RATIOS and _in(group, "eps") not in names:
            raise ConfigError(
                f"search_space.{coordinate} needs an eps axis beside it; add search_space.{group}.eps"
            )
        visited = [coordinate]
        while other := _other(visited[-1]):
            found = _lr_of(other, names)
            if not found:
                raise ConfigError(
                    f"search_space.{visited[-1]} is a multiple of {other}.lr, which no axis sets; add"
                    f" search_space.{other}.lr"
                )
            if found in visited:
                raise ConfigError(
                    f"search_space.{' and search_space.'.join(visited)} are multiples of each other;"
                    " give one of them as lr"
                )
            visited.append(found)


def order(coordinates: Iterable[str]) -> list[str]:
    """Learning rate first, schedule last, as they are searched in between.

    >>> order(["end_factor", "of_mine", "lr"])
    ['lr', 'of_mine', 'end_factor']
    """
    places = {name: place for place, name in enumerate(LABELS)}
    unknown = places["decay_steps_factor"] - 0.5
    return sorted(dict.fromkeys(coordinates), key=lambda name: places.get(name, unknown))
