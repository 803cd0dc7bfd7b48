"""Is the optimum inside the search space? Where the selected trials lie on each searched axis.

A search space can only be blamed on nobody if its best region is away from its borders (Figure 5 of
Choi et al.). Every trial weighs ``w_i(K)``, its chance of being the one that a search of K trials
selects; per axis we report the weight in the outer tenth at each end (a tenth each is what an axis
that does not matter gets), the weighted 5th, 50th and 95th percentile, and a suggested new range.

K = N/10, which makes the weighted sums as steady as 20 equally weighted trials' (``1/Σw² = 2N/K``).
A warning is given at a mass of 0.3. On an axis that does not matter it comes up by chance at about 1% of ends.

The suggested range (also `harness.refine`'s), in decades on a log axis:

- an end with a mass of 0.3 or more moves *out*, by a decade (log) or a quarter of the range (linear),
  but not past what the quantity allows: momenta and betas, ``1 -`` these, and the schedule's <= 1;
- any other end moves *in*, to the 5th (95th) percentile and a quarter of the distance between those
  two further out, never past the old end;
- a range is never cut below a fifth of the old one, and ends are rounded outward to 2 digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import best_of_k, importance, table
from harness.analysis.table import Studies
from harness.study.space import FROM_ONE

Array = NDArray[np.float64]

OUTER = 0.1  # the width of a border, as a share of the axis
WARNING_MASS = 0.3
TRIALS_PER_BUDGET = 10  # K = N/10
COLUMNS = (
    "workload", "optimizer", "axis", "scale", "low", "high", "bounds", "budget_trials", "mass_low",
    "mass_high", "p05", "p50", "p95", "suggested_low", "suggested_high", "warning",
)  # fmt: skip


class Scale(NamedTuple):
    """A range on which positions are measured: log10 or plain values."""

    low: float
    high: float
    log: bool

    def coordinate(self, values: Array | float) -> Any:
        return np.log10(values) if self.log else np.asarray(values, dtype=float)

    def value(self, coordinate: float) -> float:
        return float(10**coordinate if self.log else coordinate)

    def position(self, values: Array) -> Array:
        """0 at low, 1 at high."""
        low, high = self.coordinate(self.low), self.coordinate(self.high)
        return (self.coordinate(values) - low) / (high - low)


def borders(
    trials: pd.DataFrame,
    studies: Studies | None = None,
    *,
    metric: str = "val_error",
    budget_trials: int | None = None,
) -> pd.DataFrame:
    """One row per workload, optimizer and searched axis.

    Args:
        trials: a checked table, one study per workload and optimizer.
        studies: resolved studies (`table.read_studies`) for the ends of the ranges. Without them
            they are the least and largest value tried (``bounds`` says ``observed``), on that
            scale, log or linear, whose middle is nearer the middle value.
        metric: the column that selects, lower is better.
        budget_trials: K; None for a tenth of the feasible trials.

    A list of choices has scale ``choices``, its masses are those of the least and the largest one,
    and neither a warning nor a suggestion is made of it. Empty for an optimizer without a feasible
    trial.

    >>> made_up = pd.DataFrame({"workload": "w", "optimizer": "sgd", "trial": range(50),
    ...     "status": "complete", "hp.lr": [10 ** (i / 25 - 3) for i in range(50)]})
    >>> made_up["val_error"] = 1 / (1 + made_up["hp.lr"])          # the larger lr, the better
    >>> row = borders(table.check(made_up)).iloc[0]
    >>> row["warning"]
    '41% of the selected lr lie in the outer tenth at the high end (up to 0.0912): raise it to 0.92'
    """
    rows = []
    for group in table.groups(trials):
        feasible = table.counted(group.trials)
        if feasible.empty:
            continue
        space = search_space(feasible, studies or {})
        k = budget_trials or max(1, len(feasible) // TRIALS_PER_BUDGET)
        w = best_of_k.weights(table.values(feasible, metric), [k])
        names = {"workload": group.workload, "optimizer": group.optimizer, "budget_trials": k}
        for axis, values in importance.searched(feasible).items():
            rows.append(names | _axis_row(axis, values, w, space.get(axis)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def search_space(rows: pd.DataFrame, studies: Studies) -> Mapping[str, Any]:
    """The search space of these trials' study, ``{}`` where the table alone is known."""
    known = [name for name in rows["study"].unique() if name in studies]
    return studies[known[0]]["search_space"] if known else {}


def natural_high(axis: str) -> float:
    """The largest value that an axis can mean anything at.

    >>> natural_high("one_minus_beta1"), natural_high("lr")
    (1.0, inf)
    """
    bounded = axis.startswith("one_minus_") or axis in (
        "decay_steps_factor",
        "end_factor",
        *FROM_ONE,
    )
    return 1.0 if bounded else math.inf


