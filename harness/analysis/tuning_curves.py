"""Tuning curves: the error of the best trial against the budget (Figures 1, 2, 6-10 of the paper).

One row per workload, optimizer and budget, in the columns of ``tuning_curves.csv``:

    budget_trials            K: feasible trials, or trials run where every trial counts
    mean, p05, p50, p95      of the selected trial's metric over random searches of K trials: spread
    median_low, median_high  the 90% interval for the median, distribution-free: confidence

Lower is better. A Halton sweep is not a random search: read K as its random-search equivalent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import best_of_k, confidence, table
from harness.analysis.table import TableError

COLUMNS = (
    "workload", "optimizer", "budget_trials", "mean", "p05", "p50", "p95", "median_low",
    "median_high",
)  # fmt: skip
TO_TARGET = ("steps_to_target", "seconds_to_target")


def tuning_curves(
    trials: pd.DataFrame,
    metric: str = "val_error",
    select_by: str | None = None,
    budgets: Sequence[int] | None = None,
    *,
    feasible_only: bool = True,
    max_budget: int | None = None,
    replacement: bool = True,
    method: str = "exact",
    samples: int = 100,
    rng: np.random.Generator | None = None,
    confidence_level: float = confidence.CONFIDENCE,
) -> pd.DataFrame:
    """The curve of every workload and optimizer, one row per budget.

    Args:
        trials: a checked table (`table.read`), one study per workload and optimizer.
        metric: the column reported of the selected trial: ``val_error``, ``test_error``,
            ``train_loss``, or ``steps_to_target`` once `with_steps_to_target` has added it.
        select_by: the column whose lowest value selects; None for ``val_error``, or for the metric
            itself where that is a ``…_to_target`` one. ``train_loss`` gives Figure 9.
        budgets: values of K; None for 1, 2, 4, … and N. Those above an optimizer's N are left out.
        feasible_only: True counts feasible trials alone, as the paper does; False counts every
            completed or diverged trial, a diverged one as infinitely bad.
        max_budget: the largest K, taking the place of N where it is smaller.
        replacement: see `best_of_k.survival`.
        method: ``exact``, or ``bootstrap`` for the paper's literal procedure with ``samples``
            resamples from ``rng`` (seed 0 if None).

    An optimizer without a counted trial has no rows. The interval is of the metric that selects;
    where another is reported it is empty, for order statistics say nothing of that one. For
    ``…_to_target`` metrics trials that never reach it are infinite: the mean is over searches that
    reach the target, whose share is the further column ``share_reached``, while percentiles and
    interval are over all, infinite where that many searches do not reach it.

    >>> trials = table.check(pd.DataFrame({"workload": "w", "optimizer": "sgd", "trial": range(3),
    ...                                    "status": "complete", "val_error": [0.3, 0.1, 0.2]}))
    >>> tuning_curves(trials)[["budget_trials", "mean", "p50"]].round(3).values.tolist()
    [[1.0, 0.2, 0.2], [2.0, 0.156, 0.1], [3.0, 0.133, 0.1]]

    Raises:
        TableError: a column that is absent or empty in a complete trial, or mixed studies.
        ValueError: an unknown method.
    """
    if method not in ("exact", "bootstrap"):
        raise ValueError(f"method {method!r} is not one of: exact, bootstrap")
    select_by = select_by or (metric if metric in TO_TARGET else "val_error")
    rng = rng or np.random.default_rng(0)
    curves = []
    for group in table.groups(trials):
        rows = table.counted(group.trials, feasible_only=feasible_only)
        k = _budgets(len(rows), budgets, max_budget)
        if not len(k):
            continue
        errors = _column(rows, select_by)
        statistic = None if metric == select_by else _column(rows, metric)
        if method == "exact":
            curve = best_of_k.curve(errors, k, statistic, replacement=replacement)
        else:
            curve = best_of_k.bootstrap_curve(errors, k, rng, statistic, samples=samples)
        columns: dict[str, Any] = {"budget_trials": k} | curve._asdict()
        low, high = (
            confidence.median_interval(errors, k, confidence=confidence_level)
            if metric == select_by
            else (np.nan, np.nan)
        )
        columns |= {"median_low": low, "median_high": high}
        if metric in TO_TARGET:
            columns |= _reaching(errors, _column(rows, metric), k, replacement)
        curves.append(
            pd.DataFrame({"workload": group.workload, "optimizer": group.optimizer} | columns)
        )
    further = ["share_reached"] if metric in TO_TARGET else []
    if not curves:
        return pd.DataFrame(columns=[*COLUMNS, *further])
    return pd.concat(curves, ignore_index=True)


def with_steps_to_target(
    trials: pd.DataFrame,
    curves: pd.DataFrame,
    target: float,
    *,
    column: str = "val_error",
    max_steps: int | None = None,
) -> pd.DataFrame:
    """The trials with ``steps_to_target`` and ``seconds_to_target`` (Figures 2 and 10).

    The step of the first evaluation at which ``column`` is at or under the target; infinite in a
    trial that never gets there, or not within ``max_steps``. Steps between evaluations are unseen,
    so the figure is an upper bound, as fine as ``eval_every``. Seconds are the trial's training
    seconds, shared evenly among its steps.

    Args:
        trials: a checked table.
        curves: one row an evaluation (`table.read_curves`).
        target: such as 0.066, in the units of the column.

    Raises:
        TableError: a complete trial that has no curve.
    """
    evaluated = curves if max_steps is None else curves[curves["step"] <= max_steps]
    reached = evaluated[evaluated[column] <= target]
    keys = list(table.IDENTITY)
    steps = reached.groupby(keys, sort=False)["step"].min().rename("steps_to_target")
    trials = trials.drop(columns=list(TO_TARGET), errors="ignore").join(steps, on=keys)
    known = pd.MultiIndex.from_frame(curves[keys].drop_duplicates())
    complete = trials[trials["status"] == table.FEASIBLE]
    unknown = complete[~pd.MultiIndex.from_frame(complete[keys]).isin(known)]
    if len(unknown):
        trial = unknown.iloc[0]
        raise TableError(
            f"{trial['workload']}/{trial['optimizer']} trial {trial['trial']} has no learning curve,"
            " so its steps to a target are unknown; read the curves of the same results folder"
        )
    trials["steps_to_target"] = trials["steps_to_target"].astype(float).fillna(np.inf)
    seconds = trials["steps_to_target"] / trials["steps"] * trials["train_seconds"]
    trials["seconds_to_target"] = seconds.where(np.isfinite(trials["steps_to_target"]), np.inf)
    return trials


def with_expected_trials(curves: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Curves over feasible trials with ``expected_trials_run``, what finding K of them costs.

    ``K / feasible_share``, the mean number of trials to run until K are feasible: at 20% feasible, a
    budget of 10 is 50 trials of computing. The budget axis to compare optimizers at equal cost.
    """
    share = {
        (group.workload, group.optimizer): len(table.counted(group.trials))
        / max(1, len(table.counted(group.trials, feasible_only=False)))
        for group in table.groups(trials)
    }
    pairs = zip(curves["workload"], curves["optimizer"], strict=True)
    expected = curves["budget_trials"] / np.array([share[pair] for pair in pairs], dtype=float)
    return curves.assign(expected_trials_run=expected)


