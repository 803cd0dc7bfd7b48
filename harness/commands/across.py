"""Several workloads together: win shares, mean ranks, a performance profile, and what one workload decides.

Every workload has one vote. Only optimizers that all workloads have are compared, at one tuning budget
K, the smallest of the workloads' own. Intervals take workloads as the unit: of few they are wide. Prints
the answer and writes into DIR

    across.md         the page
    across.csv        each pair: its win share over all workloads, and on each
    ranks.csv         each optimizer: its mean rank over all, on each, and with each left out
    steps.csv         each workload's target, and the steps each optimizer takes to it
    profile.csv       the share of workloads solved within τ times the fastest's steps
    wins, ranks, profile    as .png and .svg

Two budgets, spaces or seeds of one workload are one workload: choose with --study, or pool seeds.
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

    from harness.analysis.across_workloads import Across
    from harness.analysis.reading import Results


def main(arguments: Sequence[str]) -> int:
    parser = Parser("across", __doc__)
    add = parser.add_argument
    add("sources", nargs="+", metavar="ROOT|trials.csv", help="results folders, tables of trials")
    add("--out", metavar="DIR", help="folder to write into, made if needed")
    add("--metric", default="val_error", help="what is lowest in the best trial (val_error)")
    add("--budget", type=int, metavar="K", help="compare at this budget (16, N/5 where smaller)")
    choosing_studies(parser)
    given = parser.parse_args(arguments)
    if given.budget is not None and given.budget < 1:
        raise ConfigError(f"--budget must be 1 or more, got {given.budget}")

    from harness.analysis.across_workloads import across
    from harness.analysis.performance_profile import steps
    from harness.report import across as said
    from harness.report.writing import writable

    folder = writable(given.out) if given.out else None
    sources, study, pool = chosen(given, given.sources)
    results = which_study.read(sources, study=study, pool=pool)
    found = across(results.trials, given.metric, budget=given.budget)
    print("\n\n".join(words.replace("**", "") for words in said.answer(found)))
    if folder is None:
        return EXIT_COMPLETE
    ratios = steps(results.trials, results.curves, results.studies, found.optimizers, found.budget)
    cautions = _cautions(results, found.optimizers, given.metric, sources)
    _write(folder, found, ratios, said.page(found, ratios, results, cautions))
    return EXIT_COMPLETE


def _cautions(
    results: Results, optimizers: list[str], metric: str, roots: Sequence[str]
) -> dict[str, str]:
    """By workload, what its verdict rests on where spaces are poor or unequal."""
    from harness.analysis.space_check import sources_of, space_check
    from harness.config import shipped
    from harness.report.spaces import caution

    own = results.trials[results.trials["optimizer"].isin(optimizers)]
    sources = sources_of(results.studies, [shipped.folder()], roots)
    checked = space_check(own, results.studies, metric=metric, sources=sources)
    return {str(each): caution(rows) for each, rows in checked.groupby("workload", sort=False)}


def _write(folder: Path, found: Across, ratios: pd.DataFrame, page: str) -> None:
    from harness.analysis.performance_profile import profile
    from harness.figures import across_workloads as draw
    from harness.report import across as said
    from harness.report.catalogue import save_figure
    from harness.report.writing import placed

    with placed(folder, "page") as beside:
        (beside / "across.md").write_text(page, encoding="utf-8")
        tables = {"across": found.pairs, "ranks": found.ranks, "steps": ratios}
        for name, table in tables.items():
            table.to_csv(beside / f"{name}.csv", index=False, float_format="%.12g")
        save_figure("wins", found.pairs, draw.draw_wins, beside, "", numbers=False)
        save_figure("ranks", found.ranks, draw.draw_ranks, beside, "", numbers=False)
        if len(ratios):
            shares = profile(ratios)
            save_figure("profile", shares, draw.draw_profile, beside, said.profile_note(ratios))
    for path in sorted(folder.iterdir()):
        print(path)
