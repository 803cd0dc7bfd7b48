"""What can be known of an optimizer before anything is trained: it is built and stepped on the real model.

Of our own rules all of this is known. A class of others may keep its state where every trial shares it,
draw from a generator that nobody seeds, step where L2 does not reach it, or read its learning rate once:
a trial of it would not be that of (study, index), or not at the rate that its record tells.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from harness.errors import ConfigError
from harness.training.chain import Chain
from harness.training.randomness import random_state, seed, set_random_state

SEED = 0


def rehearse(begin: Callable[[], Chain], named: str, scheduled: bool) -> str | None:
    """Two steps with made-up gradients and an evaluation; then again, and at another learning rate.

    Gives a word of warning where the optimizer takes no notice of a schedule's rate; else None.

    Args:
        begin: makes the chain on a fresh model.
        named: the optimizer as the message calls it.
        scheduled: whether a schedule is to change the learning rate.

    Raises:
        ConfigError: it steps otherwise the second time, or moves the model where it should not.
        Exception: whatever the class raises.
    """
    before = random_state("cpu")
    try:
        first, second = _two_steps(begin, named, and_saves=True)
        again = _two_steps(begin, named)
        if not (_alike(first, again[0]) and _alike(second, again[1])):
            raise ConfigError(
                f"{named} takes other steps when it is built again and given the same gradients, so no"
                " trial could be repeated: keep what it counts in self.state, draw from torch's own"
                " generator, and let state_dict() change nothing"
            )
        if scheduled and not _alike(first, second):
            halved = _two_steps(begin, named, factor=0.5)
            if _alike(second, halved[1]):
                return (
                    f"{named} steps alike whatever its learning rate becomes after the first step: the"
                    " schedule changes nothing, and its axes are searched in vain; schedule=constant"
                    " leaves them out"
                )
        return None
    finally:
        set_random_state(before, "cpu")


Vector = list[Tensor]
"""A copy of every parameter, ``[tensors]``."""


def _two_steps(
    begin: Callable[[], Chain], named: str, factor: float = 1.0, and_saves: bool = False
) -> tuple[Vector, Vector]:
    """The parameters after a first step and after a second, that at a factor of the rate."""
    seed(SEED)
    chain = begin()
    first = _step(chain, named, 0, 1.0)
    if and_saves:
        _save(chain)
    second = _step(chain, named, 1, factor)
    with chain.evaluated():
        pass
    return first, second


def _step(chain: Chain, named: str, step: int, factor: float) -> Vector:
    """A step with the gradients of ||theta - 1||^2 / 200, and where it leads to."""
    parameters = [p for p in chain.model.parameters() if p.requires_grad]

    def evaluate() -> Tensor:
        loss = sum(((p - 1).square().sum() for p in parameters), torch.zeros(())) / 200
        chain.clear()
        loss.backward()
        return loss

    before = _copy(parameters)
    loss = evaluate()
    if not _alike(before, parameters):
        raise ConfigError(
            f"{named} moves parameters while gradients are computed, where neither L2 nor the schedule"
            " reaches it; let step() do it, from the gradients at hand"
        )
    if chain.evaluates_again:
        chain.advance_by_closure(step, loss, evaluate, factor)
    else:
        chain.advance(step, factor)
    return _copy(parameters)


def _save(chain: Chain) -> None:
    """As a checkpoint does. What cannot be saved starts over after an interruption, and says so then."""
    try:
        chain.state_dict()
    except Exception:  # whatever a class of others raises
        return


def _copy(parameters: list[torch.nn.Parameter]) -> Vector:
    return [p.detach().clone() for p in parameters]


def _alike(one: Vector, other: Vector | list[torch.nn.Parameter]) -> bool:
    """NaN equals NaN."""
    pairs = zip(one, other, strict=True)
    return all(a.dtype == b.dtype and torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in pairs)
