"""Where the shipped configurations lie: conf/ of a checkout, or inside the installed package."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def folder() -> Path:
    """conf/, the top level of every config group."""
    spec = importlib.util.find_spec("harness.conf")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))


def names(group: str) -> list[str]:
    """The shipped configurations of a group such as ``optimizer``."""
    return sorted(path.stem for path in (folder() / group).glob("*.yaml"))
