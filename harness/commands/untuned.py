"""What tuning buys: every optimizer's default setting beside its tuned one, on the same fresh seeds.

    harness untuned ROOT [--carried OTHER] [--out DIR] [--seeds 10] [KEY=VALUE …]

For each optimizer of ROOT three settings are trained on fresh seeds, the same ones for all:

    default       search_space=defaults/NAME: as its library sets it, with a constant learning rate
    carried over  what all trials of it in OTHER select, by the hyperparameters' own values; OTHER is the
                  results folder of another workload
    tuned         what all its trials in ROOT select; harness confirm trains the same, into ROOT/confirmed,
                  and what lies there is not trained again

Further words are those of a run: data.root=, workers=, device=. A stopped command goes on where it was. Written
into DIR, ROOT/untuned unless told: the others' trials, a results folder a setting; untuned.csv, .png and .svg.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands import retrained, which_study
from harness.commands.parsing import Parser, choosing_studies, chosen
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    from harness.analysis.reading import Results
    from harness.config.build import Job
    from harness.study.study import Study

FOLDER = "untuned"


def main(arguments: Sequence[str]) -> int:
    parser = Parser("untuned", __doc__)
    add = parser.add_argument
    add("root", metavar="ROOT", help="a results folder")
    add("words", nargs="*", metavar="KEY=VALUE", help="words of a run")
    add(
        "--carried",
        metavar="OTHER",
        help="results folder of another workload, of which settings are taken",
    )
    retrained.seeds_option(parser)
    add("--out", metavar="DIR", help="folder to write into (ROOT/untuned)")
    choosing_studies(parser)
    given = parser.parse_intermixed_args(arguments)
    retrained.check_seeds(given)

    from harness.analysis import confirming
    from harness.analysis.untuned import CARRIED, DEFAULT, TUNED, sentences, untuned
    from harness.commands import run
    from harness.figures import untuned as figures
    from harness.report.catalogue import save_figure

    words, study, pool = chosen(given, given.words)
    searched = which_study.read([given.root], study=study, pool=pool)
    home = confirming.home(given.root)
    out = Path(given.out or home / FOLDER)
    fresh = (f"num_trials={given.seeds}", *words)
    settings = {DEFAULT: _defaults(searched), TUNED: retrained.tuned(searched)}
    if given.carried:
        settings[CARRIED] = _carried(searched, _records(given.carried))
    roots = {setting: out / setting.replace(" ", "_") for setting in settings}
    roots[TUNED] = home / confirming.FOLDER
    jobs = [
        job
        for setting, words in settings.items()
        for job in _jobs(words, (f"root={roots[setting]}", *fresh))
    ]
    if status := run.run(jobs):
        return status
    found = dict(zip(roots, retrained.trials_of(jobs, roots.values()), strict=True))
    table = untuned({setting: some[some["trial"] < given.seeds] for setting, some in found.items()})
    for line in sentences(table):
        print(line)
    unit = str(searched.trials["metric"].iloc[0]) if "metric" in searched.trials else ""
    save_figure("untuned", table, lambda frame, note: figures.draw(frame, unit, note), out, "")
    print(out / "untuned.csv")
    return EXIT_COMPLETE


def _jobs(settings: Iterator[list[str]], fresh: Sequence[str]) -> Iterator[Job]:
    from harness.config import compose

    for words in settings:
        yield from compose.compose([*words, *fresh])


def _defaults(searched: Results) -> Iterator[list[str]]:
    for study, _ in retrained.selected(searched):
        yield [*retrained.by_name(study, {}, "constant"), retrained.fresh_seed(study)]


def _carried(
    searched: Results, other: Mapping[str, tuple[Study, Mapping[str, Any]]]
) -> Iterator[list[str]]:
    """The other workload's settings by the hyperparameters' own values, whichever axes searched them."""
    for study, _ in retrained.selected(searched):
        if study.optimizer in other:
            source, values = other[study.optimizer]
            words = retrained.by_name(study, values, source.config["schedule"]["name"])
            yield [*words, retrained.fresh_seed(study)]


def _records(root: str) -> dict[str, tuple[Study, Mapping[str, Any]]]:
    """Of each optimizer of a results folder the study, and the selected trial's hyperparameters.

    Raises:
        ConfigError: it holds no records, or several workloads.
    """
    from harness.analysis.confirming import selected
    from harness.analysis.reading import read_results
    from harness.records.reading import read_records

    found = read_results(root)
    if len(workloads := list(found.trials["workload"].unique())) > 1:
        raise ConfigError(
            f"{root} holds several workloads, {', '.join(workloads)}; --carried takes the settings of one"
        )
    best = selected(found.trials)
    wanted = {(row["study"], row["trial"]) for row in best.to_dict("records")}
    if not Path(root).is_dir():
        raise ConfigError(f"--carried {root} is a table; give the results folder with its records")
    return {
        record["optimizer"]: (found.studies[record["study"]], record["hyperparameters"])
        for record in read_records(root)
        if (record["study"], record["trial"]) in wanted
    }
