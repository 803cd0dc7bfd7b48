"""Hyperparameter slices: fix one axis, tune the rest with four trials; what comes out?

The trials of an optimizer are cut into slices of equal count along an axis; within each, the exact
mean and spread of the best of four. Unlike a scatter of all trials, this is the error to expect at
that value once the others are tuned a little, and a flat slice says that the axis can be left alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import best_of_k
from harness.analysis.borders import borders
from harness.analysis.cells import units
from harness.analysis.counting import counted, feasible_alone, values
from harness.analysis.importance import importance
from harness.analysis.pooling import Studies, groups
from harness.analysis.spaces import FEW_VALUES

SLICE_BUDGET = 4  # trials within a slice
LEAST = 6  # trials in a slice
MOST_SLICES = 8
MOST_AXES = 4
COLUMNS = (
    "workload", "optimizer", "axis", "importance", "scale", "low", "high", "slice", "value", "trials",
    "mean", "p05", "p50", "p95", "metric", "unit",
)  # fmt: skip


def slices(trials: pd.DataFrame, studies: Studies | None = None) -> pd.DataFrame:
    """One row per workload, optimizer, axis and slice; the four most important axes of each.

    ``value`` is the slice's middle trial's, ``mean, p05, p50, p95`` of the best of four of its trials.
    Only feasible trials count.
    """
    trials = feasible_alone(trials)
    spaces = borders(trials, studies).set_index(["workload", "optimizer", "axis"])
    shares = importance(trials)
    rows: list[dict[str, Any]] = []
    for group in groups(trials):
        feasible = counted(group.trials)
        mine = (shares["workload"] == group.workload) & (shares["optimizer"] == group.optimizer)
        for _, share in shares[mine].head(MOST_AXES).iterrows():
            key = (group.workload, group.optimizer, share["axis"])
            if key not in spaces.index:
                continue
            names = dict(zip(("workload", "optimizer", "axis"), key, strict=True))
            names |= {"importance": share["importance"], "metric": "val_error"}
            names["unit"] = units(trials)[group.workload]
            names |= spaces.loc[key, ["scale", "low", "high"]].to_dict()
            column = feasible[f"hp.{share['axis']}"].to_numpy(float)
            rows += [names | each for each in _slices(column, values(feasible, "val_error"))]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _slices(column: NDArray[np.float64], errors: NDArray[np.float64]) -> list[dict[str, Any]]:
    positions = np.argsort(column, kind="stable")
    ordered = column[positions]
    if len(np.unique(ordered)) <= FEW_VALUES:
        parts = np.split(positions, np.flatnonzero(np.diff(ordered)) + 1)
    else:
        parts = np.array_split(positions, max(1, min(MOST_SLICES, len(positions) // LEAST)))
    result = []
    for number, part in enumerate(parts):
        curve = best_of_k.curve(errors[part], [SLICE_BUDGET])
        result.append(
            {"slice": number, "value": float(column[part[len(part) // 2]]), "trials": len(part)}
            | {name: float(statistic[0]) for name, statistic in curve._asdict().items()}
        )
    return result
