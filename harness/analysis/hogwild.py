"""Runs of several processes on one model: speed and error by their number, with a lock and without."""

from __future__ import annotations

import pandas as pd


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per number of workers and lock: medians over the runs.

    ``examples_per_cpu_second`` is of all workers' processor time: what the machine's load hardly changes.
    ``speedup`` is of examples a second over those of the fewest workers without a lock; error and loss
    are of the test part, ``error_least`` and ``error_most`` over the runs.
    """
    grouped = runs.groupby(["workers", "locked"], as_index=False).agg(
        runs=("repeat", "size"),
        examples_per_second=("examples_per_second", "median"),
        examples_per_cpu_second=("examples_per_cpu_second", "median"),
        test_error=("test_error", "median"),
        error_least=("test_error", "min"),
        error_most=("test_error", "max"),
        test_loss=("test_loss", "median"),
    )
    base = grouped.loc[~grouped["locked"]].sort_values("workers")["examples_per_second"].iloc[0]
    grouped.insert(3, "speedup", grouped["examples_per_second"] / base)
    return grouped
