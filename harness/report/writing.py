"""A report written into a folder, whole or not at all, and said on the terminal.

The files, beside ``report.html``, the page (`page`):

    trials.csv          one row a trial: workload, optimizer, study, trial, status, train_loss,
                        val_error, test_error, steps, train_seconds, hp.*; empty where there is none
    tuning_curves.csv   workload, optimizer, budget_trials, mean, p05, p50, p95, median_low, median_high
    final.csv           the outcome, one row per workload and optimizer (`analysis.final`)
    pairs.csv           which of two is better, one row per workload and pair (`analysis.pairs`)
    inclusions.csv      the verdict on every inclusion (`analysis.inclusion_verdicts`)
    importance.csv      which hyperparameters matter (`analysis.importance`)
    spaces.csv          each search space beside the field's (`analysis.space_check`)
    costs.csv           seconds, gradients and memory, where trials were timed (`analysis.costs`)
    confirmed.csv       selected trials on fresh seeds, where `harness confirm` trained them (`analysis.confirming`)
    borders.csv         where selected trials lie on each searched axis (`analysis.borders`)
    tuning_curves.png, tuning_curves.svg
    figure_3_4_search_spaces.csv, .png, .svg    where other search spaces are given
    curves.parquet, studies.json    learning curves and resolved studies, when the source has them
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from harness.analysis.across_spaces import last
from harness.analysis.cells import drawn
from harness.analysis.checking import EVERY
from harness.analysis.costs import costs
from harness.analysis.reading import Paths, Results, as_paths, read_results, save_results
from harness.analysis.side_by_side import side_by_side
from harness.analysis.tuning_curves import COLUMNS
from harness.errors import ConfigError, SweepError
from harness.figures import budget_curves, search_spaces
from harness.report import catalogue, page, terminal
from harness.report.comparison import Analysis, analyse
from harness.report.question import Question


def write_report(
    sources: Paths,
    out: str | Path | None = None,
    question: Question | None = None,
    *,
    study: str | Sequence[str] | None = None,
    pool: bool = False,
    only: Sequence[str] | None = None,
    folders: Sequence[Path] = (),
    spaces: Results | None = None,
) -> list[Path]:
    """Print the comparison, write the report into ``out`` and give the paths written.

    Args:
        sources: results folders, CSV or Parquet tables.
        out: None for no files.
        folders: with the layout of conf/, whose files say how search spaces were found.
        study, pool, only: which studies, see `reading.read_results`.
        spaces: of `reading.read_spaces`, of these sources: the report is of the last of them, and says
            how the others compare.

    Raises:
        ConfigError: a source that can't be read, or a folder that can't be written.
        SweepError: the disk is full.
    """
    folder = None if out is None else writable(out)
    found = (
        spaces._replace(trials=last(spaces.trials))
        if spaces
        else read_results(sources, study=study, pool=pool, only=only)
    )
    analysis = analyse(found, question, folders=folders, roots=as_paths(sources), spaces=spaces)
    if folder is None:
        _console().print(terminal.render(analysis))
        return []
    with placed(folder, "report") as beside:
        made = _files(analysis, beside)
    _console().print(terminal.render(analysis))
    paths = [folder / path.name for path in made]
    for path in paths:
        print(path)
    return paths


@contextlib.contextmanager
def placed(folder: Path, what: str) -> Iterator[Path]:
    """A folder to write into, beside; then each file into its place: one that fails leaves none half.

    Raises:
        SweepError: one can't be written.
    """
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".made-", dir=folder) as beside:
            yield Path(beside)
            for path in sorted(Path(beside).iterdir()):
                os.replace(path, folder / path.name)
            new = False
    except OSError as error:
        raise SweepError(
            f"the {what} cannot be written to {folder} ({error.strerror or error}); make room, or give"
            " another place"
        ) from error
    finally:
        if new:
            with contextlib.suppress(OSError):  # not empty, or not even made
                folder.rmdir()


def _files(analysis: Analysis, folder: Path) -> list[Path]:
    note = catalogue.note(analysis.results, analysis.question)

    def pictures() -> list[Path]:
        drawn = catalogue.save_figure(
            "tuning_curves", analysis.curves, budget_curves.draw, folder, note, numbers=False
        )
        if analysis.across is None:
            return [*drawn.paths]
        beside = catalogue.save_figure(
            catalogue.SEARCH_SPACES.name, analysis.across.errors, search_spaces.draw, folder, note
        )
        return [*drawn.paths, *beside.paths]

    def web_page() -> list[Path]:
        path = folder / "report.html"
        path.write_bytes(page.render(analysis).encode("utf-8", "replace"))  # a path may be no text
        return [path]

    parts = side_by_side(
        analysis.results.trials,
        lambda: save_results(analysis.results, folder),
        lambda: _tables(analysis, folder),
        pictures,
        web_page,
    )
    return [path for paths in parts for path in paths]


def _tables(analysis: Analysis, folder: Path) -> list[Path]:
    curves = drawn(analysis.curves).dropna(subset=["budget_trials"])
    further = [n for n in ("share_reached", "opda_low", "opda_high", EVERY) if n in curves]
    tables = {
        "tuning_curves": curves[[*COLUMNS, *further]].astype({"budget_trials": int}),
        "final": analysis.final,
        "pairs": analysis.pairs,
        "inclusions": analysis.inclusions,
        "importance": analysis.importance,
        "spaces": analysis.spaces,
        "borders": analysis.borders,
    }
    if len(spent := costs(analysis.results.trials)):
        tables["costs"] = spent
    if len(analysis.confirmed):
        tables["confirmed"] = analysis.confirmed
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return [folder / f"{name}.csv" for name in tables]


def _console() -> Console:
    """As wide as the terminal, and 100 columns where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def writable(out: str | Path, named_by: str = "--out") -> Path:
    """The output folder, made and found writable: to be asked before any work is done.

    Args:
        named_by: the flag or key that gave it.

    Raises:
        ConfigError: it is not.
    """
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ConfigError(
            f"the report cannot be written to {folder} ({error.strerror}); give another {named_by}"
        ) from None
    return folder
