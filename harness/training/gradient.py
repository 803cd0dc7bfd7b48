"""What is done to a gradient before the rule sees it: pure functions, in the order they stand here.

A transform takes all gradients and all parameters, ``[tensors]`` each (one flat vector for our own
rules), its state and the step number ``t`` (from 1), and returns ``(gradients, *new_state)``. Its
keyword-only arguments are hyperparameters, searched like any other. A transform that draws keeps the
trial's seed as its state `SEED`, and draws by (seed, t): the same noise in a step evaluated again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from harness.errors import ConfigError
from harness.training.delay import delay
from harness.training.rules import Hyper
from harness.training.signatures import keywords

if TYPE_CHECKING:  # names are checked before torch is imported
    from torch import Tensor

SEED = "seed"  # the state that a trial's own seed is put into


class Transform(NamedTuple):
    """A transform, the state it starts from, its hyperparameters and the values that make it idle.

    Of its hyperparameters those without which the others say nothing are the ones with an idle value.
    """

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
    gradients: Sequence[Tensor], values: Sequence[Tensor], t: int, *, l2: Hyper
) -> tuple[list[Tensor]]:
    """L2 regularisation: the gradient of ``l2 * ||theta||^2 / 2``, which the loss itself leaves out."""
    if isinstance(l2, float):  # fused: another last bit
        return ([g.add(theta, alpha=l2) for g, theta in zip(gradients, values, strict=True)],)
    return ([g + l2 * theta for g, theta in zip(gradients, values, strict=True)],)


@transform(idle={"clip_norm": math.inf})
def clip_by_norm(
    gradients: Sequence[Tensor], values: Sequence[Tensor], t: int, *, clip_norm: float
) -> tuple[list[Tensor]]:
    """``g * min(1, c / ||g||)``, ``||g||`` over all parameters: Pascanu et al. (arXiv:1211.5063)."""
    import torch

    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
    scale = (clip_norm / norm).clamp(max=1.0)  # of no gradient inf: 1
    return ([g * scale for g in gradients],)


@transform(idle={"clip_value": math.inf})
def clip_by_value(
    gradients: Sequence[Tensor], values: Sequence[Tensor], t: int, *, clip_value: Hyper
) -> tuple[list[Tensor]]:
    """Each component into [-c, c]; the direction changes."""
    return ([g.clamp(-clip_value, clip_value) for g in gradients],)  # type: ignore[arg-type]


@transform(idle={"noise_eta": 0.0}, **{SEED: 0})
def noise(
    gradients: Sequence[Tensor],
    values: Sequence[Tensor],
    seed: int,
    t: int,
    *,
    noise_eta: float,
    noise_gamma: float = 0.55,
) -> tuple[Any, ...]:
    """``g + N(0, sigma_t^2)``, ``sigma_t^2 = eta / (1 + t)^gamma``, t from 0: Neelakantan et al.

    arXiv:1511.06807, section 3; eta is .01, .3 or 1 there, and gamma .55. After clipping, which would
    shrink the noise with the gradient.
    """
    import torch

    deviation = math.sqrt(noise_eta / t**noise_gamma)  # our t counts from 1
    generator = torch.Generator(gradients[0].device)
    generator.manual_seed(int(np.random.SeedSequence([seed, t]).generate_state(1, np.uint64)[0]))

    def drawn(g: Tensor) -> Tensor:
        return torch.randn(g.shape, generator=generator, dtype=g.dtype, device=g.device)

    return [g.add(drawn(g), alpha=deviation) for g in gradients], seed


transform(idle={"delay": 0.0}, **{SEED: 0}, pending=())(
    delay
)  # what is handed in has all of the above

HYPERPARAMETERS = tuple(name for each in TRANSFORMS.values() for name in each.hyperparameters)


def check(hyperparameters: Iterable[str]) -> None:
    """That no transform is told how without being told how much.

    Raises:
        ConfigError: the hyperparameter that is lacking.
    """
    named = set(hyperparameters)
    for each in TRANSFORMS.values():
        beside = named.intersection(each.hyperparameters) - each.idle.keys()
        lacking = sorted(each.idle.keys() - named)
        if beside and lacking:
            raise ConfigError(
                f"{sorted(beside)[0]} says nothing without {lacking[0]}; add search_space.{lacking[0]}"
            )


class Transforms:
    """Those of the transforms that a point's hyperparameters make do something, with their state."""

    def __init__(self, hyperparameters: Mapping[str, float], seed: int = 0):
        self.hyperparameters: dict[str, dict[str, float]] = {}
        self.states: dict[str, dict[str, Any]] = {}
        for name, each in TRANSFORMS.items():
            given = {
                key: hyperparameters[key] for key in each.hyperparameters if key in hyperparameters
            }
            if given and each.idle.items() - given.items():
                self.hyperparameters[name] = given
                own = {SEED: seed} if SEED in each.initial_state else {}
                self.states[name] = {**each.initial_state, **own}

    def __call__(self, gradients: list[Tensor], values: list[Tensor], t: int) -> list[Tensor]:
        """What the rule gets in step t; empty where no gradient has arrived (`delay`, the last one)."""
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