def _axis_row(axis: str, values: Array, weights: Array, node: Any) -> dict[str, object]:
    quantiles = best_of_k.quantiles(weights, values)[:, 0]
    row: dict[str, object] = {"axis": axis} | dict(
        zip(("p05", "p50", "p95"), quantiles, strict=True)
    )
    scale, bounds = _scale(values, node)
    row["bounds"] = bounds
    if scale is None:
        lowest, largest = values.min(), values.max()
        masses = (best_of_k.mean(weights, values == end)[0] for end in (lowest, largest))
        row |= {"scale": "choices", "low": lowest, "high": largest}
        return row | dict(zip(("mass_low", "mass_high"), masses, strict=True)) | {"warning": ""}
    position = scale.position(values)
    mass_low = best_of_k.mean(weights, position <= OUTER)[0]
    mass_high = best_of_k.mean(weights, position >= 1 - OUTER)[0]
    low, high = suggested_range(axis, scale, (mass_low, mass_high), (quantiles[0], quantiles[2]))
    return row | {
        "scale": "log" if scale.log else "linear",
        "low": scale.low,
        "high": scale.high,
        "mass_low": mass_low,
        "mass_high": mass_high,
        "suggested_low": low,
        "suggested_high": high,
        "warning": _warning(axis, scale, mass_low, mass_high, low, high),
    }


def _scale(values: Array, node: Any) -> tuple[Scale | None, str]:
    """The range an axis was searched on, None for a list of choices, and where it is known from."""
    if isinstance(node, Mapping) and node.get("choices") is not None:
        return None, "study"
    if isinstance(node, Mapping):
        return Scale(node["low"], node["high"], node.get("scale", "log") == "log"), "study"
    if len(np.unique(values)) <= importance.FEW_VALUES:
        return None, "observed"
    ends = float(values.min()), float(values.max())
    linear, log = Scale(*ends, log=False), Scale(*ends, log=True)
    return (
        log if ends[0] > 0 and _skew(log, values) < _skew(linear, values) else linear
    ), "observed"


def _skew(scale: Scale, values: Array) -> float:
    """How far from the middle of the scale the middle value is; 0 for values uniform on it."""
    return abs(float(np.median(scale.position(values))) - 0.5)


def suggested_range(
    axis: str, scale: Scale, masses: tuple[float, float], selected: tuple[float, float]
) -> tuple[float, float]:
    """The range for the next stage, by the rule in the head of this file.

    Args:
        masses: the weight in the outer tenth at the low and the high end.
        selected: the weighted 5th and 95th percentile of the selected values.
    """
    low, high = scale.coordinate(scale.low), scale.coordinate(scale.high)
    inner_low, inner_high = scale.coordinate(selected[0]), scale.coordinate(selected[1])
    margin = (inner_high - inner_low) / 4
    missing = max(0.0, (high - low) / 5 - (inner_high - inner_low + 2 * margin))
    new_low = max(low, inner_low - margin - missing / 2)
    new_high = min(high, inner_high + margin + missing / 2)
    step = 1.0 if scale.log else (high - low) / 4
    if masses[0] >= WARNING_MASS:
        new_low = low - step if scale.log or low < 0 else max(0.0, low - step)
    if masses[1] >= WARNING_MASS:
        new_high = high + step
    limit = max(natural_high(axis), scale.high)  # a range already past it stays as it was
    ends = _rounded(scale.value(new_low), math.floor), _rounded(scale.value(new_high), math.ceil)
    outward_low = ends[0] if masses[0] >= WARNING_MASS else max(ends[0], scale.low)
    return outward_low, min(ends[1], limit if masses[1] >= WARNING_MASS else scale.high)


def _rounded(value: float, direction: Any) -> float:
    """To two significant digits, outward.

    >>> _rounded(0.01234, math.floor), _rounded(0.01234, math.ceil)
    (0.012, 0.013)
    """
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return float(f"{direction(round(value / unit, 6)) * unit:.2g}")


def _warning(
    axis: str, scale: Scale, mass_low: float, mass_high: float, low: float, high: float
) -> str:
    notes = []
    if mass_low >= WARNING_MASS and low < scale.low:
        notes.append(
            _sentence(axis, mass_low, "low", f"down to {scale.low:g}): lower it to {low:g}")
        )
    if mass_high >= WARNING_MASS and high > scale.high:
        notes.append(
            _sentence(axis, mass_high, "high", f"up to {scale.high:.3g}): raise it to {high:g}")
        )
    return "; ".join(notes)


def _sentence(axis: str, mass: float, end: str, remedy: str) -> str:
    return f"{mass:.0%} of the selected {axis} lie in the outer tenth at the {end} end ({remedy}"
