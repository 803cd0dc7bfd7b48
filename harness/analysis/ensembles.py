"""Ensembles: the error of averaged predictions against the number of members."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SUBSETS = 200  # drawn of each size; all where there are fewer
COLUMNS = ("members", "in_order", "mean", "p05", "p95", "subsets")

Array = NDArray[np.float64]


def error(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The share of examples whose largest mean probability is elsewhere than at the label.

    Args:
        probabilities: ``[members, examples, classes]``, averaged arithmetically.
    """
    mean = probabilities.astype(np.float64).mean(0)
    return float((mean.argmax(1) != labels).mean())


def errors(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> pd.DataFrame:
    """`COLUMNS` for ensembles of 1 to M members.

    ``in_order``: of the first ones, as they come. ``mean``, ``p05`` and ``p95``: over ensembles of as many
    different members, whichever; what an ensemble of this size varies by. At M there is one.
    """
    count = len(probabilities)
    random = np.random.default_rng(0)
    rows = []
    for size in range(1, count + 1):
        subsets = _subsets(count, size, random)
        found = np.array([error(probabilities[list(each)], labels) for each in subsets])
        low, high = np.quantile(found, (0.05, 0.95))
        rows.append(
            (size, error(probabilities[:size], labels), found.mean(), low, high, len(subsets))
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _subsets(count: int, size: int, random: np.random.Generator) -> list[tuple[int, ...]]:
    import itertools
    import math

    if math.comb(count, size) <= SUBSETS:
        return list(itertools.combinations(range(count), size))
    drawn = {tuple(sorted(random.choice(count, size, replace=False))) for _ in range(SUBSETS)}
    return sorted(drawn)
