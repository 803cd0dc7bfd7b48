"""The proof that a saved state resumes to the same bits: one step of a copy restored from it.

A class by import path may keep what its state_dict leaves out (a counter, a generator of its own) or
get back what it saved in another type. Nothing in torch tells; a step does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from harness.training.randomness import set_random_state
from harness.training.train import Training

COMPARED = (
    "step", "parameters", "buffers", "chain", "carry", "random", "loss_sum", "gradients",
)  # fmt: skip


class Proof:
    """A copy of a training, restored from its saved state and one step ahead of it."""

    def __init__(self, begin: Callable[[], Training], saved: Mapping[str, Any], device: str):
        """
        Args:
            begin: makes a copy as the training itself was made, from the same study and trial.
            saved: the training's state, as it is read back from its file.
        """
        try:
            copy = begin()
            copy.restore(saved)
            copy.train_one_step()
            self.state = copy.state()
        finally:  # the training goes on as if nothing was
            set_random_state(saved["random"], device)

    def difference(self, training: Training) -> str | None:
        """What differs once the training has taken that step too; None where nothing does."""
        mine = training.state()
        for name in COMPARED:
            if where := _difference(self.state[name], mine[name]):
                return f"{name}{where}"
        return None


def _difference(one: Any, other: Any) -> str | None:
    """Where two nested states differ, as a path; bits count, and NaN equals NaN."""
    if isinstance(one, torch.Tensor) or isinstance(other, torch.Tensor):
        alike = (
            isinstance(one, torch.Tensor)
            and isinstance(other, torch.Tensor)
            and (one.dtype, one.shape) == (other.dtype, other.shape)
            and torch.equal(_bits(one), _bits(other))
        )
        return None if alike else ""
    if type(one) is not type(other):
        return ""
    if isinstance(one, Mapping):
        if one.keys() != other.keys():
            return ""
        pairs = [(f".{key}", one[key], other[key]) for key in one]
    elif isinstance(one, Sequence) and not isinstance(one, str):
        if len(one) != len(other):
            return ""
        pairs = [(f"[{i}]", *both) for i, both in enumerate(zip(one, other, strict=True))]
    else:
        return None if one == other or one != one else ""
    for name, mine, yours in pairs:
        where = _difference(mine, yours)
        if where is not None:
            return f"{name}{where}"
    return None


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
