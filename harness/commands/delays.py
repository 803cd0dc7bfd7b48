"""Error against delay, each optimizer tuned at every delay: a table, and with --out a picture.

harness delays ROOT [ROOT …] [--out DIR]

Takes the trials of search spaces with a delay= axis, or with workers=, held at one value a study:

    harness -m optimizer=sgd,momentum '+search_space.delay=0,1,3,7' root=results/delays
    harness -m optimizer=downpour,easgd 'search_space.workers=1,2,4,8' root=results/delays
    harness delays results/delays --out results/delays/figures

Into DIR: delays.csv, delays.png, delays.svg.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE


def main(arguments: Sequence[str]) -> int:
    parser = Parser("delays", __doc__)
    parser.add_argument(
        "sources", nargs="+", metavar="ROOT|trials.csv", help="results folders, tables"
    )
    parser.add_argument("--out", metavar="DIR", help="folder to write into, made if needed")
    given = parser.parse_args(arguments)

    import pandas as pd

    from harness.analysis.delays import against_delay
    from harness.analysis.names import name, number
    from harness.analysis.reading import read_results

    found = [read_results(source, all_studies=True) for source in given.sources]
    table = against_delay(pd.concat([each.trials for each in found], ignore_index=True))
    for row in table.itertuples():
        print(
            f"{row.workload:<18}{name(row.optimizer):<20} delay {row.delay:<5.0f} median best of"
            f" {row.budget_trials} {number(row.median):>7}  ({number(row.low)} to {number(row.high)};"
            f" {row.feasible} of {row.trials} feasible)"
        )
    if given.out is None:
        return EXIT_COMPLETE
    from harness.figures import delays, style
    from harness.report.writing import placed, writable

    folder = writable(given.out)
    with placed(folder, "delays") as beside, style.settings():
        table.to_csv(beside / "delays.csv", index=False)
        figure = delays.draw(table)
        for ending in ("png", "svg"):
            figure.savefig(beside / f"delays.{ending}")
    for path in sorted(folder.glob("delays.*")):
        print(path)
    return EXIT_COMPLETE
