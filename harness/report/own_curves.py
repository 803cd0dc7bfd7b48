"""A trial's own learning curve: as the page's script draws it, and as a table for `harness trial`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.names import quantity
from harness.study.result import IDENTITY

SERIES = ("val_error", "test_error", "train_loss")
MOST_POINTS = 150_000  # in a page: three numbers each, 3 MB


def of(shown: pd.DataFrame, curves: pd.DataFrame | None, unit: str = "") -> dict[str, Any] | None:
    """The curves of these trials, a list a trial and series; null for a trial without; None for none.

    Trials share their lists of steps: ``step`` has the index of each one's among ``steps``. In a long
    table the best have theirs, as many as `MOST_POINTS` allow.
    """
    if curves is None or curves.empty:
        return None
    keys = list(IDENTITY)
    places = shown[keys].assign(place=np.arange(len(shown)))
    own = curves.merge(places, on=keys).sort_values(["place", "step"], kind="stable")
    lengths = own.groupby("place").size()
    best_first = shown["val_error"].to_numpy(float)[lengths.index].argsort(kind="stable")
    kept = lengths.index[best_first][lengths.to_numpy()[best_first].cumsum() <= MOST_POINTS]
    own = own[own["place"].isin(kept)]
    series = [name for name in SERIES if own[name].notna().any()]
    steps: dict[tuple[int, ...], int] = {}
    result: dict[str, Any] = {name: [None] * len(shown) for name in ("step", *series)}
    columns = {name: _plain(own[name]) for name in series}
    at = own["step"].astype(int).tolist()
    places, starts = np.unique(own["place"], return_index=True)  # a trial's rows stand together
    ends = [*starts[1:].tolist(), len(own)]
    for place, start, end in zip(places.tolist(), starts.tolist(), ends, strict=True):
        result["step"][place] = steps.setdefault(tuple(at[start:end]), len(steps))
        for name in series:
            result[name][place] = columns[name][start:end]
    labels = {name: quantity(name, unit) for name in series}
    return {"steps": [list(at) for at in steps], "series": series, "labels": labels, **result}


def _plain(values: pd.Series) -> list[float | None]:
    """To four digits; None for what is not finite."""
    return [float(f"{v:.4g}") if math.isfinite(v) else None for v in values.astype(float).tolist()]
