"""Figure 5: the error of every trial along each searched axis, and whether an axis crowds its borders."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.analysis.borders import borders
from harness.analysis.cells import PAIR, units
from harness.analysis.counting import finished, values
from harness.analysis.pooling import Studies, groups

KEYS = [*PAIR, "axis"]
OF_THE_AXIS = ("scale", "low", "high", "mass_low", "mass_high", "warning")


def axis_projections(trials: pd.DataFrame, studies: Studies | None = None) -> pd.DataFrame:
    """One row per result and searched axis: its ``value`` there and its ``error``.

    With the axis' ``scale``, ``low`` and ``high``, the masses and the warning of `borders`, and
    ``best`` for the selected trial of all. ``error`` is infinite in a diverged trial.
    """
    spaces = borders(trials, studies)
    parts = []
    for group in groups(trials):
        rows = finished(group.trials)
        errors = values(rows, "val_error")
        if not np.isfinite(errors).any():
            continue
        mine = (spaces["workload"] == group.workload) & (spaces["optimizer"] == group.optimizer)
        for axis in spaces.loc[mine, "axis"]:
            part = rows[[*PAIR, "trial", "status"]].assign(
                axis=axis,
                value=rows[f"hp.{axis}"].astype(float),
                error=errors,
                best=False,
                metric="val_error",
                unit=units(trials)[group.workload],
            )
            part.iloc[int(np.argmin(errors)), part.columns.get_loc("best")] = True
            parts.append(part)
    if not parts:
        columns = [
            *KEYS,
            "trial",
            "status",
            "value",
            "error",
            "best",
            "metric",
            "unit",
            *OF_THE_AXIS,
        ]
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True).merge(spaces[[*KEYS, *OF_THE_AXIS]], on=KEYS)
