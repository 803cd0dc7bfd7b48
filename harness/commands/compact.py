"""``harness compact ROOT``: one Parquet file a study instead of one JSON file a trial."""

from __future__ import annotations

from collections.abc import Sequence

from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE


def main(arguments: Sequence[str]) -> int:
    """Compact every study under a results root, or under the roots in a folder."""
    parser = Parser("compact", __doc__)
    parser.add_argument(
        "root", help="a results folder (the root= of sweeps that have run), or a folder of such"
    )
    root = parser.parse_args(arguments).root

    from harness.records import compaction, reading

    for path in (path for one in reading.roots_in(root) for path in reading.study_paths(one)):
        if target := compaction.compact(path):
            print(target)
    return EXIT_COMPLETE
