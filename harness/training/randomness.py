"""Torch's own generators: what dropout draws from, and where it goes on."""

from __future__ import annotations

from collections.abc import Mapping

import torch

RandomState = Mapping[str, torch.Tensor]


def random_state(device: str) -> dict[str, torch.Tensor]:
    random = {"cpu": torch.get_rng_state()}
    if device != "cpu":
        random["cuda"] = torch.cuda.get_rng_state(device)
    return random


def set_random_state(random: RandomState, device: str) -> None:
    torch.set_rng_state(random["cpu"])
    if device != "cpu":
        torch.cuda.set_rng_state(random["cuda"], device)
