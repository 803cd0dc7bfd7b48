"""Made-up results: six optimizers on two workloads, with all that goes wrong. No experiment behind it.

On ``made-up digits`` every optimizer has a bowl-shaped error around a good learning rate and diverges
above it; adadelta always diverges. ``made-up text`` has no nadam.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.analysis.checking import SEARCH_SPACE, check
from harness.analysis.reading import ERROR_RATE, Results
from harness.study.result import COMPLETE, IDENTITY
from harness.study.study import Study

AXES = {
    "sgd": ("lr",),
    "momentum": ("lr", "one_minus_momentum"),
    "rmsprop": ("lr_over_sqrt_eps", "one_minus_momentum", "one_minus_rho", "eps"),
    "adam": ("lr_over_eps", "one_minus_beta1", "one_minus_beta2", "eps"),
    "nadam": ("lr_over_eps", "one_minus_beta1", "one_minus_beta2", "eps"),
    "adadelta": ("lr",),
}
BEST = {
    "sgd": 0.09,
    "momentum": 0.07,
    "rmsprop": 0.065,
    "adam": 0.06,
    "nadam": 0.058,
    "adadelta": 0.1,
}
STEPS = 400
DIGITS, TEXT = "made-up digits", "made-up text"


def results(num_trials: int = 60, *, seed: int = 0) -> Results:
    """Trials, curves and studies of both workloads."""
    rng = np.random.default_rng(seed)
    pairs = [(DIGITS, optimizer) for optimizer in AXES]
    pairs += [(TEXT, optimizer) for optimizer in AXES if optimizer not in ("nadam", "adadelta")]
    trials = pd.concat([_study(rng, *pair, num_trials) for pair in pairs], ignore_index=True)
    studies = {name: _settings(rows) for name, rows in trials.groupby("study")}
    checked = check(trials.assign(metric=ERROR_RATE))
    return Results(checked, _curves(checked), studies)


def two_optimizers(num_trials: int = 60, *, seed: int = 0) -> Results:
    """Those of SGD and Momentum on the digits alone: quicker where the others would add nothing."""
    found = results(num_trials, seed=seed)
    few = (found.trials["workload"] == DIGITS) & found.trials["optimizer"].isin(("sgd", "momentum"))
    trials = found.trials[few].reset_index(drop=True)
    assert found.curves is not None
    curves = found.curves[found.curves["study"].isin(trials["study"])].reset_index(drop=True)
    return Results(trials, curves, {name: found.studies[name] for name in trials["study"].unique()})


def _study(
    rng: np.random.Generator, workload: str, optimizer: str, num_trials: int
) -> pd.DataFrame:
    axes = AXES[optimizer]
    unit = rng.random((num_trials, len(axes)))
    frame = pd.DataFrame({
        f"hp.{axis}": _low_to_high(axis, unit[:, place]) for place, axis in enumerate(axes)
    })  # fmt: skip
    floor = BEST[optimizer] * (1.0 if "digits" in workload else 4.0)
    away = (unit[:, 0] - 0.55) ** 2 + 0.2 * ((unit[:, 1:] - 0.5) ** 2).sum(axis=1)
    diverged = (unit[:, 0] > 0.85) | (optimizer == "adadelta")
    errors = np.clip(floor * np.exp(6 * away + 0.15 * rng.standard_normal(num_trials)), 0, 0.9)
    test = np.clip(errors * 1.05 + 0.006 * rng.standard_normal(num_trials), 0, 1)
    frame = frame.assign(
        workload=workload, optimizer=optimizer, study=f"{workload[8:11]}{optimizer}".ljust(12, "0"),
        trial=range(num_trials), status=np.where(diverged, "diverged", "complete"),
        train_loss=np.where(diverged, np.nan, errors * 2), val_error=np.where(diverged, np.nan, errors),
        test_error=np.where(diverged, np.nan, test), steps=STEPS, train_seconds=1.5,
    )  # fmt: skip
    if optimizer == "sgd":
        frame.loc[3, ["status", "train_loss", "val_error", "test_error"]] = [
            "failed",
            None,
            None,
            None,
        ]
    return frame


def _high(axis: str) -> float:
    return 1.0 if axis.startswith("one_minus_") else 10.0


def _low_to_high(axis: str, unit: np.ndarray) -> np.ndarray:
    return 10 ** ((np.log10(_high(axis)) + 3) * unit - 3)


def _settings(rows: pd.DataFrame) -> Study:
    first = rows.iloc[0]
    axes = AXES[first["optimizer"]]
    config = {
        "workload": {"name": first["workload"], "steps": STEPS, "target_error": 0.1},
        "data": {},
        "optimizer": {"name": first["optimizer"]},
        "search_space": {axis: {"low": 1e-3, "high": _high(axis), "scale": "log"} for axis in axes},
        "sampler": {"name": "halton", "seed": None},
        "seed": 0,
    }
    words = (f"workload={first['workload']}", f"optimizer={first['optimizer']}")
    return Study(config, words)


def _curves(trials: pd.DataFrame) -> pd.DataFrame:
    complete = trials[trials["status"] == COMPLETE]
    steps = np.arange(40, STEPS + 1, 40)
    frame = complete.loc[complete.index.repeat(len(steps))]
    step = np.tile(steps, len(complete))
    left = np.exp(-step / 80) * (1 - np.exp(-step / 80)[-1])
    error = frame["val_error"].to_numpy() + (0.9 - frame["val_error"].to_numpy()) * left
    return pd.DataFrame({
        **{name: frame[name].to_numpy() for name in IDENTITY},
        "step": step, "learning_rate": 0.1, "train_loss": error * 2, "val_error": error,
        "val_loss": error * 2, "test_error": error, "test_loss": error * 2,
    })  # fmt: skip


def with_spaces() -> pd.DataFrame:
    """Trials on two search spaces; adam was not run on the digits' second."""
    parts = []
    for seed, label in enumerate(("lr only", "all")):
        trials = results(40, seed=seed).trials.assign(**{SEARCH_SPACE: label})
        parts.append(trials.assign(study=trials["study"] + str(seed)))
    whole = pd.concat(parts, ignore_index=True)
    absent = (
        (whole["optimizer"] == "adam")
        & (whole["workload"] == DIGITS)
        & (whole[SEARCH_SPACE] == "all")
    )
    return whole[~absent & (whole["optimizer"] != "adadelta")].reset_index(drop=True)
