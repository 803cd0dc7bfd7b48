"""``python -m harness.compact ROOT``: one Parquet file a study instead of one JSON file a trial."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from harness.errors import ConfigError, SweepError
from harness.records import store


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m harness.compact", description=__doc__)
    parser.add_argument(
        "root", help="a results folder (the root= of sweeps that have run), or a folder of such"
    )
    root = parser.parse_args(arguments).root
    try:
        for path in (path for one in store.roots_in(root) for path in store.study_paths(one)):
            if target := store.compact(path):
                print(target)
    except ConfigError as error:
        print(f"harness.compact: {error}", file=sys.stderr)
        return 2
    except SweepError as error:
        print(f"harness.compact: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
