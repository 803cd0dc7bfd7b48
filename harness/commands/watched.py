"""What `harness landscape` trains: tuned trials through the runner, trajectories through the trainer."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.analysis import landscapes
from harness.analysis.escape import steps_to_leave
from harness.errors import ConfigError, SweepError
from harness.study.result import COMPLETE
from harness.study.study import Study

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from workloads.task import Task

AS_RUDER = "as Ruder"
TUNED = "tuned"
PERTURBATIONS = (0.0, 1e-8, 1e-6, 1e-4, 1e-2)
STARTS = 5  # at each perturbation; of the symmetric start there is one
ESCAPE_STEPS = 500
SECOND_ORDER, SECOND_ORDER_STEPS = (
    ("newton", "lbfgs"),
    40,
)  # of five gradients: as many as 200 steps of one


class Watched(NamedTuple):
    """One trial of a study, and how it came to be chosen: `AS_RUDER` or `TUNED`."""

    study: Study
    trial: int
    setting: str


def as_ruder(workload: str, optimizers: Sequence[str]) -> list[Watched]:
    """The settings of conf/search_space/<workload>/ruder: nothing in them is searched."""
    from harness.config import build
    from harness.config.compose import compose

    found = []
    for optimizer in optimizers:
        (job,) = compose([
            f"workload={workload}", f"optimizer={optimizer}", "schedule=constant",
            f"search_space={workload}/ruder/{optimizer}",
        ])  # fmt: skip
        found.append(Watched(build.study(*job), 0, AS_RUDER))
    return found


def tuned(words: Sequence[str], root: Path) -> tuple[list[Watched], pd.DataFrame]:
    """The selected trial of every study that the words ask for, and a table of them.

    Raises:
        ConfigError: words that describe no study, a workload that is no function of two numbers.
        SweepError: the sweep was stopped, or a study has no feasible trial.
    """
    import pandas as pd

    from harness.config import build, how
    from harness.config.compose import compose
    from harness.records import tables
    from harness.running import runner

    jobs = [job for some in _by_budget(words) for job in compose(["-m", *some, f"root={root}"])]
    requests = build.requests(jobs)
    for request in requests:
        task(request.study)  # refuses what cannot be drawn, before anything is trained
    status = runner.run(requests, how.common_options([config for config, _ in jobs]))
    if status:
        raise SweepError(
            f"not all trials could be trained (status {status}); run the command again"
        )
    trials = tables.read(root).trials
    found, rows = [], []
    for study in (request.study for request in requests):
        own = trials[(trials["study"] == study.fingerprint) & (trials["status"] == COMPLETE)]
        if own.empty:
            raise SweepError(
                f"{study.workload}/{study.optimizer}: no trial is feasible; give more num_trials=, or a"
                " search space of smaller learning rates"
            )
        best = own.sort_values(["val_error", "trial"]).iloc[0]
        found.append(Watched(study, int(best["trial"]), TUNED))
        rows.append(best.dropna())
    return found, pd.DataFrame(rows).reset_index(drop=True)


def _by_budget(words: Sequence[str]) -> list[list[str]]:
    """The words of first-order optimizers, and those of the others with a budget of their own.

    >>> _by_budget(["optimizer=sgd,newton", "seed=1"])
    [['optimizer=sgd', 'seed=1'], ['optimizer=newton', 'seed=1', 'workload.steps=40']]
    >>> _by_budget(["optimizer=sgd,newton", "workload.steps=9"])
    [['optimizer=sgd,newton', 'workload.steps=9']]
    """
    if any(word.startswith("workload.steps=") for word in words):
        return [list(words)]
    (asked,) = (
        word.partition("=")[2].split(",") for word in words if word.startswith("optimizer=")
    )
    several = [each for each in asked if each in SECOND_ORDER]
    first = [each for each in asked if each not in SECOND_ORDER]
    found = []
    for some, budget in ((first, []), (several, [f"workload.steps={SECOND_ORDER_STEPS}"])):
        if some:
            of = f"optimizer={','.join(some)}"
            found.append([of if word.startswith("optimizer=") else word for word in words] + budget)
    return found


def paths(watched: Sequence[Watched]) -> pd.DataFrame:
    """`landscapes.COLUMNS` of all their trajectories."""
    import pandas as pd

    return pd.concat([
        landscapes.path_table(
            each.study.workload, each.setting, each.study.optimizer, path_of(each),
            function(each.study).value,
        )
        for each in watched
    ], ignore_index=True)  # fmt: skip


def surfaces(watched: Sequence[Watched]) -> dict[str, landscapes.Surface]:
    """The function of each workload in them."""
    found = {}
    for each in watched:
        of = function(each.study)
        found[each.study.workload] = landscapes.surface(
            of.label, of.value, of.view, of.minima, of.saddle
        )
    return found


def escapes(watched: Sequence[Watched]) -> pd.DataFrame:
    """A row a run from starts around the ridge of the saddle: `steps_to_leave`, NaN where never."""
    import pandas as pd

    rows = []
    for each in watched:
        for perturbation in PERTURBATIONS:
            for start in range(STARTS if perturbation else 1):
                path = _escape(each, perturbation, start)
                rows.append({
                    "setting": each.setting, "optimizer": each.study.optimizer,
                    "perturbation": perturbation, "start": start, "x": path[0, 0], "y": path[0, 1],
                    "steps_to_leave": steps_to_leave(path),
                })  # fmt: skip
    return pd.DataFrame(rows)


def _escape(of: Watched, perturbation: float, start: int) -> NDArray[np.float64]:
    workload = {**of.study.config["workload"], "steps": ESCAPE_STEPS}
    model = {"start": [1.0, 0.0], "perturbation": perturbation}
    moved = Study({**of.study.config, "workload": workload, "model": model})
    seeds = moved.seeds(start)  # of the start alone: the trial is that of `of`
    return path_of(
        Watched(moved, of.trial, of.setting), seeds, lambda at: not math.isnan(steps_to_leave(at[None]))
    )  # fmt: skip


def path_of(
    of: Watched,
    seeds: Mapping[str, int] | None = None,
    until: Callable[[NDArray[np.float64]], bool] = lambda at: False,
) -> NDArray[np.float64]:
    """[steps + 1, 2], by the trainer."""
    from harness.training.effective_rate import in_learning_rates
    from harness.training.trajectory import trajectory

    opened = task(of.study)
    point = in_learning_rates(of.study.config, of.study.point(of.trial), opened.model)
    return trajectory(of.study.config, point, seeds or of.study.seeds(of.trial), opened, until)


def task(study: Study) -> Task:
    """A study's workload, opened once.

    Raises:
        ConfigError: it is no function of two numbers.
    """
    parts = {name: study.config[name] for name in ("workload", "model", "data")}
    return _task(json.dumps(parts, sort_keys=True))


@functools.cache
def _task(parts: str) -> Task:
    from harness.running.trial import load_task

    study = Study(json.loads(parts))
    opened = load_task(study, "cpu")
    if not hasattr(opened, "landscape"):
        raise ConfigError(
            f"workload={study.workload} is no function of two numbers, whose trajectories can be drawn;"
            " give beale, saddle, ravine, rosenbrock or himmelblau"
        )
    return opened


def function(study: Study) -> Any:
    """The `workloads.models.landscapes.Landscape` of a study's workload."""
    opened: Any = task(study)
    return opened.landscape
