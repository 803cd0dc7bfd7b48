"""How many steps an optimizer takes to leave a saddle point, from starts more or less symmetric.

Gradient descent on (x² − y²)/2 multiplies y by 1 + lr in a step, so that from y₀ it leaves the strip
|y| < r after ln(r / |y₀|) / ln(1 + lr) steps: ten times nearer costs a fixed number more (Jin et al.,
2017, and Lee et al., 2016: it never stays there, but for starts of measure zero).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LEFT = 0.5  # away from the saddle in the direction of descent: half the way to a minimum


def steps_to_leave(path: NDArray[np.float64], distance: float = LEFT) -> float:
    """The first step of a trajectory ``[steps + 1, 2]`` at which |y| reaches the distance; else NaN.

    >>> steps_to_leave(np.array([[1, 0.1], [0, 0.4], [0, -0.6]]))
    2.0
    """
    left = np.abs(path[:, 1]) >= distance
    return float(left.argmax()) if left.any() else math.nan


def of_gradient_descent(lr: float, start: float, distance: float = LEFT) -> float:
    """Steps of gradient descent on (x² − y²)/2 from y = start; infinite from 0."""
    if start == 0:
        return math.inf
    return max(0.0, math.log(distance / abs(start)) / math.log1p(lr))


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per setting, optimizer and perturbation of runs with their ``steps_to_leave``.

    Returns:
        ``median``, ``least`` and ``most`` steps, infinite where a run never left, ``left`` of ``runs``.
    """
    keys = ["setting", "optimizer", "perturbation"]
    rows = []
    for key, own in runs.groupby(keys, sort=False):
        steps = own["steps_to_leave"].fillna(math.inf).to_numpy(float)
        rows.append({
            **dict(zip(keys, key, strict=True)),
            "median": float(np.sort(steps)[(len(steps) - 1) // 2]),  # no mean with infinity
            "least": steps.min(), "most": steps.max(),
            "left": int(np.isfinite(steps).sum()), "runs": len(steps),
        })  # fmt: skip
    return pd.DataFrame(rows)
