"""The broad ranges that a first stage begins with: by a hyperparameter's name, whatever the optimizer.

Nobody picks them for one optimizer or another. Momenta and betas from nothing to three or four nines;
eps over all decades in which rules part (below, it is lost in the gradient's square; above, they are
their momentum limits, as gradients are under 1e3); the effective learning rate over six decades around
1, where a rule's step is the gradient itself. eps and the momenta are the paper's broad ranges (Choi et
al., appendix D, as far as known), eps cut at 1e4.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from harness.study.parametrisation import EFFECTIVE_LR, ONE_MINUS
from harness.study.space import Axis, Range

LR = "lr"
RANGES: dict[str, tuple[str, float, float]] = {
    LR: (EFFECTIVE_LR, 1e-3, 1e3),
    "momentum": (f"{ONE_MINUS}momentum", 1e-3, 1.0),
    "beta1": (f"{ONE_MINUS}beta1", 1e-3, 1.0),
    "beta2": (f"{ONE_MINUS}beta2", 1e-4, 1.0),
    "beta3": (f"{ONE_MINUS}beta3", 1e-4, 1.0),
    "rho": (f"{ONE_MINUS}rho", 1e-4, 1.0),
    "eps": ("eps", 1e-10, 1e4),
    "weight_decay": ("weight_decay", 1e-4, 1.0),
}
"""By hyperparameter: the axis that searches it, logarithmic, from and to."""
PLAIN_LR = (
    1e-6,
    1e2,
)  # of a step that is not proportional to lr, so that no effective rate tells it


class FirstStage(NamedTuple):
    """The axes, and the hyperparameters that have no conventional range."""

    space: dict[str, Axis]
    left: list[str]


def first_stage(
    hyperparameters: Iterable[str], group: str = "", *, effective: bool = True
) -> FirstStage:
    """The conventional axes of these hyperparameters, the learning rate first.

    Args:
        hyperparameters: by the rule's own names.
        group: of parameters, whose name stands before each axis.
        effective: False to search lr itself.
    """
    given = list(hyperparameters)
    prefix = f"{group}." if group else ""
    space: dict[str, Axis] = {}
    for name, (axis, low, high) in RANGES.items():
        if name in given:
            if name == LR and not effective:
                axis, (low, high) = LR, PLAIN_LR
            space[f"{prefix}{axis}"] = Range(f"{prefix}{axis}", low, high)
    return FirstStage(space, [name for name in given if name not in RANGES])
