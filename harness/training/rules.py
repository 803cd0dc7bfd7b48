"""The update rules of Choi et al., table 1, as pure functions on one flat parameter vector.

A rule takes the minibatch gradient ``g``, its state, and the step number ``t`` (from 1), and returns
``(step, *new_state)``; the trainer does ``theta <- theta - step``. Tensors are ``[parameters]``, or
``[trials, parameters]`` with hyperparameters of shape ``[trials, 1]``; NumPy arrays do as well. Keyword-only
arguments are the hyperparameters, so a mistyped name in a config fails by name.

These are the paper's rules, not ``torch.optim``'s; where the two part, a comment says so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from harness.training.signatures import keywords

if TYPE_CHECKING:  # names and hyperparameters are checked before torch is imported (a second saved)
    from torch import Tensor

Hyper: TypeAlias = "float | Tensor"
Update: TypeAlias = "Callable[..., tuple[Tensor, ...]]"


class Rule(NamedTuple):
    """An update rule, the names of its hyperparameters, and the value its state starts from."""

    update: Update
    initial_state: dict[str, float]
    hyperparameters: tuple[str, ...]


RULES: dict[str, Rule] = {}


def rule(**initial_state: float) -> Callable[[Update], Update]:
    """Enter a function into the table of rules, with its state at t = 0."""

    def enter(update: Update) -> Update:
        takes = tuple(inspect.signature(update).parameters)
        hyperparameters = keywords(update)
        if takes != ("g", *initial_state, "t", *hyperparameters):
            # Both may be tensors of one shape: swapped names would run, silently.
            raise TypeError(
                f"rule {update.__name__} takes {', '.join(takes)}; with the state"
                f" {', '.join(initial_state) or '(none)'} it must take g, the state in that order, t,"
                " and its hyperparameters by keyword"
            )
        RULES[update.__name__] = Rule(update, initial_state, hyperparameters)
        return update

    return enter


@rule()
def sgd(g: Tensor, t: int, *, lr: Hyper) -> tuple[Tensor, ...]:
    """Robbins and Monro (1951)."""
    return (lr * g,)


@rule(v=0.0)
def momentum(g: Tensor, v: Tensor, t: int, *, lr: Hyper, momentum: Hyper) -> tuple[Tensor, ...]:
    """Polyak (1964); lr outside the buffer, as in the paper's table and in torch.optim.SGD."""
    v = momentum * v + g
    return lr * v, v


@rule(v=0.0)
def nesterov(g: Tensor, v: Tensor, t: int, *, lr: Hyper, momentum: Hyper) -> tuple[Tensor, ...]:
    """Nesterov (1983), in the form of Sutskever et al. (2013)."""
    v = momentum * v + g
    return lr * (momentum * v + g), v


@rule(v=1.0, m=0.0)
def rmsprop(
    g: Tensor, v: Tensor, m: Tensor, t: int, *, lr: Hyper, momentum: Hyper, rho: Hyper, eps: Hyper
) -> tuple[Tensor, ...]:
    """Tieleman and Hinton (2012)."""
    # v starts at 1, eps is inside the root and lr inside the buffer, as in the paper's table (and in
    # TensorFlow); torch.optim.RMSprop starts v at 0, adds eps outside and keeps lr outside.
    v = rho * v + (1 - rho) * g**2
    m = momentum * m + lr * g / (v + eps) ** 0.5
    return m, v, m


@rule(m=0.0, v=0.0)
def adam(
    g: Tensor, m: Tensor, v: Tensor, t: int, *, lr: Hyper, beta1: Hyper, beta2: Hyper, eps: Hyper
) -> tuple[Tensor, ...]:
    """Kingma and Ba (2015)."""
    # eps beside the uncorrected root, as in the paper's table; torch.optim.Adam corrects it first.
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return lr * _correction(beta1, beta2, t) * m / (v**0.5 + eps), m, v


@rule(m=0.0, v=0.0)
def nadam(
    g: Tensor, m: Tensor, v: Tensor, t: int, *, lr: Hyper, beta1: Hyper, beta2: Hyper, eps: Hyper
) -> tuple[Tensor, ...]:
    """Dozat (2016), without the momentum-decay schedule that torch.optim.NAdam has."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    ahead = beta1 * m + (1 - beta1) * g
    return lr * _correction(beta1, beta2, t) * ahead / (v**0.5 + eps), m, v


def _larger(one: Tensor, other: Tensor) -> Tensor:
    """Of each two numbers; arrays have no such method."""
    if hasattr(one, "maximum"):
        return one.maximum(other)
    import numpy as np

    return cast("Tensor", np.maximum(one, other))


def _correction(beta1: Hyper, beta2: Hyper, t: int) -> Hyper:
    return (1 - beta2**t) ** 0.5 / (1 - beta1**t)


# --- beside the paper: Ruder (arXiv:1609.04747) and the CS231n notes -----------------------------


@rule(s=0.0)
def adagrad(g: Tensor, s: Tensor, t: int, *, lr: Hyper, eps: Hyper) -> tuple[Tensor, ...]:
    """Duchi et al. (2011)."""
    s = s + g**2
    return lr * g / (s**0.5 + eps), s


@rule(s=0.0, d=0.0)
def adadelta(
    g: Tensor, s: Tensor, d: Tensor, t: int, *, lr: Hyper, rho: Hyper, eps: Hyper
) -> tuple[Tensor, ...]:
    """Zeiler (2012); lr = 1 in the original."""
    s = rho * s + (1 - rho) * g**2
    change = ((d + eps) / (s + eps)) ** 0.5 * g
    d = rho * d + (1 - rho) * change**2
    return lr * change, s, d


@rule(m=0.0, u=0.0)
def adamax(
    g: Tensor, m: Tensor, u: Tensor, t: int, *, lr: Hyper, beta1: Hyper, beta2: Hyper, eps: Hyper
) -> tuple[Tensor, ...]:
    """Kingma and Ba (2015), section 7.1; eps inside the maximum, as in torch.optim.Adamax."""
    m = beta1 * m + (1 - beta1) * g
    u = _larger(beta2 * u, abs(g) + eps)
    return lr / (1 - beta1**t) * m / u, m, u
