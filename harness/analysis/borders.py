"""Is the optimum inside the search space? Where the selected trials lie on each searched axis.

A search space can only be blamed on nobody if its best region is away from its borders (Figure 5 of
Choi et al.). Every trial weighs ``w_i(K)``, its chance of being the one that a search of K trials
selects; per axis we report the weight in the outer tenth at each end (a tenth each is what an axis
that does not matter gets), the weighted 5th, 50th and 95th percentile, and a suggested new range.

K = N/10, about the ten best trials whatever N is, and not the budget compared at: the question is where
the best of a space lies, not what a budget selects. Weighted sums are as steady as 20 equally weighted
trials' (``1/Σw² = 2N/K``). A warning is given at a mass of 0.3. On an axis that does not matter it comes
up by chance at about 1% of ends. Simulated at K = 16 (N/5) with thresholds of as many false alarms: an
optimum at the very end was found in .47 instead of .65 at N = 100, and one well inside, at a fifth of the
range, called out in .66 instead of .10 at N = 1,000, for there any basin that leans to one side is told
from none.

The suggested range, in decades on a log axis (`harness refine` has the first point alone in common with
it, unless told ``rule=marginal``):

- an end with a mass of 0.3 or more moves *out*, by a decade (log) or a quarter of the range (linear),
  but not past what the quantity allows (`Axis.natural`);
- any other end moves *in*, to the 5th (95th) percentile and a quarter of the distance between those
  two further out, never past the old end;
- a range is never cut below a fifth of the old one, and ends are rounded outward to 2 digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import best_of_k
from harness.analysis.counting import counted, feasible_alone, values
from harness.analysis.pooling import Studies, groups
from harness.analysis.spaces import observed, searched, space_of
from harness.study.space import CHOICES, LOG, Axis, Range

Array = NDArray[np.float64]

OUTER = 0.1  # the width of a border, as a share of the axis
WARNING_MASS = 0.3
MARGIN = 0.25
TRIALS_PER_BUDGET = 10  # K = N/10
WEIGHED = (
    "each trial weighs by its chance of being the best of a tenth of its optimizer's trials: where the best of"
    " a space lies, whatever the budget compared at"
)
COLUMNS = (
    "workload", "optimizer", "axis", "scale", "low", "high", "bounds", "budget_trials", "mass_low",
    "mass_high", "p05", "p50", "p95", "suggested_low", "suggested_high", "warning",
)  # fmt: skip


def borders(
    trials: pd.DataFrame,
    studies: Studies | None = None,
    *,
    metric: str = "val_error",
    budget_trials: int | None = None,
) -> pd.DataFrame:
    """One row per workload, optimizer and searched axis, over feasible trials.

    Args:
        trials: a checked table, one study per workload and optimizer.
        studies: the resolved studies, for the ends of the ranges. Without them they are the least
            and largest value tried (``bounds`` says ``observed``), see `spaces.observed`.
        metric: the column that selects, lower is better.
        budget_trials: K; None for a tenth of the feasible trials.

    A list of choices has scale ``choices``, its masses are those of the least and the largest one,
    and neither a warning nor a suggestion is made of it. Empty for an optimizer without a feasible
    trial.

    >>> from harness.analysis.checking import check
    >>> made_up = pd.DataFrame({"workload": "w", "optimizer": "sgd", "trial": range(50),
    ...     "status": "complete", "hp.lr": [10 ** (i / 25 - 3) for i in range(50)]})
    >>> made_up["val_error"] = 1 / (1 + made_up["hp.lr"])          # the larger lr, the better
    >>> row = borders(check(made_up)).iloc[0]
    >>> row["warning"]
    '41% of the selected lr lie in the outer tenth at the high end (up to 0.0912): raise it to 0.92'
    """
    rows = []
    for group in groups(feasible_alone(trials)):
        feasible = counted(group.trials)
        if feasible.empty:
            continue
        space = space_of(feasible, studies or {})
        k = budget_trials or max(1, len(feasible) // TRIALS_PER_BUDGET)
        w = best_of_k.weights(values(feasible, metric), [k])
        names = {"workload": group.workload, "optimizer": group.optimizer, "budget_trials": k}
        for name, column in searched(feasible).items():
            known = name in space and space[name].searched
            axis = space[name] if known else observed(name, column)
            found = names | {"bounds": "study" if known else "observed"}
            rows.append(found | _axis_row(axis, column, w))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _axis_row(axis: Axis, values: Array, weights: Array) -> dict[str, object]:
    low, high = axis.ends
    p05, p50, p95 = best_of_k.quantiles(weights, values)[:, 0]
    row = {"axis": axis.name, "low": low, "high": high, "p05": p05, "p50": p50, "p95": p95}
    if not isinstance(axis, Range):
        with np.errstate(over="ignore"):  # of ends further apart than a float can tell
            at_ends = np.isclose(values, low), np.isclose(values, high)
        mass_low, mass_high = (best_of_k.mean(weights, at_end)[0] for at_end in at_ends)
        return row | {
            "scale": CHOICES, "mass_low": mass_low, "mass_high": mass_high, "warning": "",
        }  # fmt: skip
    position = axis.position(values)
    mass_low = best_of_k.mean(weights, position <= OUTER)[0]
    mass_high = best_of_k.mean(weights, position >= 1 - OUTER)[0]
    suggested = suggested_range(axis, (mass_low, mass_high), (p05, p95))
    return row | {
        "scale": axis.scale,
        "mass_low": mass_low,
        "mass_high": mass_high,
        "suggested_low": suggested[0],
        "suggested_high": suggested[1],
        "warning": _warning(axis, (mass_low, mass_high), suggested),
    }


def suggested_range(
    axis: Range,
    masses: tuple[float, float],
    selected: tuple[float, float],
    further: float = MARGIN,
) -> tuple[float, float]:
    """The range for the next stage, by the rule in the head of this file.

    Args:
        masses: the weight in the outer tenth at the low and the high end.
        selected: the weighted 5th and 95th percentile of the selected values.
        further: how far beyond those an end lies, as a share of the distance between them.
    """
    low, high = axis.coordinate(axis.ends)
    inner_low, inner_high = axis.coordinate(selected)
    margin = (inner_high - inner_low) * further
    missing = max(0.0, (high - low) / 5 - (inner_high - inner_low + 2 * margin))
    new_low = max(low, inner_low - margin - missing / 2)
    new_high = min(high, inner_high + margin + missing / 2)
    return moved(axis, masses, (new_low, new_high))


def moved(
    axis: Range, masses: tuple[float, float], inner: tuple[float, float]
) -> tuple[float, float]:
    """A range with these ends, in coordinates, but where a border's mass moves it out; rounded outward."""
    (low, high), log = axis.coordinate(axis.ends), axis.scale == LOG
    new_low, new_high = inner
    step = 1.0 if log else (high - low) / 4
    if masses[0] >= WARNING_MASS:
        new_low = low - step if log or low < 0 else max(0.0, low - step)
    if masses[1] >= WARNING_MASS:
        new_high = high + step
    limit = max(axis.natural[1], axis.high)  # a range already past it stays as it was
    ends = _rounded(axis.value(new_low), math.floor), _rounded(axis.value(new_high), math.ceil)
    outward_low = ends[0] if masses[0] >= WARNING_MASS else max(ends[0], axis.low)
    return outward_low, min(ends[1], limit if masses[1] >= WARNING_MASS else axis.high)


def _rounded(value: float, direction: Any) -> float:
    """To two significant digits, outward.

    >>> _rounded(0.01234, math.floor), _rounded(0.01234, math.ceil)
    (0.012, 0.013)
    """
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    if unit == 0:  # of the smallest numbers that there are
        return value
    return float(f"{direction(round(value / unit, 6)) * unit:.2g}")


def _warning(axis: Range, masses: tuple[float, float], suggested: tuple[float, float]) -> str:
    notes = []
    if masses[0] >= WARNING_MASS and suggested[0] < axis.low:
        remedy = f"down to {axis.low:g}): lower it to {suggested[0]:g}"
        notes.append(_sentence(axis.name, masses[0], "low", remedy))
    if masses[1] >= WARNING_MASS and suggested[1] > axis.high:
        remedy = f"up to {axis.high:.3g}): raise it to {suggested[1]:g}"
        notes.append(_sentence(axis.name, masses[1], "high", remedy))
    return "; ".join(notes)


def _sentence(axis: str, mass: float, end: str, remedy: str) -> str:
    return f"{mass:.0%} of the selected {axis} lie in the outer tenth at the {end} end ({remedy}"
