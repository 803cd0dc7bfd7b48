"""The same random search by each tool, as its documentation has it: one process each, that ends with it.

python scripts/peers_contenders.py NAME SETTING.json --trials 64 --workers 2 --folder EMPTY
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from peers_training import Setting, draw, train

ETA, FIRST = 4, 1  # successive halving of Optuna and of Ray: both tools' defaults, in evaluations


def floor(setting: Setting, trials: int, workers: int, folder: Path) -> None:
    """A bare loop a core, the trials dealt out beforehand: nothing is recorded or compared."""
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_loop, args=(setting, range(first, trials, workers)))
        for first in range(workers)
    ]
    _together(processes)


def _loop(setting: Setting, seeds: Sequence[int]) -> None:
    for seed in seeds:
        train(setting, draw(setting.axes, seed), seed)


def optuna(setting: Setting, trials: int, workers: int, folder: Path, *, halving: bool) -> None:
    """Random search by several processes over one journal."""
    import optuna as library

    storage = _journal(folder)
    library.create_study(study_name="peers", storage=storage)
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_optuna_worker, args=(setting, trials, folder, halving, seed))
        for seed in range(workers)
    ]
    _together(processes)


def _journal(folder: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(folder / "journal.log")))


def _optuna_worker(setting: Setting, trials: int, folder: Path, halving: bool, seed: int) -> None:
    import optuna as library
    from optuna.study import MaxTrialsCallback
    from optuna.trial import TrialState

    library.logging.set_verbosity(library.logging.WARNING)
    pruner: Any = library.pruners.NopPruner()
    if halving:
        pruner = library.pruners.SuccessiveHalvingPruner(FIRST, ETA)
    study = library.load_study(
        study_name="peers",
        storage=_journal(folder),
        sampler=library.samplers.RandomSampler(seed),
        pruner=pruner,
    )

    def objective(trial: Any) -> float:
        point = {name: _suggested(trial, name, axis) for name, axis in setting.axes.items()}
        pruned = False

        def report(evaluations: int, error: float) -> bool:
            nonlocal pruned
            trial.report(error, evaluations)
            pruned = halving and trial.should_prune()
            return pruned

        error = train(setting, point, trial.number, report)
        if pruned:
            raise library.TrialPruned
        return error

    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    study.optimize(objective, callbacks=[MaxTrialsCallback(trials, states=ended)])


def _suggested(trial: Any, name: str, axis: dict[str, Any]) -> float:
    if "choices" in axis:
        return float(trial.suggest_categorical(name, axis["choices"]))
    return float(trial.suggest_float(name, axis["low"], axis["high"], log=axis["scale"] == "log"))


def ray(setting: Setting, trials: int, workers: int, folder: Path, *, halving: bool) -> None:
    """Ray Tune: random search, a core a trial; with ASHA where asked for."""
    import ray as library
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler

    here = str(Path(__file__).parent)
    library.init(
        num_cpus=workers,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join([here, *sys.path])}},
    )

    def trainable(config: dict[str, float]) -> None:
        def report(evaluations: int, error: float) -> bool:
            tune.report({"error": error, "training_iteration": evaluations})
            return False  # the scheduler ends the process's trial

        point = {name: value for name, value in config.items() if name != "seed"}
        train(setting, point, int(config["seed"]), report)

    space = {name: _domain(tune, axis) for name, axis in setting.axes.items()}
    evaluations = setting.workload["steps"] // setting.workload["eval_every"]
    asha = ASHAScheduler(max_t=evaluations, grace_period=FIRST, reduction_factor=ETA)
    tuner = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        param_space={**space, "seed": tune.randint(0, 2**31)},
        tune_config=tune.TuneConfig(
            metric="error", mode="min", num_samples=trials, scheduler=asha if halving else None
        ),
        run_config=tune.RunConfig(storage_path=str(folder), verbose=0),
    )
    tuner.fit()
    library.shutdown()


def _domain(tune: Any, axis: dict[str, Any]) -> Any:
    if "choices" in axis:
        return tune.choice(axis["choices"])
    drawn = tune.loguniform if axis["scale"] == "log" else tune.uniform
    return drawn(axis["low"], axis["high"])


def joblib(setting: Setting, trials: int, workers: int, folder: Path, path: str) -> None:
    """Hydra's joblib launcher: a job a trial. Ends as Hydra's multirun."""
    script = str(Path(__file__).with_name("peers_hydra_job.py"))
    os.execv(
        sys.executable,
        [
            sys.executable, script, "--multirun", "hydra/launcher=joblib",
            f"hydra.launcher.n_jobs={workers}", f"hydra.sweep.dir={folder}", f"setting={path}",
            f"seed=range({trials})",
        ],
    )  # fmt: skip


def _together(processes: Sequence[Any]) -> None:
    for each in processes:
        each.start()
    for each in processes:
        each.join()
    if any(each.exitcode for each in processes):
        raise SystemExit("a worker failed; its own words stand above")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=("floor", "optuna", "optuna_sh", "ray", "asha", "joblib"))
    parser.add_argument("setting")
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    setting = Setting.read(given.setting)
    todo: dict[str, Callable[[], None]] = {
        "floor": lambda: floor(setting, given.trials, given.workers, given.folder),
        "optuna": lambda: optuna(setting, given.trials, given.workers, given.folder, halving=False),
        "optuna_sh": lambda: optuna(
            setting, given.trials, given.workers, given.folder, halving=True
        ),
        "ray": lambda: ray(setting, given.trials, given.workers, given.folder, halving=False),
        "asha": lambda: ray(setting, given.trials, given.workers, given.folder, halving=True),
        "joblib": lambda: joblib(setting, given.trials, given.workers, given.folder, given.setting),
    }
    todo[given.name]()


if __name__ == "__main__":
    main()
