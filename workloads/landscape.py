"""Workloads `beale`, `saddle`, `ravine`, `rosenbrock`, `himmelblau`: functions of two numbers.

One module for all: `data.function` says which, `model.start` where an optimizer begins. Nothing is
drawn but, where `model.perturbation` is not 0, the start. There is no error rate: val_error and
test_error of a record are the function's value, 0 at its minima.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.settings import NUMBER, PATH, TWO_NUMBERS, one_of, read

if TYPE_CHECKING:
    from workloads.tasks.landscape import LandscapeTask, StackedLandscape

FUNCTIONS = ("beale", "saddle", "ravine", "rosenbrock", "himmelblau")
DATA = {"root": PATH, "cache": PATH, "function": one_of(*FUNCTIONS)}
MODEL = {"start": TWO_NUMBERS, "perturbation": NUMBER}


def prepare(data: Mapping[str, Any]) -> str:
    """There is no data but the function: data.root and data.cache are accepted and not used."""
    return hashlib.sha256(read("data", data, **DATA).function.encode()).hexdigest()


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model, **MODEL)


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> LandscapeTask:
    """`model`: start (x, y) and the standard deviation of its perturbation."""
    from workloads.models.landscapes import LANDSCAPES
    from workloads.tasks.landscape import LandscapeTask

    digest = prepare(data)
    settings = read("model", model, **MODEL)
    x, y = settings.start
    return LandscapeTask(
        LANDSCAPES[data["function"]], digest, (x, y), settings.perturbation, device
    )


def load_stacked(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> StackedLandscape:
    from workloads.tasks.landscape import StackedLandscape

    return StackedLandscape(load(data, model, batch_size, device))
