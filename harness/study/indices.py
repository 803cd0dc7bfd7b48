"""Trial indices as people, Slurm's ``--array`` and ``trial=`` all write them: ``0-3,7``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from harness.errors import ConfigError

MOST_TRIALS = 1_000_000  # in one request; a slip of the keyboard is not a sweep


def spans(trials: Iterable[int]) -> list[tuple[int, int]]:
    """Indices as runs (first, last), in order."""
    runs: list[tuple[int, int]] = []
    for trial in sorted(set(trials)):
        if runs and trial == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], trial)
        else:
            runs.append((trial, trial))
    return runs


def to_text(trials: Iterable[int]) -> str:
    return ",".join(f"{a}-{b}" if b > a else f"{a}" for a, b in spans(trials))


def parse(given: Any) -> tuple[int, ...]:
    """The indices that ``7``, ``0-3,7`` or a list of such names, in order and each once.

    Raises:
        ConfigError: anything else.
    """
    words = [word for each in _listed(given) for word in str(each).split(",")]
    found: set[int] = set()
    for word in words:
        match = re.fullmatch(r"\s*([0-9]{1,12})\s*(?:-\s*([0-9]{1,12})\s*)?", word)
        first, last = match.groups(default="") if match else ("", "")
        span = range(int(first), int(last or first) + 1) if match else range(0)
        if not span or len(span) > MOST_TRIALS:
            raise ConfigError(
                f"trial must be indices such as 7 or 0-3,7 (at most {MOST_TRIALS:,}),"
                f" got {str(given)[:80]!r}"
            )
        found.update(span)
    return tuple(sorted(found))


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]
