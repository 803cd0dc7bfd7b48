"""A report written into a folder, whole or not at all, and said on the terminal.

The files, beside ``report.html``, the page (`page`):

    trials.csv          one row a trial: workload, optimizer, study, trial, status, train_loss,
                        val_error, test_error, steps, train_seconds, hp.*; empty where there is none
    tuning_curves.csv   workload, optimizer, budget_trials, mean, p05, p50, p95, median_low, median_high
    final.csv           the outcome, one row per workload and optimizer (`analysis.final`)
    inclusions.csv      the verdict on every inclusion (`analysis.inclusion_verdicts`)
    importance.csv      workload, optimizer, axis, importance, partner, interaction, trials
    borders.csv         where selected trials lie on each searched axis (`analysis.borders`)
    tuning_curves.png, tuning_curves.svg
    curves.parquet, studies.json    learning curves and resolved studies, when the source has them
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from harness.analysis.cells import drawn
from harness.analysis.checking import EVERY
from harness.analysis.reading import Paths, read_results, save_results
from harness.analysis.tuning_curves import COLUMNS
from harness.errors import ConfigError, SweepError
from harness.figures import budget_curves
from harness.report import catalogue, page, terminal
from harness.report.comparison import Analysis, analyse
from harness.report.question import Question


def write_report(
    sources: Paths,
    out: str | Path,
    question: Question | None = None,
    *,
    study: str | Sequence[str] | None = None,
    pool: bool = False,
    only: Sequence[str] | None = None,
) -> list[Path]:
    """Print the comparison, write the report into ``out`` and give the paths written.

    Args:
        sources: results folders, CSV or Parquet tables.
        study, pool, only: which studies, see `reading.read_results`.

    Raises:
        ConfigError: a source that can't be read, or a folder that can't be written.
        SweepError: the disk is full.
    """
    folder = writable(out)
    found = read_results(sources, study=study, pool=pool, only=only)
    analysis = analyse(found, question)
    _console().print(terminal.render(analysis))
    paths = _write(analysis, folder)
    for path in paths:
        print(path)
    return paths


def _write(analysis: Analysis, folder: Path) -> list[Path]:
    """All files beside the folder first, then each into its place: one that fails leaves none half."""
    try:
        with tempfile.TemporaryDirectory(prefix=".report-", dir=folder) as beside:
            made = _files(analysis, Path(beside))
            paths = [folder / path.name for path in made]
            for path, place in zip(made, paths, strict=True):
                os.replace(path, place)
            return paths
    except OSError as error:
        raise SweepError(
            f"the report cannot be written to {folder} ({error.strerror or error}); make room, or give"
            " another --out"
        ) from error


def _files(analysis: Analysis, folder: Path) -> list[Path]:
    paths = save_results(analysis.results, folder)
    curves = drawn(analysis.curves).dropna(subset=["budget_trials"])
    further = [name for name in ("share_reached", EVERY) if name in curves]
    tables = {
        "tuning_curves": curves[[*COLUMNS, *further]].astype({"budget_trials": int}),
        "final": analysis.final,
        "inclusions": analysis.inclusions,
        "importance": analysis.importance,
        "borders": analysis.borders,
    }
    for name, frame in tables.items():
        paths.append(folder / f"{name}.csv")
        frame.to_csv(paths[-1], index=False)
    note = catalogue.note(analysis.results, analysis.question)
    picture = catalogue.save_figure(
        "tuning_curves", analysis.curves, budget_curves.draw, folder, note, numbers=False
    )
    paths += picture.paths
    paths.append(folder / "report.html")
    paths[-1].write_text(page.render(analysis), encoding="utf-8")
    return paths


def _console() -> Console:
    """As wide as the terminal, and 100 columns where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def writable(out: str | Path) -> Path:
    """The output folder, made and found writable: to be asked before any work is done.

    Raises:
        ConfigError: it is not.
    """
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ConfigError(
            f"the report cannot be written to {folder} ({error.strerror}); give another --out"
        ) from None
    return folder
