"""``harness status ROOT``: how far each study under a results root is, from any machine.

Exit status: 0 when every trial asked for is complete or diverged, 1 when not, 2 for a mistake.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE, EXIT_FAILED
from harness.study import indices

THOROUGHLY = 5_000  # records whose checksums are compared: a second

if TYPE_CHECKING:
    from rich.table import Table

    from harness.running.status import Status


def main(arguments: Sequence[str]) -> int:
    """Print a row a study, then which trials are missing, failed or damaged."""
    parser = Parser("status", __doc__)
    parser.add_argument("root", help="a results folder (the root= of sweeps)")
    root = parser.parse_args(arguments).root

    from rich.console import Console

    from harness.records import headlines
    from harness.records.reading import study_paths
    from harness.running import status

    paths = study_paths(root)
    thoroughly = sum(map(headlines.count, paths)) <= THOROUGHLY
    studies = [status.read(path, thoroughly) for path in paths]
    if not studies:
        print(f"harness status: no study under {root} {_instead(root)}", file=sys.stderr)
        return EXIT_FAILED
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if not console.is_terminal:  # a file is as wide as its lines
        console.width = 10_000
    console.print(table(studies))
    for each in studies:
        for line in _to_do(each):
            console.print(line)
    if not thoroughly:
        console.print(
            f"more than {THOROUGHLY:,} records: whether each is whole is checked when it is used, not here"
        )
    return EXIT_COMPLETE if all(each.complete for each in studies) else EXIT_FAILED


def _instead(root: str) -> str:
    from harness.records import nearby

    found = nearby.readable(root)
    roots = [path for path in found if path.is_dir()]
    if roots:
        return f"itself; name one of: {nearby.told(roots)}"
    return f"itself; harness report reads {nearby.told(found)}" if found else "yet"


def table(studies: Sequence[Status]) -> Table:
    """A row a study."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("study", overflow="fold")
    for name in ("complete", "diverged", "failed", "running", "missing", "trials/h", "left"):
        grid.add_column(name, justify="right", no_wrap=True)
    pruned = any(each.counts["pruned"] or each.at_rung for each in studies)
    for name in ("at a rung", "pruned", "audited", "steps saved") if pruned else ():
        grid.add_column(name, justify="right", no_wrap=True)
    for each in studies:
        cells = (*_row(each), *(_rungs(each) if pruned else ()))
        grid.add_row(*(Text(cell) for cell in cells))
    return grid


def _rungs(status: Status) -> tuple[str, ...]:
    return (
        str(len(status.at_rung)),
        str(status.counts["pruned"]),
        "-" if status.audited is None else str(status.audited),
        f"{status.saved_share:.0%}",
    )


def _row(status: Status) -> tuple[str, ...]:
    per_hour = status.trials_per_second and 3600 * status.trials_per_second
    return (
        status.name,
        str(status.counts["complete"]),
        str(status.counts["diverged"]),
        str(len(status.failed)),
        str(len(status.running)),
        str(len(status.missing)),
        f"{per_hour:.3g}" if per_hour else "-",
        _left(status.seconds_left),
    )


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    end = time.strftime("%a %H:%M", time.localtime(time.time() + seconds))
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}:{minutes:02d} ({end})"


def _to_do(status: Status) -> list[str]:
    lines = []
    if status.missing:
        lines.append(f"{status.name}: missing trial={indices.to_text(status.missing)}")
    if status.failed:
        lines.append(
            f"{status.name}: failed trial={indices.to_text(status.failed)}"
            " (retry_failed=true runs them again)"
        )
    for problem in status.damaged:
        lines.append(
            f"{status.name}: damaged {problem.path} {problem.what}"
            " (damaged=set_aside renames it and runs its trial again)"
        )
    return lines
