"""Draw the full set of figures: ``python scripts/reproduce_figures.py [ROOT|trials.csv…] [--out DIR]``.

Without a source, those of every committed table ``results/<name>/trials.csv``. They go into the
folder ``figures/`` beside the table or in ROOT: PNG and SVG, and beside each the numbers it shows as
CSV. ``--save-table DIR`` writes the trials.csv, curves.parquet and studies.json from which they can
be drawn again without the records.

Figures 3 and 4 compare search spaces, each swept into a root of its own; least general first:

    python scripts/reproduce_figures.py --space "lr only=ROOT" --space "+ the others=ROOT" --out DIR
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from harness.analysis import results
from harness.errors import ConfigError
from harness.figures import catalogue, search_spaces

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
        catalogue.check_counts(max_budget=given.max_budget, num_trials=given.num_trials)
        jobs = _jobs(given)
        draw = functools.partial(_draw, options=options, save_table=given.save_table)
        # The figures of a table take one core some ten seconds.
        with ProcessPoolExecutor(min(len(jobs), os.cpu_count() or 1)) as pool:
            for lines in pool.map(draw, jobs) if len(jobs) > 1 else map(draw, jobs):
                print("\n".join(lines), flush=True)
    except (ConfigError, OSError) as error:
        print(f"reproduce_figures: {error}", file=sys.stderr)
        return 2
    return 0


Job = tuple[Callable[[], results.Results], Path]
"""What to read, and the folder to draw it into."""


def _jobs(given: argparse.Namespace) -> list[Job]:
    if given.space:
        return [_spaces_job(given)]
    if given.num_trials:
        raise ConfigError("--num-trials is for --space: it makes the spaces' trials as many")
    paths = [Path(source) for source in given.sources]
    if paths and given.out is None and len(paths) > 1:
        raise ConfigError("several sources are drawn together; say where with --out")
    together = [paths] if paths else [[table] for table in sorted(RESULTS.glob("*/trials.csv"))]
    if not together:
        raise ConfigError(
            "no results/*/trials.csv here; give a results folder, such as results/raw, or a trials.csv"
        )
    if len(together) > 1 and (given.out or given.save_table):
        raise ConfigError(
            "--out and --save-table are for one source; without a source each table has its own folder"
        )
    return [
        (
            functools.partial(_read, sources, study=given.study, pool=given.pool),
            Path(given.out) if given.out else _home(sources) / "figures",
        )
        for sources in together
    ]


def _spaces_job(given: argparse.Namespace) -> Job:
    spaces = {}
    for word in given.space:
        label, equals, root = word.partition("=")
        if not (label and equals and root):
            raise ConfigError(
                f"--space {word!r} is not LABEL=ROOT; such as --space 'lr only=results/lr'"
            )
        if label in spaces:
            raise ConfigError(f"--space gives {label!r} twice; label each space by its own name")
        spaces[label] = Path(root)
    if given.sources or given.study or given.pool:
        raise ConfigError(
            "--space names the sources, each with one study per pair; give nothing beside"
        )
    if not given.out:
        raise ConfigError("several spaces are drawn together; say where with --out")
    read = functools.partial(results.read_spaces, spaces, num_trials=given.num_trials)
    return read, Path(given.out)


def _home(sources: list[Path]) -> Path:
    """The results folder itself, or the folder of a table."""
    return sources[0] if sources[0].is_dir() else sources[0].parent


def _read(sources: list[Path], *, study: list[str] | None, pool: bool) -> results.Results:
    """One study per workload and optimizer, or all of a table that labels several search spaces."""
    try:
        return results.read(sources, study=study, pool=pool)
    except ConfigError:
        if study or pool:  # not to be overruled
            raise
        found = results.read(sources, all_studies=True)
        if len(search_spaces.labels(found.trials)) < 2:
            raise
        return found


def _draw(job: Job, options: catalogue.Options, save_table: str | None) -> list[str]:
    """Draw one set, and say how many were drawn and which could not be."""
    read, folder = job
    start, count, lines = time.perf_counter(), 0, []
    found = read()
    if save_table:
        Path(save_table).mkdir(parents=True, exist_ok=True)
        results.save(found, Path(save_table))
    for drawn in catalogue.draw_all(found, folder, options):
        count += bool(drawn.paths)
        if drawn.reason:
            lines.append(f"not drawn: {drawn.name}: {drawn.reason}")
    return [*lines, f"{count} figures in {folder} ({time.perf_counter() - start:.0f} s)"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("sources", nargs="*", metavar="ROOT|trials.csv", help="results folders, tables of trials")
    add("--out", metavar="DIR", help="folder to draw into (figures/ in ROOT or beside the table)")
    add("--save-table", metavar="DIR", help="write trials.csv and its companions into it")
    add("--space", action="append", metavar="LABEL=ROOT", help="a search space of Figures 3 and 4")
    add("--num-trials", type=int, metavar="N", help="of each space the trials below N only")
    catalogue.add_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
