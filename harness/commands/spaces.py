"""Does a comparison hold on parts of its search spaces? From the trials at hand, nothing is trained.

Each optimizer's space is narrowed in the same ways: every axis halved towards its good region, the
schedule fixed, the learning rate alone, one range of effective learning rates for all. Every pair is judged on each, at one budget K. Prints whether
each space is poor beside the field's, how optimizers rank on each part, and which verdicts hold on all
of them; writes into DIR

    spaces.csv        each space beside the field's
    subspaces.csv     the best of K of each optimizer in each variant
    pairs.csv         each pair in each variant, beside identical optimizers
    subspaces.png, subspaces.svg    how the ranking moves
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import which_study
from harness.commands.parsing import Parser, choosing_studies, chosen
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from harness.analysis.subspaces import Sensitivity


def main(arguments: Sequence[str]) -> int:
    parser = Parser("spaces", __doc__)
    add = parser.add_argument
    add("sources", nargs="+", metavar="ROOT|trials.csv", help="results folders, tables of trials")
    add("--out", metavar="DIR", help="where to write tables and figure; not written without")
    add("--budget", type=int, default=4, metavar="K", help="trials of a search (4)")
    add("--baseline", metavar="NAME", help="whose space is told first")
    add("--config-dir", metavar="DIR", help="your configurations, to tell how a space was found")
    choosing_studies(parser)
    given = parser.parse_args(arguments)
    if given.budget < 1:
        raise ConfigError(f"--budget must be 1 or more, got {given.budget}")

    from harness.analysis import space_check, subspaces
    from harness.commands.effective import with_effective_rates
    from harness.config import shipped
    from harness.report import spaces
    from harness.report.writing import writable

    folder = writable(given.out) if given.out else None
    words, study, pool = chosen(given, given.sources)
    found = which_study.read(words, study=study, pool=pool)
    folders = [Path(given.config_dir)] if given.config_dir else []
    sources = space_check.sources_of(found.studies, [*folders, shipped.folder()], words)
    checked = space_check.space_check(found.trials, found.studies, sources=sources)
    trials = with_effective_rates(found, [*folders, shipped.folder()])
    told = subspaces.sensitivity(trials, found.studies, budget_trials=given.budget)
    for workload, rows in checked.groupby("workload", sort=False):
        if first := spaces.caution(rows, given.baseline):
            print(f"{workload}: {first}\n")
    print("\n".join(spaces.sentences(checked, given.baseline)))
    print()
    print("\n".join(_ranking(told.means)))
    print()
    print("\n".join(subspaces.sentences(told.held, given.budget)))
    if folder:
        _write(folder, checked, told)
    return EXIT_COMPLETE


def _ranking(means: pd.DataFrame) -> list[str]:
    """The best of K in each variant, a line each, the best first."""
    from harness.analysis.names import name, number

    lines = []
    for (workload, variant), rows in means.groupby(["workload", "variant"], sort=False):
        ordered = rows.sort_values("mean", kind="stable")
        shown = ", ".join(
            f"{name(optimizer)} {number(mean)}"
            for optimizer, mean in zip(ordered["optimizer"], ordered["mean"], strict=True)
        )
        lines.append(f"{workload}, {variant}: {shown}")
    return lines


def _write(folder: Path, checked: pd.DataFrame, told: Sensitivity) -> None:
    from harness.figures import style, subspaces
    from harness.report.writing import placed

    with placed(folder, "spaces") as beside, style.settings():
        for name, table in (("spaces", checked), ("subspaces", told.means), ("pairs", told.pairs)):
            table.to_csv(beside / f"{name}.csv", index=False)
        figure = subspaces.draw(told.means)
        for ending in ("png", "svg"):
            figure.savefig(beside / f"subspaces.{ending}")
    print(f"\nspaces.csv, subspaces.csv, pairs.csv, subspaces.png in {folder}")
