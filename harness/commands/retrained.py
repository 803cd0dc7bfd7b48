"""The words of a run that trains one setting of a study again: its axes are constants, all else as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ConfigError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    import pandas as pd

    from harness.analysis.reading import Results
    from harness.config.build import Job
    from harness.study.space import Value
    from harness.study.study import Study

ALONE = ("sampler=halton", "num_feasible=null", "max_trials=null", "report=null")
"""What an experiment may have asked for beside its study: not here."""
APART = 10_000  # added to a study's seed: beyond those that people count up


def seeds_option(parser: ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="trials of each (10)")


def check_seeds(given: Namespace) -> None:
    """
    Raises:
        ConfigError: too few to tell a spread.
    """
    if given.seeds < 2:
        raise ConfigError(f"--seeds must be 2 or more to tell a spread, got {given.seeds}")


def selected(searched: Results) -> Iterator[tuple[Study, Mapping[str, Any]]]:
    """The study and the selected trial's row of every workload and optimizer.

    Raises:
        ConfigError: one comes without its study.
    """
    from harness.analysis import confirming

    for row in confirming.selected(searched.trials).to_dict("records"):
        study = searched.studies.get(row["study"])
        if study is None or not study.overrides:
            raise ConfigError(
                f"{row['workload']}/{row['optimizer']} comes without its study, so that it cannot be trained"
                " again; give the folder of its records, or its table with studies.json beside it"
            )
        yield study, row


def fresh_seed(study: Study) -> str:
    """The word for a seed that no trial of a search has; the same for all studies of one seed."""
    return f"seed={study.config['seed'] + APART}"


def tuned(searched: Results) -> Iterator[list[str]]:
    """The words of each selected trial's setting on a fresh seed."""
    for study, row in selected(searched):
        point = {name: row[f"hp.{name}"] for name in study.config["search_space"]}
        yield [*at(study, point), fresh_seed(study)]


def trials_of(jobs: Sequence[Job], roots: Iterable[Path]) -> Iterator[pd.DataFrame]:
    """The trials of these studies in each results folder, where what was selected before may lie too."""
    from harness.analysis.reading import read_results
    from harness.config import build

    asked = {request.study.fingerprint for request in build.requests(jobs)}
    for root in roots:
        trials = read_results(root, all_studies=True).trials
        yield trials[trials["study"].isin(asked)]


def at(study: Study, point: Mapping[str, Value]) -> list[str]:
    """Words for `harness.config.compose.compose`; root=, num_trials= and the like are to be added.

    Args:
        point: a value for each axis of the study's search space.
    """
    # An axis that was taken out (~search_space.lr) stays out.
    rest = _words(study, lambda word: word.lstrip("+").startswith("search_space."))
    return [*rest, *constants(point), *ALONE]


def by_name(study: Study, values: Mapping[str, Value], schedule: str) -> list[str]:
    """As `at`, of constants by the hyperparameters' own names, whichever axes the study searches.

    Args:
        values: of those that shall differ from the optimizer's default setting, the schedule's too.
        schedule: its name.
    """
    beginnings = ("search_space", "schedule")
    rest = _words(study, lambda word: word.lstrip("+~").startswith(beginnings))
    default = f"search_space=defaults/{study.optimizer}"
    return [*rest, default, f"schedule={schedule}", *constants(values), *ALONE]


def constants(values: Mapping[str, Value]) -> list[str]:
    """The words that make constants of these axes."""
    return [f"++search_space.{name}={value!r}" for name, value in values.items()]


def _words(study: Study, left_out: Callable[[str], bool]) -> list[str]:
    """The study's own words but some, then those that say where its data and results lie."""
    from harness.study.study import portable

    whole = portable(study.overrides)
    locations = [word for word in study.overrides if word not in whole]
    return [*(word for word in whole if not left_out(word)), *locations]
