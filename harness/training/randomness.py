"""The generators that everybody shares: torch's, which dropout draws from, Python's and NumPy's."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

RandomState = Mapping[str, Any]


def seed(number: int) -> None:
    """Begin all of them; an optimizer of others may draw from any."""
    # torch.manual_seed takes half a millisecond, and where there is no GPU keeps a stack trace for ever.
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(number)
    random.seed(number)
    np.random.seed(number % 2**32)


def random_state(device: str) -> dict[str, Any]:
    """Where they stand, as plain data."""
    drawn: Any = np.random.get_state()
    name, keys, *rest = drawn
    state = {
        "cpu": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": (name, torch.from_numpy(keys.astype(np.int64)), *rest),
    }
    if device != "cpu":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: RandomState, device: str) -> None:
    torch.set_rng_state(state["cpu"])
    random.setstate(state["python"])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy(), *rest))
    if device != "cpu":
        torch.cuda.set_rng_state(state["cuda"], device)
