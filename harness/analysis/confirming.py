"""Seeds apart from search: what the selected configurations give when they are trained again.

The selected trial is the best of many, lucky in its seed too: its own validation error is too low. Trained on
fresh seeds it is a sample of its own. The test error of a tuning run varies because another run selects
another configuration, and because any configuration varies with its seed. Of the variance V over tuning runs
of K trials, the mean over seeds being all that a search could change,

    search share = 1 − s² / V,   not below 0,

with s² the variance over seeds of the configuration that all trials select: the law of total variance, with
one configuration's s² for that of all that a search selects.

``harness confirm`` leaves its table in the results folder; a report of that folder shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from harness.analysis import best_of_k
from harness.analysis.cells import comparison_budget
from harness.analysis.checking import TableError
from harness.analysis.counting import counted, feasible_alone, values
from harness.analysis.names import name, number
from harness.analysis.pooling import groups
from harness.study.result import COMPLETE

LEVEL = 0.95
FOLDER, TABLE = "confirmed", "confirmed.csv"  # in a results folder; and beside a report's own table
ERRORS = {"val": "val_error", "test": "test_error"}
COLUMNS = (
    "workload", "optimizer", "study", "trial", "seeds", "diverged",
    *(f"{part}_{key}" for part in ERRORS for key in ("mean", "sd", "low", "high")),
    *(f"selected_{part}" for part in ERRORS), "budget_trials", "search_share",
)  # fmt: skip


def selected(trials: pd.DataFrame) -> pd.DataFrame:
    """The row of each workload and optimizer that is lowest in validation error, the first of equals.

    Pairs without a feasible trial have none.
    """
    rows = []
    for group in groups(feasible_alone(trials)):
        complete = counted(group.trials)
        if len(complete):
            rows.append(complete.iloc[int(np.argmin(values(complete, "val_error")))])
    return pd.DataFrame(rows).reset_index(drop=True)


def confirmed(searched: pd.DataFrame, reseeded: pd.DataFrame) -> pd.DataFrame:
    """A row a workload and optimizer of both tables.

    Args:
        searched: a checked table, one study per workload and optimizer.
        reseeded: the same pairs' selected configurations, a trial a seed.

    Returns:
        Columns workload, optimizer, study, trial (the selected one), seeds (complete), diverged; for val and test
        ``selected_*`` (its own error), ``*_mean, *_sd, *_low, *_high`` (over seeds; the 95 % t interval of
        the mean); ``budget_trials`` K, ``search_sd`` and ``seed_sd`` of the test error, ``search_share``.
        Empty where there are fewer than two seeds, or no test error.
    """
    budgets = comparison_budget(searched)
    found = []
    best = selected(searched).set_index(["workload", "optimizer"])
    for group in groups(reseeded):
        pair = group.workload, group.optimizer
        complete = group.trials[group.trials["status"] == COMPLETE]
        row = {
            "workload": group.workload, "optimizer": group.optimizer, "study": best.loc[pair, "study"],
            "trial": best.loc[pair, "trial"],
            "seeds": len(complete), "diverged": len(group.trials) - len(complete),
        }  # fmt: skip
        for part, column in ERRORS.items():
            row[f"selected_{part}"] = best.loc[pair, column]
            row |= {f"{part}_{key}": value for key, value in sample(complete[column]).items()}
        own = searched[(searched["workload"] == pair[0]) & (searched["optimizer"] == pair[1])]
        row |= _split(counted(feasible_alone(own)), budgets[group.workload], row["test_sd"])
        found.append(row)
    return pd.DataFrame(found)


def sample(errors: pd.Series) -> dict[str, float]:
    """Mean, standard deviation, and the interval of the mean."""
    count, mean, sd = len(errors), errors.mean(), errors.std()
    half = stats.t.ppf(0.5 + LEVEL / 2, count - 1) * sd / np.sqrt(count) if count > 1 else np.nan
    return {"mean": mean, "sd": sd, "low": mean - half, "high": mean + half}


def _split(rows: pd.DataFrame, budget: int, seed_sd: float) -> dict[str, float]:
    """The spread of the selected trial's test error over tuning runs of K, and its part that is search."""
    k = min(budget, len(rows))
    test = values(rows, "test_error")
    total = np.nan
    if len(rows) and np.isfinite(test).all():
        (weights,) = best_of_k.weights(values(rows, "val_error"), [k])
        mean = float(weights @ test)
        total = float(weights @ (test - mean) ** 2)
    between = max(0.0, total - seed_sd**2) if np.isfinite(total) else np.nan
    return {
        "budget_trials": k,
        "search_sd": float(np.sqrt(between)),
        "seed_sd": seed_sd,
        "search_share": between / total if total > 0 else np.nan,
    }


def home(source: Path | str) -> Path:
    """The folder that a source is, or that a table lies in."""
    path = Path(source)
    return path if path.is_dir() else path.parent


def beside(sources: Iterable[Path | str], trials: pd.DataFrame) -> pd.DataFrame:
    """What was confirmed of these trials' selected ones, as it lies in or beside the sources.

    Args:
        sources: results folders and tables of trials.
        trials: read from them, one study per workload and optimizer.

    Returns:
        Rows of `confirmed`, without those of trials that are selected no more since the sweep has gone
        on; empty where nothing was confirmed.

    Raises:
        TableError: a table there that `confirmed` did not write.
    """
    files = [path for each in map(home, sources) for path in (each / FOLDER / TABLE, each / TABLE)]
    tables = [_read(path) for path in files if path.exists()]
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS))
    keys = ["workload", "optimizer", "study", "trial"]
    every = pd.concat(tables, ignore_index=True).drop_duplicates(keys)
    return every.merge(selected(trials).reindex(columns=keys), on=keys)


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={"workload": str, "optimizer": str, "study": str})
    except (ValueError, OSError) as error:
        raise TableError(
            f"{path} cannot be read ({error}); remove it, or run harness confirm"
        ) from None
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise TableError(
            f"{path} lacks the column {missing[0]}; remove it, or write it again by harness confirm"
        )
    return table


def told(table: pd.DataFrame) -> Iterator[str]:
    """A line a workload and optimizer.

    >>> row = {"workload": "w", "optimizer": "sgd", "trial": 3, "seeds": 10, "diverged": 0, "test_mean": 0.2,
    ...     "test_low": 0.19, "test_high": 0.21, "selected_test": 0.18, "budget_trials": 16, "search_share": 0.25}
    >>> print(*told(pd.DataFrame([row])))
    w, SGD: test error .2000 (95 % interval .1900 to .2100) over 10 seeds of trial 3, which itself had .1800; of the spread of a tuning run of 16 trials 25% is search, the rest seeds
    """
    for row in table.to_dict("records"):
        line = (
            f"{row['workload']}, {name(row['optimizer'])}: test error {number(row['test_mean'])} (95 % interval"
            f" {number(row['test_low'])} to {number(row['test_high'])}) over {row['seeds']} seeds of trial"
            f" {row['trial']}, which itself had {number(row['selected_test'])}"
        )
        if row["diverged"]:
            line += f"; {row['diverged']} diverged"
        if row["search_share"] == row["search_share"]:
            line += (
                f"; of the spread of a tuning run of {row['budget_trials']} trials {row['search_share']:.0%} is"
                " search, the rest seeds"
            )
        yield line
