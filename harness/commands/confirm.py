"""Seeds apart from search: the selected configurations trained again, each on fresh seeds.

    harness confirm ROOT [--out DIR] [--seeds 10] [KEY=VALUE …]

Of every workload and optimizer in ROOT the trial that all its trials select is trained again, as a study whose
axes are constant, with other initial weights, data orders and dropout; the same seeds for every optimizer, so
that they can be compared in pairs. Further words are those of a run: data.root=, workers=, device=. A stopped
command goes on where it was.

DIR, ROOT/confirmed unless told, is a results folder of its own, with confirmed.csv in it: a row a workload and
optimizer, errors over seeds with the 95 % interval of their mean, beside those of the selected trial itself,
which are too good; and which part of the spread of a tuning run's test error comes of the search
(harness/analysis/confirming.py). What lies in ROOT/confirmed is shown by reports and cards of ROOT.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import retrained, which_study
from harness.commands.parsing import Parser, choosing_studies, chosen
from harness.errors import EXIT_COMPLETE

if TYPE_CHECKING:
    from harness.analysis.reading import Results
    from harness.config.build import Job


def main(arguments: Sequence[str]) -> int:
    parser = Parser("confirm", __doc__)
    parser.add_argument("root", metavar="ROOT", help="a results folder")
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE", help="words of a run")
    retrained.seeds_option(parser)
    parser.add_argument("--out", metavar="DIR", help="folder to write into (ROOT/confirmed)")
    choosing_studies(parser)
    given = parser.parse_intermixed_args(arguments)
    retrained.check_seeds(given)

    from harness.analysis.confirming import FOLDER, TABLE, confirmed, home, told
    from harness.commands import run

    words, study, pool = chosen(given, given.words)
    searched = which_study.read([given.root], study=study, pool=pool)
    folder = Path(given.out or home(given.root) / FOLDER)
    jobs = list(_jobs(searched, folder, given.seeds, words))
    if status := run.run(jobs):
        return status
    (reseeded,) = retrained.trials_of(jobs, [folder])
    table = confirmed(searched.trials, reseeded)
    path = folder / TABLE
    table.to_csv(path, index=False)
    for line in told(table):
        print(line)
    print(path)
    return EXIT_COMPLETE


def _jobs(searched: Results, folder: Path, seeds: int, words: Sequence[str]) -> Iterator[Job]:
    """A job for each selected trial: its study with its point as constants, and other seeds."""
    from harness.config import compose

    for setting in retrained.tuned(searched):
        yield from compose.compose([*setting, f"root={folder}", f"num_trials={seeds}", *words])