def doubling(last: int) -> list[int]:
    """1, 2, 4, … and the last.

    >>> doubling(10)
    [1, 2, 4, 8, 10]
    """
    powers = [2**i for i in range(last.bit_length())] if last > 0 else []
    return sorted({*powers, last} - {0})


def _budgets(
    num_trials: int, budgets: Sequence[int] | None, max_budget: int | None
) -> NDArray[np.int64]:
    last = num_trials if max_budget is None else min(num_trials, max_budget)
    k = doubling(last) if budgets is None else [budget for budget in budgets if budget <= last]
    return np.asarray(k, dtype=int)


def _column(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    if column in TO_TARGET and column not in rows:
        raise TableError(
            f"{column} needs learning curves and a target; add it by with_steps_to_target"
        )
    return table.values(rows, column)


def _reaching(
    errors: NDArray[np.float64],
    statistic: NDArray[np.float64],
    budgets: NDArray[np.int64],
    replacement: bool,
) -> dict[str, NDArray[np.float64]]:
    """The mean over searches whose selected trial reaches the target, and their share."""
    w = best_of_k.weights(errors, budgets, replacement=replacement)
    reaches = np.isfinite(statistic)
    share = w[:, reaches].sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean = np.where(share > 0, w[:, reaches] @ statistic[reaches] / share, np.inf)
    return {"mean": mean, "share_reached": share}
