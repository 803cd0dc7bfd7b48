"""What is done to a gradient before the rule sees it: pure functions, in the order they stand here.

A transform takes all gradients and all parameters, ``[tensors]`` each (one flat vector for our own
rules), its state and the step number ``t`` (from 1), and returns ``(gradients, *new_state)``. Its
keyword-only arguments are hyperparameters, searched like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.training.signatures import keywords

if TYPE_CHECKING:  # names are checked before torch is imported
    from torch import Tensor


class Transform(NamedTuple):
    """A transform, the state it starts from, its hyperparameters and the values that make it idle."""

    apply: Callable[..., tuple[Any, ...]]
    initial_state: dict[str, Any]
    hyperparameters: tuple[str, ...]
    idle: dict[str, float]


TRANSFORMS: dict[str, Transform] = {}


def transform(
    idle: Mapping[str, float], **initial_state: Any
) -> Callable[[Callable[..., tuple[Any, ...]]], Callable[..., tuple[Any, ...]]]:
    """Enter a function into the table of transforms, with its state at t = 0."""

    def enter(apply: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
        TRANSFORMS[apply.__name__] = Transform(apply, initial_state, keywords(apply), dict(idle))
        return apply

    return enter


@transform(idle={"l2": 0.0})
def l2(
    gradients: Sequence[Tensor], values: Sequence[Tensor], t: int, *, l2: float
) -> tuple[list[Tensor]]:
    """L2 regularisation: the gradient of ``l2 * ||theta||^2 / 2``, which the loss itself leaves out."""
    return ([g.add(theta, alpha=l2) for g, theta in zip(gradients, values, strict=True)],)


HYPERPARAMETERS = tuple(name for each in TRANSFORMS.values() for name in each.hyperparameters)


class Transforms:
    """Those of the transforms that a point's hyperparameters make do something, with their state."""

    def __init__(self, hyperparameters: Mapping[str, float]):
        self.hyperparameters: dict[str, dict[str, float]] = {}
        self.states: dict[str, dict[str, Any]] = {}
        for name, each in TRANSFORMS.items():
            given = {
                key: hyperparameters[key] for key in each.hyperparameters if key in hyperparameters
            }
            if given and given != each.idle:
                self.hyperparameters[name] = given
                self.states[name] = dict(each.initial_state)

    def __call__(self, gradients: list[Tensor], values: list[Tensor], t: int) -> list[Tensor]:
        for name, given in self.hyperparameters.items():
            state = self.states[name]
            gradients, *new = TRANSFORMS[name].apply(gradients, values, *state.values(), t, **given)
            self.states[name] = dict(zip(state, new, strict=True))
        return gradients

    def repeated(
        self, states: Mapping[str, Any], gradients: list[Tensor], values: list[Tensor], t: int
    ) -> list[Tensor]:
        """As if called from the given states, which are not advanced: a step evaluated again."""
        after, self.states = self.states, dict(states)
        try:
            return self(gradients, values, t)
        finally:
            self.states = after

    def penalty(self, values: Sequence[Tensor]) -> Tensor | float:
        """What they add to the loss, whose gradient they add: a line search looks at both."""
        given = self.hyperparameters.get("l2")
        if given is None:
            return 0.0
        squares = sum((value.square().sum() for value in values[1:]), values[0].square().sum())
        return given["l2"] * squares / 2

    def state_dict(self) -> dict[str, Any]:
        return self.states

    def load_state_dict(self, states: Mapping[str, Any]) -> None:
        self.states = {name: dict(states[name]) for name in self.states}
