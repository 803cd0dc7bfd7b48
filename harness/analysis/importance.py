"""Which hyperparameters matter: the share of the error's variance that each searched axis explains.

The measure is a one-way analysis of variance on ranks: trials are cut into bins of equal count along
an axis (one bin a value, where an axis is a list of choices) and ``importance`` is the share of the
variance of the *rank* of the error that lies between the bins' means, less what as many bins explain
by chance (epsilon squared: Kelley 1935). Ranks, because errors are skewed and a diverged trial has
none: it ranks last, tied with the others. Deterministic and without settings to tune, unlike a
random forest; it sees one axis at a time, so beside it stands ``interaction``: what the cells of a
two-dimensional grid explain beyond the rows and columns of that grid, with the ``partner`` that makes
it largest. An axis of low importance and high interaction acts through its partner, as momentum does
through the learning rate.

Columns (``importance.csv``): ``workload, optimizer, axis, importance, partner, interaction, trials``.
Both shares lie in [0, 1]; over axes they need not add up to one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from harness.analysis.counting import finished, values
from harness.analysis.pooling import groups
from harness.analysis.spaces import FEW_VALUES, searched

COLUMNS = ("workload", "optimizer", "axis", "importance", "partner", "interaction", "trials")
LEAST_IN_BIN = 8
LEAST_IN_CELL = 5


def importance(trials: pd.DataFrame, metric: str = "val_error") -> pd.DataFrame:
    """One row per workload, optimizer and searched axis, most important first.

    Diverged trials always count. Axes held constant, and columns that hold names rather than
    numbers, are left out; so is an optimizer with fewer than 16 results.

    >>> from harness.analysis.checking import check
    >>> made_up = pd.DataFrame({"workload": "w", "optimizer": "sgd", "trial": range(64),
    ...     "status": "complete", "hp.lr": range(64), "hp.l2": [i * 37 % 64 for i in range(64)]})
    >>> shares = importance(check(made_up.assign(val_error=abs(made_up["hp.lr"] - 20.5))))
    >>> shares[["axis", "importance"]].round(2).values.tolist()
    [['lr', 0.96], ['l2', 0.0]]
    """
    rows: list[dict[str, object]] = []
    for group in groups(trials):
        results = finished(group.trials)
        if len(results) < 2 * LEAST_IN_BIN:
            continue
        ranks = stats.rankdata(values(results, metric))
        axes = searched(results)
        names = {"workload": group.workload, "optimizer": group.optimizer, "trials": len(results)}
        shares = [_shares(axis, axes, ranks) for axis in axes]
        rows += [names | share for share in sorted(shares, key=_by_importance)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def explained(bins: NDArray[np.int64], ranks: NDArray[np.float64]) -> float:
    """Epsilon squared: the share of variance between bins, less that expected by chance; >= 0."""
    counts = np.bincount(bins)
    sums = np.bincount(bins, weights=ranks)
    used = counts > 0
    total = np.sum((ranks - ranks.mean()) ** 2)
    if total == 0 or len(ranks) <= used.sum():
        return 0.0
    between = np.sum(sums[used] ** 2 / counts[used]) - len(ranks) * ranks.mean() ** 2
    within_variance = (total - between) / (len(ranks) - used.sum())
    return float(np.clip(1 - within_variance * (len(ranks) - 1) / total, 0, 1))


def _shares(
    axis: str, axes: dict[str, NDArray[np.float64]], ranks: NDArray[np.float64]
) -> dict[str, object]:
    alone = explained(_bins(axes[axis], min(10, len(ranks) // LEAST_IN_BIN)), ranks)
    partners = {
        partner: _interaction(axes[axis], axes[partner], ranks)
        for partner in axes
        if partner != axis
    }
    partner = max(partners, key=lambda name: partners[name], default=None)
    interaction = partners[partner] if partner else 0.0
    return {
        "axis": axis,
        "importance": alone,
        "partner": partner if interaction > 0 else None,
        "interaction": interaction,
    }


def _interaction(
    one: NDArray[np.float64], other: NDArray[np.float64], ranks: NDArray[np.float64]
) -> float:
    side = int(np.clip(np.sqrt(len(ranks) / LEAST_IN_CELL), 2, 6))
    row, column = _bins(one, side), _bins(other, side)
    cell = row * (column.max() + 1) + column
    return max(0.0, explained(cell, ranks) - explained(row, ranks) - explained(column, ranks))


def _bins(values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The bin of each trial: of equal count, or one a value where there are few."""
    distinct, index = np.unique(values, return_inverse=True)
    if len(distinct) <= FEW_VALUES:
        return index
    return (np.floor((stats.rankdata(values) - 0.5) / len(values) * count)).astype(np.int64)


def _by_importance(share: dict[str, object]) -> float:
    return -float(share["importance"])  # type: ignore[arg-type]
