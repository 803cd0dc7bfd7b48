"""Where good trials lie along a learning-rate coordinate, and how much of a range of it they fill.

A coordinate is good when a short range of it, one that a search could be given, holds most of the good
trials and little else. Good are the best `GOOD` of an optimizer's trials on a workload; the range is
`DECADES` long and must hold `HOLDS` of the good ones; its *fill* is the share of its trials that are
good. The best such range is chosen on one half of the trials and its fill measured on the other, so
that no trial chooses what it measures: the mean over `SPLITS` random halves.

Input: a table of trials with a column for each coordinate, such as ``effective_lr``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import best_of_k
from harness.analysis.counting import counted, finished, values
from harness.analysis.names import optimizer_order
from harness.study.parametrisation import EFFECTIVE_LR

Array = NDArray[np.float64]

GOOD, HOLDS, DECADES = 0.15, 0.6, 1.5
TENTH = 0.1
SPLITS = 200
BUDGETS = (1, 4, 8)
COLUMNS = (
    "panel", "optimizer", "coordinate", "trials", "low", "high", "fill", "held_out_fill",
    "held_out_holds", "median_of_the_best_tenth",
)  # fmt: skip


def fills(trials: pd.DataFrame, coordinates: Sequence[str]) -> pd.DataFrame:
    """One row per panel, optimizer and coordinate that it has.

    Args:
        trials: with a column ``panel``, that says which trials belong together.

    ``low`` to ``high`` is the best range of all trials and ``fill`` its own; ``held_out_fill`` and
    ``held_out_holds`` (the share of the good trials inside) are those, on one half of the trials, of a
    range that the other half chose: 0 where none holds enough.
    """
    rows = []
    for panel, part in trials.groupby("panel", sort=False):
        for optimizer in optimizer_order(part["optimizer"]):
            own = finished(part[part["optimizer"] == optimizer])
            for coordinate in coordinates:
                if coordinate in own and own[coordinate].notna().all():
                    rows.append({"panel": panel, "optimizer": optimizer, **_row(own, coordinate)})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def within(
    trials: pd.DataFrame, low: float, high: float, budgets: Sequence[int] = BUDGETS
) -> pd.DataFrame:
    """What a range of effective rates, chosen on other trials, does to a search of these.

    Args:
        trials: of one workload, with a column ``effective_lr``.

    One row an optimizer: ``trials`` and the mean ``best_of_K`` of all its counted trials, and, with
    ``_within`` behind, of those alone whose effective rate lies in the range.
    """
    rows = []
    for optimizer in optimizer_order(trials["optimizer"]):
        own = counted(trials[trials["optimizer"] == optimizer])
        inside = own[own[EFFECTIVE_LR].between(low, high)]
        row: dict[str, object] = {"optimizer": optimizer}
        for part, ending in ((own, ""), (inside, "_within")):
            best = best_of_k.without_replacement(values(part, "val_error"), budgets).mean
            row[f"trials{ending}"] = len(part)
            row |= {f"best_of_{k}{ending}": m for k, m in zip(budgets, best, strict=True)}
        rows.append(row)
    return pd.DataFrame(rows)


def good(errors: Array, share: float = GOOD) -> NDArray[np.bool_]:
    """The best share of them, those equal to the last one too: ``[trials]``."""
    count = max(1, round(share * len(errors)))
    return errors <= np.sort(errors)[count - 1]


def best_range(x: Array, is_good: NDArray[np.bool_]) -> tuple[float, float]:
    """(start, fill) of the best range `DECADES` long; (nan, 0) where none holds enough.

    Args:
        x: ``[trials]``, log10 of the coordinate.

    >>> x = np.array([0.0, 1.0, 1.1, 1.2, 4.0])
    >>> best_range(x, np.array([False, True, True, True, False]))
    (1.0, 1.0)
    """
    order = np.argsort(x)
    x, is_good = x[order], is_good[order]
    before = np.concatenate([[0], np.cumsum(is_good)])
    ends = np.searchsorted(x, x + DECADES, "right")  # a best range starts at a trial
    held = before[ends] - before[:-1]
    fill = held / (ends - np.arange(len(x)))
    fill = np.where(held >= HOLDS * is_good.sum(), fill, 0.0)
    best = int(np.argmax(fill))
    return (float(x[best]), float(fill[best])) if fill[best] > 0 else (np.nan, 0.0)


def _row(own: pd.DataFrame, coordinate: str) -> dict[str, object]:
    x, errors = np.log10(own[coordinate].to_numpy(float)), values(own, "val_error")
    start, fill = best_range(x, good(errors))
    rng = np.random.default_rng(0)
    halves = []
    for _ in range(SPLITS):
        chosen = np.zeros(len(own), dtype=bool)
        chosen[rng.permutation(len(own))[: len(own) // 2]] = True
        halves.append(_on_the_other(x, errors, chosen))
    return {
        "coordinate": coordinate,
        "trials": len(own),
        "low": 10**start,
        "high": 10 ** (start + DECADES),
        "fill": fill,
        "held_out_fill": float(np.mean([each for each, _ in halves])),
        "held_out_holds": float(np.mean([each for _, each in halves])),
        "median_of_the_best_tenth": 10 ** float(np.median(x[good(errors, TENTH)])),
    }


def _on_the_other(x: Array, errors: Array, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """Fill and hold, on the trials that are not ``chosen``, of the range that those choose."""
    start, _ = best_range(x[chosen], good(errors[chosen]))
    if np.isnan(start):
        return 0.0, 0.0
    is_good, rest = good(errors[~chosen]), x[~chosen]
    inside = (rest >= start) & (rest <= start + DECADES)
    if not inside.any():
        return 0.0, 0.0
    return float(is_good[inside].mean()), float(is_good[inside].sum() / is_good.sum())
