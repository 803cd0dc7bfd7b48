"""What a pruned sweep says: best-of-K with its interval, what pruning lost, verdicts or why there are none.

Every trial counts, as in harness report --count-infeasible; pruned ones are worse than all that passed
their rungs. With --out these files are written:

    pruned_curves.csv    a row an optimizer and budget
    pruned_pairs.csv     a row a pair of optimizers
    pruned_losses.csv    a row a workload
    pruning.png, pruning.svg

A sweep of which nothing was pruned, or all was carried on (pruning=none), is harness report's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from harness.analysis.censored import Loss
    from harness.analysis.cohorts import Side
    from harness.analysis.reading import Paths, Results


class Tables(NamedTuple):
    """What is said, as data."""

    sides: list[Side]
    curves: pd.DataFrame  # censored.tuning_curves
    pairs: pd.DataFrame  # censored.pairs
    losses: pd.DataFrame  # a row a workload: the fields of censored.Loss
    budgets: dict[str, int]  # K of each workload's comparison
    trials: pd.DataFrame


def main(arguments: Sequence[str]) -> int:
    parser = Parser("pruned", __doc__)
    parser.add_argument(
        "sources", nargs="+", metavar="ROOT|trials.csv", help="results folders, tables"
    )
    parser.add_argument("--out", metavar="DIR", help="folder to write into, made if needed")
    parser.add_argument(
        "--lost", type=float, default=0.1, metavar="X",
        help="the largest loss that verdicts may rest on: the audit has to be large enough to see three of"
        " a share X of the best (0.1)",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    if not 0 < given.lost < 1:
        raise ConfigError(f"--lost must be a share, 0 < X < 1, got {given.lost:g}")
    write(given.sources, given.out, declared=given.lost)
    return EXIT_COMPLETE


def write(
    sources: Paths,
    out: str | Path | None,
    only: Sequence[str] | None = None,
    declared: float = 0.1,
) -> None:
    """Print what is said of the sources, and write it into a folder where one is given."""
    from rich.console import Console

    from harness.analysis.reading import read_results

    tables = said(read_results(sources, only=only), declared)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = 10_000
    for part in shown(tables):
        console.print(part)
    if out is None:
        return

    from harness.figures import pruning, style
    from harness.report.writing import placed, writable

    folder = writable(out)
    with placed(folder, "pruned") as beside:
        for table in ("curves", "pairs", "losses"):
            getattr(tables, table).to_csv(beside / f"pruned_{table}.csv", index=False)
        with style.settings():
            figure = pruning.draw(tables.curves)
            for ending in ("png", "svg"):
                figure.savefig(beside / f"pruning.{ending}")
    for path in sorted(folder.glob("prun*")):
        print(path)


def said(results: Results, declared: float = 0.1) -> Tables:
    """Everything, of a table read by `harness.analysis.reading`.

    Args:
        declared: the loss that the audit has to certify for verdicts.

    Raises:
        TableError: a sweep that is still being pruned, or lacks its curves or settings.
    """
    import pandas as pd

    from harness.analysis import censored
    from harness.analysis.cells import comparison_budget
    from harness.analysis.cohorts import as_last, sides

    found = sides(results)
    losses = []
    for workload, budget in comparison_budget(as_last(results.trials)).items():
        loss = censored.lost_share([side for side in found if side.workload == workload], budget)
        certifies = {"declared": declared, "certifies": loss.certifies(declared)}
        losses.append({"workload": workload, **loss._asdict(), **certifies})
    return Tables(
        found,
        censored.tuning_curves(results.trials, found),
        censored.pairs(results.trials, found, results.studies, declared=declared),
        pd.DataFrame(losses),
        {row["workload"]: row["budget"] for row in losses},
        results.trials,
    )


def shown(tables: Tables) -> list[object]:
    """The parts of it for a terminal."""
    from rich.table import Table

    from harness.analysis import censored
    from harness.analysis.names import name

    outcome = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    outcome.add_column("workload / optimizer")
    for column in (
        "trials",
        "whole",
        "pruned",
        "audited",
        "K",
        "median best of K",
        "90 % interval",
    ):
        outcome.add_column(column, justify="right")
    at_budget = {
        workload: censored.tuning_curves(
            tables.trials[tables.trials["workload"] == workload],
            [side for side in tables.sides if side.workload == workload],
            [budget],
        ).set_index("optimizer")
        for workload, budget in tables.budgets.items()
    }
    for side in tables.sides:
        rows = at_budget.get(side.workload)
        row = {}
        if rows is not None and side.optimizer in rows.index:
            row = rows.loc[side.optimizer].to_dict()
        outcome.add_row(
            f"{side.workload} / {name(side.optimizer)}", str(side.trials),
            str(side.trials - int(side.pruned.sum())), str(int(side.pruned.sum())),
            str(int(side.audited.sum())), str(tables.budgets.get(side.workload, "")), _error(row.get("p50")),
            f"{_error(row.get('median_low'))} to {_error(row.get('median_high'))}",
        )  # fmt: skip
    parts: list[object] = [outcome]
    for loss in tables.losses.to_dict("records"):
        of = censored.Loss(*(loss[field] for field in censored.Loss._fields))
        if any(s.pruned.any() for s in tables.sides if s.workload == loss["workload"]):
            parts.append(f"{loss['workload']}: {lost(of)}")
    return [*parts, *of_pairs(tables.pairs)]


def of_pairs(pairs: pd.DataFrame) -> Iterator[str]:
    """A line a pair that has a verdict; those without one for the same reason share one."""
    from harness.analysis.names import name

    for workload, own in pairs.groupby("workload", sort=False):
        for (verdict, why), alike in own.groupby(["verdict", "why"], sort=False):
            if why and len(alike) > 1:
                yield f"{workload}: {len(alike)} of {len(own)} pairs: {verdict} ({why})"
                continue
            for pair in alike.to_dict("records"):
                end = f" ({why})" if why else f", wins {pair['win']:.0%} of races"
                yield f"{workload}: {name(pair['a'])} against {name(pair['b'])}: {verdict}{end}"


def lost(loss: Loss) -> str:
    """What pruning lost, in a sentence."""
    if loss.audit == 0:
        return "nothing was audited (pruning.audit=0), so what pruning lost is not known"
    return (
        f"of the best {1 - 0.5 ** (1 / loss.budget):.1%} that the best of {loss.budget} needs, pruning lost"
        f" {loss.lost:.0%} as its audit of {loss.audit:.0%} tells, and at most {loss.upper:.0%}"
        f" ({loss.seen} of the audited were among them, beside {loss.passed} that passed)"
    )


def _error(value: float | None) -> str:
    from math import isfinite

    return f"{value:.4g}" if value is not None and isfinite(value) else "not known"
