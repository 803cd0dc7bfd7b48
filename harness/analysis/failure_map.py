"""Where trials diverge or fail: status over the learning rate and the next most telling axis."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.analysis.cells import PAIR, units
from harness.analysis.importance import importance
from harness.analysis.pooling import Studies, groups
from harness.analysis.spaces import observed, space_of
from harness.study.parametrisation import meaning
from harness.study.result import COMPLETE
from harness.study.space import CHOICES, Range, Space

LEARNING_RATES = ("lr", "learning_rate")
COLUMNS = (
    "workload", "optimizer", "trial", "status", "error", "x_axis", "x", "x_scale", "x_low", "x_high",
    "y_axis", "y", "y_scale", "y_low", "y_high", "unit",
)  # fmt: skip


def failure_map(trials: pd.DataFrame, studies: Studies | None = None) -> pd.DataFrame:
    """One row a trial, listed ones too, with its place on both axes and their scales.

    ``x`` is the learning rate, or the axis of most importance where none is called so; ``y`` that of
    the highest importance and interaction among the others, empty where there is no other.
    """
    shares = importance(trials, least_per_axis=0)  # which axes to draw, nothing is claimed of them
    parts = []
    for group in groups(trials):
        mine = (shares["workload"] == group.workload) & (shares["optimizer"] == group.optimizer)
        x_axis, y_axis = _telling(shares[mine])
        if x_axis is None:
            continue
        space = space_of(group.trials, studies or {})
        part = group.trials[[*PAIR, "trial", "status"]].copy()
        part["error"] = group.trials["val_error"].where(part["status"] == COMPLETE)
        part["unit"] = units(trials)[group.workload]
        for name, axis in (("x", x_axis), ("y", y_axis)):
            part = part.assign(**_coordinates(group.trials, space, name, axis))
        parts.append(part)
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _telling(shares: pd.DataFrame) -> tuple[str | None, str | None]:
    """The learning rate's axis and the next most telling one."""
    if shares.empty:
        return None, None
    axes = list(shares["axis"])
    x_axis = next((name for name in axes if meaning(name) in LEARNING_RATES), axes[0])
    others = shares[shares["axis"] != x_axis]
    if others.empty:
        return x_axis, None
    return x_axis, others.loc[(others["importance"] + others["interaction"]).idxmax(), "axis"]


def _coordinates(
    trials: pd.DataFrame, space: Space, name: str, axis: str | None
) -> dict[str, object]:
    if axis is None:
        return {
            f"{name}_axis": None,
            name: np.nan,
            f"{name}_scale": None,
            f"{name}_low": np.nan,
            f"{name}_high": np.nan,
        }
    column = trials[f"hp.{axis}"].astype(float)
    known = axis in space and space[axis].searched
    found = space[axis] if known else observed(axis, column.to_numpy())
    low, high = found.ends
    return {
        f"{name}_axis": axis,
        name: column,
        f"{name}_scale": found.scale if isinstance(found, Range) else CHOICES,
        f"{name}_low": low,
        f"{name}_high": high,
    }
