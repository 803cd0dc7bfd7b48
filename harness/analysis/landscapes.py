"""Trajectories on functions of two numbers: as a table, their surface, and how far each got."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
COLUMNS = ("workload", "setting", "optimizer", "step", "x", "y", "value")
POINTS = 241  # of a surface along each axis: finer than a picture's pixels need


class Surface(NamedTuple):
    """A function of (x, y) on a grid: ``x`` [columns], ``y`` [rows], ``z`` [rows, columns]."""

    label: str
    x: Array
    y: Array
    z: Array
    minima: tuple[tuple[float, float], ...]
    saddle: tuple[float, float] | None


def surface(
    label: str,
    value: Callable[[Any, Any], Any],
    view: tuple[float, float, float, float],
    minima: Sequence[tuple[float, float]] = (),
    saddle: tuple[float, float] | None = None,
) -> Surface:
    """A function on `POINTS` × `POINTS` of a view: least x, largest x, least y, largest y."""
    left, right, bottom, top = view
    x, y = np.linspace(left, right, POINTS), np.linspace(bottom, top, POINTS)
    return Surface(label, x, y, value(*np.meshgrid(x, y)), tuple(minima), saddle)


def path_table(
    workload: str, setting: str, optimizer: str, path: Array, value: Any
) -> pd.DataFrame:
    """`COLUMNS`, a row a step, of one trajectory ``[steps + 1, 2]`` of a function."""
    x, y = path.T
    return pd.DataFrame(
        {
            "workload": workload, "setting": setting, "optimizer": optimizer,
            "step": np.arange(len(path)), "x": x, "y": y, "value": value(x, y),
        },
        columns=list(COLUMNS),
    )  # fmt: skip


def reached(paths: pd.DataFrame, target: float) -> pd.DataFrame:
    """One row a trajectory: its last value, and the first step at which it was at most the target.

    Returns:
        workload, setting, optimizer, steps, value, and ``steps_to_target``, NaN where it never was.
    """
    rows = []
    keys = ["workload", "setting", "optimizer"]
    for key, own in paths.groupby(keys, sort=False):
        there = own.loc[own["value"] <= target, "step"]
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "steps": int(own["step"].iloc[-1]),
                "value": float(own["value"].iloc[-1]),
                "steps_to_target": float(there.iloc[0]) if len(there) else np.nan,
            }
        )
    return pd.DataFrame(rows)
