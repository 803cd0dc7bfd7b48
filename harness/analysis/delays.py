"""Error against delay: each optimizer tuned anew at every delay, the median best of K of its trials.

The delay of a trial is its ``hp.delay`` (a transform of any optimizer's gradients), else its
``hp.workers`` less one (workers that take turns), else 0.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.analysis import best_of_k, confidence
from harness.analysis.checking import TableError
from harness.analysis.counting import counted, every_trial, values
from harness.analysis.names import optimizer_order

COLUMNS = (
    "workload", "optimizer", "delay", "trials", "feasible", "budget_trials", "median", "low", "high",
    "best",
)  # fmt: skip


def against_delay(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per workload, optimizer and delay: `COLUMNS`.

    ``median`` is that of the best of K = N/5 trials (1 at least), every trial counted, a diverged one as
    infinitely bad; ``low`` and ``high`` its 90 % interval. ``best`` is the least error of all N.

    Raises:
        TableError: no trial has a delay.
    """
    own = counted(every_trial(trials)).assign(delay=lambda table: delays(table))
    if not (own["delay"] > 0).any():
        raise TableError(
            "no trial has a delay: give +search_space.delay= to any optimizer, or search_space.workers="
            " to one of several workers"
        )
    rows = []
    for (workload, optimizer, delay), part in own.groupby(["workload", "optimizer", "delay"]):
        errors = values(part, "val_error")
        budget = max(1, len(errors) // 5)
        curve = best_of_k.curve(errors, [budget])
        low, high = confidence.median_interval(errors, [budget])
        rows.append({
            "workload": workload, "optimizer": optimizer, "delay": delay, "trials": len(errors),
            "feasible": int(np.isfinite(errors).sum()), "budget_trials": budget,
            "median": float(curve.p50[0]), "low": float(low[0]), "high": float(high[0]),
            "best": float(errors.min()),
        })  # fmt: skip
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = {name: place for place, name in enumerate(optimizer_order(table["optimizer"]))}
    return table.sort_values(
        ["workload", "optimizer", "delay"],
        key=lambda column: column.map(order) if column.name == "optimizer" else column,
    ).reset_index(drop=True)


def delays(trials: pd.DataFrame) -> pd.Series:
    """The delay of each trial, in steps."""
    none = pd.Series(np.nan, trials.index)
    by_transform, workers = (trials.get(f"hp.{name}", none) for name in ("delay", "workers"))
    return by_transform.round().fillna(workers - 1).fillna(0.0)
