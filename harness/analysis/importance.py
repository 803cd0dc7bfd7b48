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

The largest of several interactions is well above 0 by chance alone (among six axes and 64 trials over
.13 in one of twenty). ``interaction_null`` is what it exceeds in 5% of 200 shufflings of the errors;
an interaction not above that is no finding, and given as 0 without a partner. And with fewer than ten
trials an axis nothing is shown.

Columns (``importance.csv``): ``workload, optimizer, axis, importance, partner, interaction,
interaction_null, trials``. Both shares lie in [0, 1]; over axes they need not add up to one.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from harness.analysis.counting import finished, values
from harness.analysis.pooling import groups
from harness.analysis.spaces import FEW_VALUES, searched

COLUMNS = (
    "workload", "optimizer", "axis", "importance", "partner", "interaction", "interaction_null", "trials",
)  # fmt: skip
LEAST_PER_AXIS = 10
SHUFFLINGS = 200
NULL_SHARE = 0.95
MOST_SHUFFLED = 2_000  # trials; of more the null is that of so many, and falls as 1/N
LEAST_IN_BIN = 8
LEAST_IN_CELL = 5


def importance(
    trials: pd.DataFrame, metric: str = "val_error", *, least_per_axis: int = LEAST_PER_AXIS
) -> pd.DataFrame:
    """One row per workload, optimizer and searched axis, most important first.

    Diverged trials always count. Axes held constant, and columns that hold names rather than
    numbers, are left out; so is an optimizer with fewer than ten results an axis, or than 16.

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
        axes = searched(results)
        if len(results) < max(2 * LEAST_IN_BIN, least_per_axis * len(axes)):
            continue
        ranks = stats.rankdata(values(results, metric))
        names = {"workload": group.workload, "optimizer": group.optimizer, "trials": len(results)}
        null = _null_of_the_largest(axes, ranks)
        found = _interactions(axes, ranks[:, None])
        shares = [_shares(axis, axes, ranks, found, null) for axis in axes]
        rows += [names | share for share in sorted(shares, key=_by_importance)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def explained(bins: NDArray[np.int64], ranks: NDArray[np.float64]) -> float:
    """Epsilon squared: the share of variance between bins, less that expected by chance; >= 0."""
    return float(_explained(bins, ranks[:, None])[0])


def _explained(bins: NDArray[np.int64], ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """That of several orders of the same ranks, ``[trials, orders]``: ``[orders]``."""
    order = np.argsort(bins, kind="stable")
    starts = np.flatnonzero(np.diff(bins[order], prepend=-1))  # of the bins that hold a trial
    counts = np.diff(starts, append=len(bins))
    trials, orders = ranks.shape
    mean = ranks[:, 0].mean()
    total = ((ranks[:, 0] - mean) ** 2).sum()
    if total == 0 or trials <= len(counts):
        return np.zeros(orders)
    # Whole rows: a product with a matrix of zeros and ones took ten times as long.
    sums = np.add.reduceat(ranks[order], starts, axis=0) - counts[:, None] * mean
    between = (sums**2 / counts[:, None]).sum(axis=0)
    within_variance = (total - between) / (trials - len(counts))
    share: NDArray[np.float64] = np.clip(1 - within_variance * (trials - 1) / total, 0, 1)
    return share


def _shares(
    axis: str,
    axes: dict[str, NDArray[np.float64]],
    ranks: NDArray[np.float64],
    interactions: dict[tuple[str, str], NDArray[np.float64]],
    null: float,
) -> dict[str, object]:
    alone = explained(_bins(axes[axis], min(10, len(ranks) // LEAST_IN_BIN)), ranks)
    partners = {other: float(interactions[axis, other][0]) for other in axes if other != axis}
    partner = max(partners, key=lambda name: partners[name], default=None)
    found = partner is not None and partners[partner] > null
    return {
        "axis": axis,
        "importance": alone,
        "partner": partner if found else None,
        "interaction": partners[partner] if partner and found else 0.0,
        "interaction_null": null,
    }


def _null_of_the_largest(axes: dict[str, NDArray[np.float64]], ranks: NDArray[np.float64]) -> float:
    """What the largest interaction of an axis seldom exceeds where no axis matters; the largest of all axes'."""
    if len(axes) < 2:
        return 0.0
    rng = np.random.default_rng(0)
    kept = rng.permutation(len(ranks))[:MOST_SHUFFLED]
    shuffled = np.stack([rng.permutation(ranks[kept]) for _ in range(SHUFFLINGS)], axis=1)
    found = _interactions({name: each[kept] for name, each in axes.items()}, shuffled)
    largest = [
        np.max([found[one, two] for one, two in found if one == axis], axis=0) for axis in axes
    ]
    return float(np.quantile(largest, NULL_SHARE) * len(kept) / len(ranks))


def _interactions(
    axes: dict[str, NDArray[np.float64]], ranks: NDArray[np.float64]
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """What the cells of two axes' grid explain beyond its rows and columns, of several orders.

    Args:
        ranks: ``[trials, orders]``.

    Returns:
        ``[orders]`` by the names of two axes, either first.
    """
    side = int(np.clip(np.sqrt(len(ranks) / LEAST_IN_CELL), 2, 6))
    bins = {name: _bins(each, side) for name, each in axes.items()}
    alone = {name: _explained(each, ranks) for name, each in bins.items()}
    found = {}
    for row, column in itertools.combinations(axes, 2):
        cell = bins[row] * (bins[column].max() + 1) + bins[column]
        beyond = np.maximum(_explained(cell, ranks) - alone[row] - alone[column], 0.0)
        found[row, column] = found[column, row] = beyond
    return found


def _bins(values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The bin of each trial: of equal count, or one a value where there are few."""
    distinct, index = np.unique(values, return_inverse=True)
    if len(distinct) <= FEW_VALUES:
        return index
    return (np.floor((stats.rankdata(values) - 0.5) / len(values) * count)).astype(np.int64)


def _by_importance(share: dict[str, object]) -> float:
    return -float(share["importance"])  # type: ignore[arg-type]
