"""The learning rate's schedule by the name in the configuration."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable

from harness.errors import unknown
from harness.training import schedules
from harness.training.signatures import imported

Schedule = Callable[..., float]
"""``(step, total_steps, *, …)`` to what the learning rate is multiplied by, see `schedules`."""


def schedule(name: str) -> Schedule:
    """One of ours, or a function by import path.

    Raises:
        ConfigError: there is none of this name.
    """
    if "." in name:
        found: Schedule = imported("schedule.name", name)
        return found
    if name not in (known := _ours()):
        raise unknown("schedule.name", name, known, "or an import path such as my_module.warm_up")
    module = importlib.import_module(f"{schedules.__name__}.{name}")
    ours: Schedule = getattr(module, name)
    return ours


@functools.cache
def _ours() -> list[str]:
    """Asked for at the start of every trial; a folder takes a millisecond to list."""
    return [each.name for each in pkgutil.iter_modules(schedules.__path__)]
