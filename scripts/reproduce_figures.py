"""Draw the full set of figures: ``python scripts/reproduce_figures.py [ROOT|trials.csv…] [--out DIR]``.

Without a source, those of every committed table ``results/<name>/trials.csv``. They go into the
folder ``figures/`` beside the table or in ROOT: PNG and SVG, and beside each the numbers it shows as
CSV. ``--save-table`` writes ROOT's trials.csv, curves.parquet and studies.json into ROOT, from which
the figures can be drawn again without the records.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from harness.analysis import results
from harness.analysis.figures import catalogue, search_spaces
from harness.errors import ConfigError

RESULTS = Path(__file__).resolve().parents[1] / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    options = catalogue.Options(
        max_budget=given.max_budget,
        target=given.target,
        metric=given.metric,
        select_by=given.select_by,
    )
    try:
        jobs = _jobs(given.sources, given.out)
        for sources, folder in jobs:
            start = time.perf_counter()
            found = _read(sources, study=given.study, pool=given.pool)
            if given.save_table:
                results.save(found, _home(sources))
            count = _draw(found, folder, options)
            print(f"{count} figures in {folder} ({time.perf_counter() - start:.0f} s)")
    except (ConfigError, OSError) as error:
        print(f"reproduce_figures: {error}", file=sys.stderr)
        return 2
    return 0


def _jobs(sources: Sequence[str], out: str | None) -> list[tuple[list[Path], Path]]:
    """What to draw, and where."""
    if sources:
        paths = [Path(source) for source in sources]
        if out is None and len(paths) > 1:
            raise ConfigError("several sources are drawn together; say where with --out")
        return [(paths, Path(out) if out else _home(paths) / "figures")]
    tables = sorted(RESULTS.glob("*/trials.csv"))
    if not tables:
        raise ConfigError(
            "no results/*/trials.csv here; give a results folder, such as results/raw, or a trials.csv"
        )
    if out and len(tables) > 1:
        raise ConfigError("--out is for one source; without a source each table has its own folder")
    return [([table], Path(out) if out else _home([table]) / "figures") for table in tables]


def _home(sources: list[Path]) -> Path:
    """The results folder itself, or the folder of a table."""
    return sources[0] if sources[0].is_dir() else sources[0].parent


def _read(sources: list[Path], *, study: list[str] | None, pool: bool) -> results.Results:
    """One study per workload and optimizer, or all of a table that labels several search spaces."""
    try:
        return results.read(sources, study=study, pool=pool)
    except ConfigError:
        found = results.read(sources, all_studies=True)
        if len(search_spaces.labels(found.trials)) < 2:
            raise
        return found


def _draw(found: results.Results, folder: Path, options: catalogue.Options) -> int:
    """Draw one set, say what could not be drawn, and give the number drawn."""
    count = 0
    for drawn in catalogue.draw_all(found, folder, options):
        count += bool(drawn.paths)
        if drawn.reason:
            print(f"not drawn: {drawn.name}: {drawn.reason}")
    return count


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("sources", nargs="*", metavar="ROOT|trials.csv", help="results folders, tables of trials")
    add("--out", metavar="DIR", help="folder to draw into (figures/ in ROOT or beside the table)")
    add("--save-table", action="store_true", help="write trials.csv and its companions into ROOT")
    add("--metric", default="val_error", help="reported of the selected trial (val_error)")
    add("--select-by", help="the column that is lowest in the selected trial (val_error)")
    add("--max-budget", type=int, metavar="K", help="the largest tuning budget shown")
    add("--target", type=float, help="target error of Figures 2 and 10 (the workload's own)")
    add("--study", action="append", help="fingerprint to keep, where a pair has several studies")
    add("--pool", action="store_true", help="merge studies that differ in their seeds alone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
