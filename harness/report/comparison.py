"""``python -m harness.report ROOT|trials.csv… --out DIR``: what the trials say.

Reads results folders and tables of trials (CSV, Parquet), prints the comparison and writes into DIR:

    report.html         one self-contained page: verdict, tuning curves, diagnostics, all trials
    trials.csv          one row a trial: workload, optimizer, study, trial, status, train_loss,
                        val_error, test_error, steps, train_seconds, hp.*; empty where there is none
    tuning_curves.csv   workload, optimizer, budget_trials, mean, p05, p50, p95, median_low, median_high
    final.csv           the outcome, one row per workload and optimizer (harness/analysis/final.py)
    inclusions.csv      the verdict on every inclusion (harness/analysis/inclusion_verdicts.py)
    importance.csv      workload, optimizer, axis, importance, partner, interaction, trials
    borders.csv         where selected trials lie on each searched axis (harness/analysis/borders.py)
    tuning_curves.png, tuning_curves.svg
    curves.parquet, studies.json    learning curves and resolved studies, when the source has them

A report can be made again from its own trials.csv. Where an optimizer has several studies on a
workload, choose with --study FINGERPRINT (or study=FINGERPRINT), or pool those that differ in their
seeds alone with --pool (or pool=true).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from rich.console import Console

from harness.analysis import borders, importance, inclusion_verdicts, results, table
from harness.analysis.final import feasibility, final
from harness.analysis.results import Results
from harness.analysis.tuning_curves import COLUMNS as CURVE_COLUMNS
from harness.errors import ConfigError
from harness.figures import budget_curves, catalogue, rank_probability, selected
from harness.report import page as report_page
from harness.report import sentences as verdict_words
from harness.report import terminal as summary

Options = catalogue.Options


class Analysis(NamedTuple):
    """Every table of a report."""

    results: Results
    options: Options
    curves: pd.DataFrame  # tuning curves with their cells: figures.budget_curves
    errors: pd.DataFrame  # at the budget compared at: figures.selected
    ranks: pd.DataFrame
    final: pd.DataFrame
    inclusions: pd.DataFrame
    importance: pd.DataFrame
    borders: pd.DataFrame
    feasibility: pd.DataFrame
    answers: list[verdict_words.Answer]


def write_report(
    sources: table.Paths,
    out: str | Path,
    *,
    metric: str = "val_error",
    select_by: str | None = None,
    max_budget: int | None = None,
    target: float | None = None,
    study: str | Sequence[str] | None = None,
    pool: bool = False,
) -> list[Path]:
    """Print the comparison, write the report into ``out`` and give the paths written.

    Args:
        sources: results folders, CSV or Parquet tables.
        metric, select_by: what is reported of the selected trial, and what selects it.
        max_budget: the largest tuning budget.
        target: the error of ``steps_to_target``; None for each workload's own.
        study, pool: which studies, see `table.select_studies`.

    Raises:
        ConfigError: a source that can't be read, or a folder that can't be written.
    """
    options = Options(metric, select_by, max_budget, target)
    folder = _folder(out)
    analysis = analyse(results.read(sources, study=study, pool=pool), options)
    console = _console()
    for answer in analysis.answers:
        console.print(
            " ".join((f"{answer.workload}:", answer.headline, *answer.sentences)), markup=False
        )
        console.print()
    console.print(summary.render(analysis.results.trials, select_by=options.selects))
    paths = [*_write_tables(analysis, folder), *_draw(analysis, folder)]
    paths.append(folder / "report.html")
    paths[-1].write_text(report_page.render(analysis), encoding="utf-8")
    for path in paths:
        print(path)
    return paths


def analyse(found: Results, options: Options | None = None) -> Analysis:
    """All tables of a report."""
    options = options or Options()
    found = catalogue.with_columns(found, options)
    trials, select_by = found.trials, options.selects
    errors = selected.errors(trials, select_by, _metrics(options), max_budget=options.max_budget)
    compared = sorted({int(k) for k in errors["budget_trials"] if k > 0})
    ranks = rank_probability.data(trials, select_by, max_budget=options.max_budget, also=compared)
    feasible = feasibility(trials)
    edges = inclusion_verdicts.verdicts(trials, select_by, studies=found.studies)
    at_borders = borders.borders(trials, found.studies, metric=select_by)
    return Analysis(
        results=found,
        options=options,
        curves=budget_curves.data(
            trials, options.metric, options.select_by, max_budget=options.max_budget
        ),
        errors=errors,
        ranks=ranks,
        final=final(trials, options.max_budget, select_by=select_by),
        inclusions=edges,
        importance=importance.importance(trials, select_by),
        borders=at_borders,
        feasibility=feasible,
        answers=verdict_words.answers(errors, ranks, edges, feasible, at_borders),
    )


def _metrics(options: Options) -> tuple[str, ...]:
    """What is shown of the selected trial: what selects it first, then the errors."""
    return tuple(dict.fromkeys((options.selects, "val_error", "test_error")))


def _write_tables(analysis: Analysis, folder: Path) -> list[Path]:
    paths = results.save(analysis.results, folder)
    drawn = analysis.curves[analysis.curves["missing"] == ""].dropna(subset=["budget_trials"])
    further = [name for name in ("share_reached",) if name in drawn]
    tables = {
        "tuning_curves": drawn[[*CURVE_COLUMNS, *further]].astype({"budget_trials": int}),
        "final": analysis.final,
        "inclusions": analysis.inclusions,
        "importance": analysis.importance,
        "borders": analysis.borders,
    }
    for name, frame in tables.items():
        paths.append(folder / f"{name}.csv")
        frame.to_csv(paths[-1], index=False)
    return paths


def _draw(analysis: Analysis, folder: Path) -> list[Path]:
    note = catalogue.note(analysis.results, analysis.options)
    drawn = catalogue.save(
        "tuning_curves", analysis.curves, budget_curves.draw, folder, note, numbers=False
    )
    return list(drawn.paths)


def _console() -> Console:
    """As wide as the terminal, and 100 columns where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def _folder(out: str | Path) -> Path:
    """The output folder, made and found writable before any work is done."""
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page = folder / "report.html"
        new = not page.exists()
        page.touch()
        if new:  # an analysis that fails leaves no empty page
            page.unlink()
    except OSError as error:
        raise ConfigError(
            f"the report cannot be written to {folder} ({error.strerror}); give another --out"
        ) from None
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; a mistake in what was asked is one line on stderr and a 2."""
    options = vars(_parser().parse_intermixed_args(arguments))
    try:
        options |= _words(options)
        catalogue.check_counts(max_budget=options["max_budget"])
        write_report(options.pop("sources"), options.pop("out"), **options)
    except (ConfigError, OSError) as error:
        print(f"harness.report: {error}", file=sys.stderr)
        return 2
    return 0


def _words(options: dict[str, Any]) -> dict[str, Any]:
    """study=… and pool=true among the sources, as other commands of the harness take them."""
    words = [s for s in options["sources"] if s.startswith(("study=", "pool="))]
    sources = [s for s in options["sources"] if s not in words]
    if not sources:
        raise ConfigError("no source given; name a results folder or a trials.csv")
    study = [word.removeprefix("study=") for word in words if word.startswith("study=")]
    return {
        "sources": sources,
        "study": [*(options["study"] or []), *study] or None,
        "pool": options["pool"] or "pool=true" in words,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m harness.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("sources", nargs="+", metavar="ROOT|trials.csv", help="results folders, tables of trials")
    add("--out", required=True, metavar="DIR", help="folder to write into, made if needed")
    catalogue.add_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
