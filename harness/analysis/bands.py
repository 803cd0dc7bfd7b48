"""opda's simultaneous confidence bands for the median best-of-K: an independent check of our intervals.

Lourie, Cho and He's opda (arXiv:2311.09480) bounds the whole distribution function of the errors with
90% confidence, so the curve of medians at *all* budgets, where our intervals (`confidence`) hold at
those plotted. Its bands are a function of the number of trials alone, so they are computed once for
each: seconds for 64 trials, half a minute for 256.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis.cells import PAIR
from harness.analysis.confidence import CONFIDENCE
from harness.analysis.counting import counted, values
from harness.analysis.pooling import groups
from harness.errors import ConfigError

METHOD = "ld_equal_tailed"  # nearly as narrow as its highest-density ones, in a quarter of the time


def with_bands(
    curves: pd.DataFrame, trials: pd.DataFrame, metric: str = "val_error"
) -> pd.DataFrame:
    """The rows of `tuning_curves.in_cells` with ``opda_low`` and ``opda_high``, the ends of the band.

    Of a metric that does not select there is none. Infinite where the band has no end.

    Raises:
        ConfigError: opda is not installed.
    """
    result = curves.assign(opda_low=np.nan, opda_high=np.nan)
    if curves["median_high"].isna().all():
        return result
    for group in groups(trials):
        errors = values(counted(group.trials), metric)
        own = (curves[PAIR] == [group.workload, group.optimizer]).all(axis=1)
        own &= curves["budget_trials"].notna()
        if own.any():
            k = curves.loc[own, "budget_trials"].to_numpy(int)
            result.loc[own, ["opda_low", "opda_high"]] = np.stack(median_band(errors, k), axis=1)
    return result


def median_band(
    errors: NDArray[np.float64], budgets: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper end of opda's band of the median best-of-K: two ``[budgets]``."""
    ranked = np.concatenate([[-np.inf], np.sort(errors), [np.inf]])
    low, high = _ranks(len(errors), tuple(int(k) for k in budgets))
    return ranked[low], ranked[high]


@functools.lru_cache(maxsize=64)
def _ranks(
    num_trials: int, budgets: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ranks of the band's ends, 0 and N + 1 for minus and plus infinity."""
    likely, unlikely = _bands(num_trials)
    ends = [
        distribution.quantile_tuning_curve(np.array(budgets), q=0.5, minimize=True)
        for distribution in (unlikely, likely)
    ]
    low, high = (np.clip(end, 0, num_trials + 1).astype(np.int64) for end in ends)
    return low, high


@functools.lru_cache(maxsize=8)
def _bands(num_trials: int):  # type: ignore[no-untyped-def]
    """opda's lower and upper distribution function of the errors 1 … N."""
    try:
        from opda.nonparametric import EmpiricalDistribution  # type: ignore[import-untyped]
    except ImportError:
        raise ConfigError(
            "bands are opda's, which is not installed; pip install opda, or leave out --bands"
        ) from None
    ranks = np.arange(1.0, num_trials + 1)
    lower, _, upper = EmpiricalDistribution.confidence_bands(ranks, CONFIDENCE, method=METHOD)
    return lower, upper
