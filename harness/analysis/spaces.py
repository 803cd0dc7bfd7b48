"""The axes that trials were searched on: those of their study, or as the trials themselves show."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis.checking import hyperparameter_columns
from harness.analysis.pooling import Studies
from harness.study.space import LINEAR, LOG, Axis, Choices, Range, Space

FEW_VALUES = 5  # an axis with as few distinct values is a list of choices


def space_of(rows: pd.DataFrame, studies: Studies) -> Space:
    """The search space of these trials' study, ``{}`` where the table alone is known."""
    known = [name for name in rows["study"].unique() if name in studies]
    return studies[known[0]].space if known else {}


def searched(rows: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """The coordinates ``[trials]`` that vary over these rows, by axis name without ``hp.``.

    Columns of names, and those with an empty or infinite cell, are left out.
    """
    return {
        name.removeprefix("hp."): rows[name].to_numpy(float)
        for name in hyperparameter_columns(rows)
        if pd.api.types.is_numeric_dtype(rows[name])
        and np.isfinite(rows[name]).all()
        and rows[name].nunique() > 1
    }


def observed(name: str, values: NDArray[np.float64]) -> Axis:
    """The axis that varying values seem to lie on.

    A list of choices where there are few, else from the least to the largest, on that scale, log or
    linear, whose middle is nearer the middle value.
    """
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    if len(distinct) <= FEW_VALUES:
        return Choices(name, tuple(map(float, distinct)))
    low, high = float(distinct[0]), float(distinct[-1])
    linear = Range(name, low, high, LINEAR)
    if low <= 0:
        return linear
    return min(linear, Range(name, low, high, LOG), key=lambda axis: _skew(axis, known))


def _skew(axis: Range, values: NDArray[np.float64]) -> float:
    """How far from the middle of the scale the middle value is; 0 for values uniform on it."""
    return abs(float(np.median(axis.position(values))) - 0.5)
