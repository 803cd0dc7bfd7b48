"""A search space as the text of a file for conf/search_space/: its evidence, then an axis a line."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.study.parametrisation import split

if TYPE_CHECKING:
    from harness.study.space import Axis


def as_text(head: Sequence[str], space: Mapping[str, Axis], reasons: Mapping[str, str]) -> str:
    """Comments, then the axes with their reasons; those of a parameter group under its name."""
    lines = [f"# {line}" for line in head]
    inside = ""
    for name, axis in space.items():
        group, own = split(name)
        if group and group != inside:
            lines.append(f"{group}:")
        inside = group
        reason = reasons.get(name)
        lines.append(
            f"{'  ' if group else ''}{own}: {node(axis)}" + (f" # {reason}" if reason else "")
        )
    return "\n".join(lines) + "\n"


def rule_told(rule: str) -> str:
    """A line of evidence."""
    from harness.analysis.good_box import HELD
    from harness.analysis.refining import JOINT

    if rule != JOINT:
        return f"Rule: {rule}, each axis by itself: harness/analysis/borders.py."
    return (
        f"Rule: {rule}, a box that keeps {HELD:.0%} of where the best are expected:"
        " harness/analysis/good_box.py."
    )


def node(axis: Axis) -> str:
    """An axis on one line."""
    import yaml

    text = yaml.safe_dump(axis.node, default_flow_style=True, sort_keys=False, width=10**6)
    return str(text.splitlines()[0])  # a plain number's document ends with a line of its own


def write(path: Path, text: str) -> None:
    """Write it, its folder too.

    Raises:
        SweepError: it can't be.
    """
    from harness.records.files import write_named

    with contextlib.suppress(OSError):
        if path.read_text(encoding="utf-8") == text:
            return
    write_named(path, text)
