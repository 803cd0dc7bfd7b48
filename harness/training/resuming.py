"""The proof that a saved state resumes to the same bits: one step of a copy restored from it.

A class by import path may keep what its state_dict leaves out (a counter, a generator of its own) or
get back what it saved in another type. Nothing in torch tells; a step does.
"""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence, ValuesView
from typing import Any

import numpy as np
import torch

from harness.training.randomness import set_random_state
from harness.training.train import Training

COMPARED = (
    "step", "parameters", "buffers", "chain", "carry", "random", "loss_sum", "gradients",
)  # fmt: skip
DEEPEST = 20  # of what an optimizer keeps in one another


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
            self.recomputed = lost(saved, copy)
            copy.train_one_step()
            self.state, self.attributes = copy.state(), copy.chain.attributes()
        finally:  # the training goes on as if nothing was
            set_random_state(saved["random"], device)

    def difference(self, training: Training) -> str | None:
        """What differs once the training has taken that step too; None where nothing does."""
        mine = training.state()
        for name in COMPARED:
            if (where := _difference(self.state[name], mine[name])) is not None:
                return f"{name}{where}"
        # What has told nothing apart yet may do so later: a counter, weights that it goes back to.
        where = _difference(plain(self.attributes), plain(training.chain.attributes()))
        return None if where is None else f"attributes{where}"


def attributes(training: Training) -> dict[str, str]:
    """A digest of all that the optimizer keeps besides its state, by name."""
    return {
        name: hashlib.sha256(repr(_hashable(plain(kept))).encode()).hexdigest()[:16]
        for name, kept in training.chain.attributes().items()
    }


def lost(saved: Mapping[str, Any], training: Training) -> list[str]:
    """The attributes that a training restored from ``saved`` has otherwise than they were then."""
    before, now = saved.get("attributes", {}), attributes(training)
    return sorted(name for name in before if before[name] != now.get(name))


def _hashable(kept: Any) -> Any:
    if isinstance(kept, torch.Tensor):
        return str(kept.dtype), tuple(kept.shape), bytes(_bits(kept).numpy())
    if isinstance(kept, Mapping):
        return [(key, _hashable(value)) for key, value in kept.items()]
    if isinstance(kept, list | tuple):
        return [_hashable(each) for each in kept]
    return kept


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


def plain(kept: Any, seen: tuple[int, ...] = ()) -> Any:
    """What an optimizer keeps as data to compare; what holds no data by its type's name.

    Of mappings the values in their order: keys may be parameters, or their ids.
    """
    if id(kept) in seen or len(seen) > DEEPEST:
        return "…"
    further = (*seen, id(kept))
    if isinstance(kept, torch.Generator):
        return kept.get_state()
    if isinstance(kept, torch.Tensor | bool | int | float | complex | str | bytes | None):
        return kept
    if isinstance(kept, np.ndarray):
        return str(kept.dtype), kept.shape, kept.tobytes()
    if isinstance(kept, random.Random | np.random.RandomState):
        state = kept.getstate() if isinstance(kept, random.Random) else kept.get_state()
        return plain(state, further)
    if isinstance(kept, np.random.Generator):
        return plain(kept.bit_generator.state, further)
    if isinstance(kept, Mapping) and all(isinstance(key, str) for key in kept):
        return {key: plain(value, further) for key, value in kept.items()}
    if isinstance(kept, Mapping):
        kept = kept.values()
    if isinstance(kept, list | tuple | deque | ValuesView):
        return [plain(each, further) for each in kept]
    if isinstance(kept, torch.nn.Module) or not hasattr(kept, "__dict__") or callable(kept):
        return type(kept).__name__
    return plain(vars(kept), further)


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
