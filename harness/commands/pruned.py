"""What a pruned sweep says: best-of-K with its interval, what pruning lost, verdicts or why there are none.

Pruned trials count as worse than all that passed their rungs. With --out these files are written:

    pruned_curves.csv    a row an optimizer and budget
    pruned_pairs.csv     a row a pair of optimizers
    pruned_losses.csv    a row a workload
    pruning.png, pruning.svg

A sweep of which nothing was pruned, or all was carried on (pruning=none), is harness report's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.commands.parsing import Parser

if TYPE_CHECKING:
    import pandas as pd

    from harness.analysis.cohorts import Side
    from harness.analysis.reading import Paths


class Tables(NamedTuple):
    """What is said, as data."""

    sides: list[Side]
    curves: pd.DataFrame  # censored.tuning_curves
    pairs: pd.DataFrame  # censored.pairs
    losses: pd.DataFrame  # a row a workload: the fields of censored.Loss


def main(arguments: Sequence[str]) -> int:
    parser = Parser("pruned", __doc__)
    parser.add_argument(
        "sources", nargs="+", metavar="ROOT|trials.csv", help="results folders, tables"
    )
    parser.add_argument("--out", metavar="DIR", help="folder to write into, made if needed")
    given = parser.parse_args(arguments)
    write(given.sources, given.out)
    return 0


def write(sources: Paths, out: str | Path | None, only: Sequence[str] | None = None) -> None:
    """Print what is said of the sources, and write it into a folder where one is given."""
    from rich.console import Console

    from harness.analysis.reading import read_results

    tables = said(read_results(sources, only=only))
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


def said(results: object) -> Tables:
    """Everything, of a table read by `harness.analysis.reading`.

    Raises:
        TableError: a sweep that is still being pruned, or lacks its curves or settings.
    """
    import itertools

    import pandas as pd

    from harness.analysis import censored
    from harness.analysis.cohorts import sides

    found = sides(results)  # type: ignore[arg-type]
    losses = []
    for workload, own in itertools.groupby(found, key=lambda side: side.workload):
        loss = censored.lost_share(list(own))
        losses.append({"workload": workload, **loss._asdict(), "certifies": loss.certifies})
    curves, pairs = censored.tuning_curves(found), censored.pairs(found)
    return Tables(found, curves, pairs, pd.DataFrame(losses))


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
    for side in tables.sides:
        k = min(censored.BUDGET, max(side.trials // 5, 1))
        (row,) = censored.tuning_curves(
            [each for each in tables.sides if each.workload == side.workload], [k]
        ).query("optimizer == @side.optimizer").to_dict("records")  # fmt: skip
        outcome.add_row(
            f"{side.workload} / {name(side.optimizer)}", str(side.trials),
            str(side.trials - int(side.pruned.sum())), str(int(side.pruned.sum())),
            str(int(side.audited.sum())), str(k), _error(row["p50"]),
            f"{_error(row['median_low'])} to {_error(row['median_high'])}",
        )  # fmt: skip
    parts: list[object] = [outcome]
    for loss in tables.losses.to_dict("records"):
        of = censored.Loss(*(loss[field] for field in censored.Loss._fields))
        if any(s.pruned.any() for s in tables.sides if s.workload == loss["workload"]):
            parts.append(f"{loss['workload']}: {lost(of)}")
    for pair in tables.pairs.to_dict("records"):
        verdict = f"{name(pair['a'])} against {name(pair['b'])}: {pair['verdict']}"
        why = f" ({pair['why']})" if pair["why"] else f", wins {pair['win']:.0%} of races"
        parts.append(f"{pair['workload']}: {verdict}{why}")
    return parts


def lost(loss: object) -> str:
    """What pruning lost, in a sentence."""
    from harness.analysis import censored

    assert isinstance(loss, censored.Loss)
    if loss.audit == 0:
        return "nothing was audited (pruning.audit=0), so what pruning lost is not known"
    return (
        f"of the best {1 - 0.5 ** (1 / loss.budget):.1%} that the best of {loss.budget} needs, pruning lost"
        f" {loss.lost:.0%} as its audit of {loss.audit:.0%} tells, and at most {loss.upper:.0%}"
        f" ({loss.seen} of the audited were among them, beside {loss.passed} that passed)"
    )


def _error(value: float) -> str:
    from math import isfinite

    return f"{value:.4g}" if isfinite(value) else "not known"
