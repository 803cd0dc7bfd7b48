"""Draws the full set of figures: PNG and SVG (--png: PNG alone), and beside each the numbers it shows as CSV.

Without a source, those of every committed table results/<name>/trials.csv. They go into the folder
figures/ beside the table or in ROOT. --save-table DIR writes the trials.csv, curves.parquet and
studies.json from which they can be drawn again without the records.

Figures 3 and 4 compare search spaces, each swept into a root of its own; least general first:

    harness figures --space "lr only=ROOT" --space "+ the others=ROOT" --out DIR
"""

from __future__ import annotations

import argparse
import functools
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.parsing import Parser, chosen
from harness.commands.report import add_question, question, spaces_asked
from harness.commands.which_study import told_apart
from harness.errors import EXIT_COMPLETE, ConfigError
from harness.report.question import Question

if TYPE_CHECKING:
    from harness.analysis.reading import Results

Job = tuple[Callable[[], "Results"], Path]
"""What to read, and the folder to draw it into."""


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_intermixed_args(arguments)
    asked = question(given)
    jobs = [_spaces_job(given)] if given.space else _jobs(given)
    formats = ("png",) if given.png else None
    draw = functools.partial(_draw, asked=asked, formats=formats, save_table=given.save_table)
    if len(jobs) == 1:
        print("\n".join(draw(jobs[0])), flush=True)
        return EXIT_COMPLETE
    from concurrent.futures import ProcessPoolExecutor

    # The figures of a table take one core some ten seconds.
    with ProcessPoolExecutor(min(len(jobs), os.cpu_count() or 1)) as pool:
        status = EXIT_COMPLETE
        for lines, wrong in pool.map(functools.partial(_draw_if_it_can_be, draw), jobs):
            print("\n".join(lines), flush=True)
            status = max(status, wrong)
    return status


def _draw_if_it_can_be(draw: Callable[[Job], list[str]], job: Job) -> tuple[list[str], int]:
    """Of many tables one, which no other waits for, and whether something is wrong with it: not with those
    that compare no optimizers, such as results/delays."""
    from harness.analysis.pooling import SeveralStudies

    try:
        return draw(job), EXIT_COMPLETE
    except ConfigError as error:
        wrong = EXIT_COMPLETE if isinstance(error, SeveralStudies) else error.exit_status
        return [f"not drawn: {job[1].parent}: {error}"], wrong


def _parser() -> Parser:
    parser = Parser("figures", __doc__)
    add = parser.add_argument
    add("sources", nargs="*", metavar="ROOT|trials.csv", help="results folders, tables of trials")
    add("--out", metavar="DIR", help="folder to draw into (figures/ in ROOT or beside the table)")
    add("--png", action="store_true", help="no SVG: a fifth less time")
    add("--save-table", metavar="DIR", help="write trials.csv and its companions into it")
    add(
        "--committed",
        default="results",
        metavar="DIR",
        help="where the tables DIR/*/trials.csv lie that are drawn without a source (results)",
    )
    add_question(parser)
    return parser


def _jobs(given: argparse.Namespace) -> list[Job]:
    sources, study, pool = chosen(given, given.sources)
    paths = [Path(source) for source in sources]
    if paths and given.out is None and len(paths) > 1:
        raise ConfigError("several sources are drawn together; say where with --out")
    committed = Path(given.committed)
    tables = sorted(committed.glob("*/trials.csv"), key=lambda table: -table.stat().st_size)
    together = (
        [paths] if paths else [[table] for table in tables]
    )  # what takes longest begins first
    if not together:
        raise ConfigError(
            f"no table {committed}/*/trials.csv here; give a results folder, such as results/raw, or a"
            " trials.csv"
        )
    if len(together) > 1 and (given.out or given.save_table):
        raise ConfigError(
            "--out and --save-table are for one source; without a source each table has its own folder"
        )
    return [
        (
            functools.partial(_read, sources, study=study, pool=pool),
            Path(given.out) if given.out else _home(sources) / "figures",
        )
        for sources in together
    ]


def _spaces_job(given: argparse.Namespace) -> Job:
    spaces = spaces_asked(given)
    if not given.out:
        raise ConfigError("several spaces are drawn together; say where with --out")
    from harness.analysis.reading import read_spaces

    return functools.partial(read_spaces, spaces, num_trials=given.num_trials), Path(given.out)


def _home(sources: list[Path]) -> Path:
    """The results folder itself, or the folder of a table."""
    return sources[0] if sources[0].is_dir() else sources[0].parent


def _read(sources: list[Path], *, study: list[str] | None, pool: bool) -> Results:
    """One study per workload and optimizer, or all of a table that labels several search spaces."""
    from harness.analysis.pooling import SeveralStudies
    from harness.analysis.reading import read_results
    from harness.analysis.search_spaces import labels

    try:
        return read_results(sources, study=study, pool=pool)
    except SeveralStudies as error:
        found = None if study or pool else read_results(sources, all_studies=True)
        if found is None or len(labels(found.trials)) < 2:  # not to be overruled
            raise told_apart(error, sources) from None
        return found


def _draw(
    job: Job, asked: Question, formats: Sequence[str] | None, save_table: str | None
) -> list[str]:
    """Draw one set, and say how many were drawn and which could not be."""
    from harness.analysis.reading import save_results
    from harness.report.catalogue import draw_all
    from harness.report.writing import placed

    read, folder = job
    start, count, lines = time.perf_counter(), 0, []
    found = read()
    if save_table:
        with placed(Path(save_table), "table") as beside:
            save_results(found, beside)
    with placed(folder, "figures") as beside:
        for drawn in draw_all(found, beside, asked, formats):
            count += bool(drawn.paths)
            if drawn.reason:
                lines.append(f"not drawn: {drawn.name}: {drawn.reason}")
    return [*lines, f"{count} figures in {folder} ({time.perf_counter() - start:.0f} s)"]
