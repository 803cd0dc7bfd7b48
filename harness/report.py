"""``python -m harness.report ROOT|trials.csv… --out DIR``: what the trials say.

Reads results folders and tables of trials (CSV, Parquet), prints the comparison and writes into DIR:

    trials.csv          one row a trial: workload, optimizer, study, trial, status, train_loss,
                        val_error, test_error, steps, train_seconds, hp.*; empty where there is none
    tuning_curves.csv   workload, optimizer, budget_trials, mean, p05, p50, p95, median_low, median_high
    tuning_curves.png, tuning_curves.svg
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console

from harness.analysis import summary, table
from harness.analysis.figures import budget_curves, style
from harness.analysis.tuning_curves import COLUMNS as CURVE_COLUMNS
from harness.errors import ConfigError

TRIAL_COLUMNS = (
    "workload", "optimizer", "study", "trial", "status", "train_loss", "val_error", "test_error",
    "steps", "train_seconds",
)  # fmt: skip


def write_report(
    sources: table.Paths,
    out: str | Path,
    *,
    metric: str = "val_error",
    select_by: str | None = None,
    max_budget: int | None = None,
    study: str | Sequence[str] | None = None,
    pool: bool = False,
) -> list[Path]:
    """Print the comparison, write the report into ``out`` and give the paths written.

    Args:
        sources: results folders, CSV or Parquet tables.
        metric, select_by, max_budget: see `tuning_curves.tuning_curves`.
        study, pool: which studies, see `table.select_studies`.

    Raises:
        ConfigError: a source that can't be read, or a folder that can't be written.
    """
    studies = table.read_studies(sources)
    trials = table.select_studies(table.read(sources), study, studies=studies, pool=pool)
    curves = budget_curves.data(trials, metric, select_by, max_budget=max_budget)
    _console().print(summary.render(trials))
    folder = _folder(out)
    paths = [folder / "trials.csv", folder / "tuning_curves.csv"]
    in_order(trials).to_csv(paths[0], index=False)
    curves[curves["missing"] == ""][list(CURVE_COLUMNS)].astype({"budget_trials": int}).to_csv(
        paths[1], index=False
    )
    with style.settings():
        figure = budget_curves.draw(curves)
        for suffix in ("png", "svg"):
            paths.append(folder / f"tuning_curves.{suffix}")
            figure.savefig(paths[-1], metadata={"Date": None} if suffix == "svg" else None)
    for path in paths:
        print(path)
    return paths


def in_order(trials: pd.DataFrame) -> pd.DataFrame:
    """The documented columns first, then ``hp.*``, then whatever else the table holds."""
    first = [*TRIAL_COLUMNS, *table.hyperparameter_columns(trials)]
    return trials[[*first, *(name for name in trials.columns if name not in first)]]


def _console() -> Console:
    """As wide as the terminal, and 100 columns where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def _folder(out: str | Path) -> Path:
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the report cannot be written to {folder} ({error.strerror}); give another --out"
        ) from None
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; a mistake in what was asked is one line on stderr and a 2."""
    given = _parser().parse_args(arguments)
    options = vars(given)
    try:
        write_report(options.pop("sources"), options.pop("out"), **options)
    except (ConfigError, OSError) as error:
        print(f"harness.report: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m harness.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("sources", nargs="+", metavar="ROOT|trials.csv", help="results folders, tables of trials")
    add("--out", required=True, metavar="DIR", help="folder to write into, made if needed")
    add("--metric", default="val_error", help="reported of the selected trial (val_error)")
    add("--select-by", help="the column that is lowest in the selected trial (val_error)")
    add("--max-budget", type=int, metavar="K", help="the largest tuning budget shown")
    add("--study", action="append", help="fingerprint to keep, where a pair has several studies")
    add("--pool", action="store_true", help="merge studies that differ in their seeds alone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
