"""Searches compared: random, quasi-random, grid and Bayesian search on one workload and optimizer.

    harness searches "Halton=ROOT" "grid=ROOT" "TPE=ROOT" --out DIR [--axes lr,eps]

Each root holds one search; studies in it that differ in their seed alone are its repeats
(harness -m sampler=tpe seed='range(0,10)' ...). Written:

    searches.csv, searches.png, searches.svg   the best error so far against trials
    points.csv, points.png, points.svg         where the first repeat's trials lie on two axes
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.parsing import Parser, labelled
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    import pandas as pd


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    roots = labelled(given.roots)

    import pandas as pd

    from harness.analysis import searches
    from harness.analysis.reading import read_results
    from harness.figures import searches as figures
    from harness.report.catalogue import save_figure

    found = {label: read_results(root, all_studies=True) for label, root in roots.items()}
    trials = {label: each.trials for label, each in found.items()}
    pairs = pd.concat(trials.values())[["workload", "optimizer"]].drop_duplicates()
    if len(pairs) > 1:
        raise ConfigError(
            f"the roots hold {' and '.join('/'.join(pair) for pair in pairs.itertuples(index=False))};"
            " searches are compared on one workload and optimizer, so give each its roots"
        )
    studies = {name: study for each in found.values() for name, study in each.studies.items()}
    table = searches.curves(trials, studies)
    for label, rows in table.groupby("search", sort=False):
        last = rows.iloc[-1]
        few = not last["exact"] and last["repeats"] < searches.REPEATS
        print(
            f"{label}: best of {last['trials']} {last['mean']:.4g} ({last['p05']:.4g} to {last['p95']:.4g}), "
            + (
                "exactly"
                if last["exact"]
                else f"{last['repeats']} repeat{'s' if last['repeats'] > 1 else ''}"
            )
            + (f"; {searches.REPEATS} or more would show its band" if few else "")
        )
    out = Path(given.out)
    unit = str(next(iter(trials.values())).get("metric", pd.Series([""])).iloc[0])
    out.mkdir(parents=True, exist_ok=True)
    save_figure("searches", table, lambda frame, note: figures.draw(frame, unit, note), out, "")
    print(out / "searches.png")
    points = pd.concat([_first(label, rows) for label, rows in trials.items()], ignore_index=True)
    axes = given.axes.split(",") if given.axes else searches.axes_of(points)[:2]
    axes = [name if name.startswith("hp.") else f"hp.{name}" for name in axes]
    for name in axes:
        if name not in points:
            known = ", ".join(each.removeprefix("hp.") for each in searches.axes_of(points))
            raise ConfigError(
                f"--axes: {name.removeprefix('hp.')} is not searched here; there are {known}"
            )
    if len(axes) == 2:
        across, up = axes
        shown = points[["search", "study", "trial", "status", "val_error", *axes]]
        save_figure(
            "points",
            shown,
            lambda frame, note: figures.draw_points(frame, across, up, note),
            out,
            "",
        )
        print(out / "points.png")
    return EXIT_COMPLETE


def _first(label: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The trials of a search's first repeat."""
    return rows[rows["study"] == rows["study"].iloc[0]].assign(search=label)


def _parser() -> Parser:
    parser = Parser("searches", __doc__)
    add = parser.add_argument
    add("roots", nargs="+", metavar="LABEL=ROOT", help="a results folder, or a table of trials")
    add("--out", metavar="DIR", required=True, help="folder to draw into, made if needed")
    add("--axes", metavar="A,B", help="two axes to show the trials on (the first two searched)")
    return parser
