"""Rank probabilities: the chance that each optimizer comes first, second, … at each budget.

A share of races is told with an interval or not at all: at budgets up to N/5, among optimizers with 40
trials or more. The interval is a jackknife's on the scale arcsin √share: the trials are left out by
blocks of consecutive indices (`paired`), of all optimizers at once, since they share points and weights.
A jackknife of 16 to 32 blocks is too short: it is given the length of 95%, and holds the truth in 83 to
98% of simulated tables, 90% in the mean (tests/analysis/test_ranks.py, marked slow). Nothing is decided by
it: verdicts are those of `pairs`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from harness.analysis import best_of_k
from harness.analysis.cells import LEAST_TRIALS, PAIR, cells
from harness.analysis.confidence import TRUSTED_SHARE
from harness.analysis.counting import counted, values
from harness.analysis.paired import Array, Sample, block_width
from harness.analysis.partners import Field, fields
from harness.analysis.pooling import groups
from harness.analysis.tuning_curves import doubling

COLUMNS = ("workload", "budget_trials", "optimizer", "rank", "probability")
SHARES = ("budget_trials", "first", "first_low", "first_high", "mean_rank")
MOST_BLOCKS = 32
QUANTILE = 0.975
TOO_FEW, ALONE = f"fewer than {LEAST_TRIALS} trials", "no rival with as many trials"


def rank_probabilities(
    trials: pd.DataFrame, metric: str = "val_error", budgets: Sequence[int] | None = None
) -> pd.DataFrame:
    """One row per workload, budget, optimizer and rank; ranks are counted from 1, 1 the lowest error.

    Every optimizer tunes with K different trials, ties broken evenly (`best_of_k`). Budgets: 1,
    2, 4, … and the number of trials of the optimizer that has fewest, unless given; an optimizer
    without a counted trial is left out.

    >>> from harness.analysis.checking import check
    >>> trials = check(pd.DataFrame({"workload": "w", "optimizer": ["sgd", "adam"],
    ...     "trial": 0, "status": "complete", "val_error": [0.2, 0.1]}))
    >>> rank_probabilities(trials).query("rank == 1")[["optimizer", "probability"]].values.tolist()
    [['sgd', 0.0], ['adam', 1.0]]
    """
    errors: dict[str, dict[str, np.ndarray]] = {}
    for group in groups(trials):
        rows = counted(group.trials)
        if len(rows):
            errors.setdefault(group.workload, {})[group.optimizer] = values(rows, metric)
    parts = []
    for workload, own in errors.items():
        last = min(map(len, own.values()))
        k = [budget for budget in budgets or doubling(last) if budget <= last]
        if not k:
            continue
        index = pd.MultiIndex.from_product(
            [[workload], k, list(own), range(1, len(own) + 1)], names=COLUMNS[:-1]
        )
        chances = best_of_k.rank_probabilities(list(own.values()), k, replacement=False)
        parts.append(pd.Series(chances.ravel(), index, name="probability").reset_index())
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def first_and_mean_rank(
    trials: pd.DataFrame,
    metric: str = "val_error",
    *,
    max_budget: int | None = None,
    also: Sequence[int] = (),
) -> pd.DataFrame:
    """One row per workload, optimizer and budget: ``first``, the chance of rank 1, and ``mean_rank``.

    With the interval ``first_low, first_high`` of the former. Budgets are 1, 2, 4, … and those of
    ``also``, up to a fifth of the trials of the optimizer with fewest. Those with fewer than 40 trials
    take no part: ``missing`` says so.
    """
    parts = []
    for workload, own in itertools.groupby(fields(trials, metric), key=lambda each: each.workload):
        racing = [each for each in own if len(each.sample.errors) >= LEAST_TRIALS]
        if len(racing) < 2:
            continue
        last = min(len(each.sample.errors) for each in racing) // TRUSTED_SHARE
        last = min(last, max_budget or last)
        k = sorted({*doubling(last), *(budget for budget in also if budget <= last)})
        parts.append(_shares(racing, k).assign(workload=workload))
    table = pd.concat(parts) if parts else pd.DataFrame(columns=[*PAIR, *SHARES])
    frame = cells(trials).merge(table, how="left", on=PAIR)
    without = (frame["missing"] == "") & frame["first"].isna()
    few = np.where(frame["trials"] < LEAST_TRIALS, TOO_FEW, ALONE)
    return frame.assign(missing=frame["missing"].mask(without, pd.Series(few, frame.index)))


def _shares(racing: Sequence[Field], budgets: Sequence[int]) -> pd.DataFrame:
    """The columns `SHARES` of one workload's optimizers."""
    errors = [each.sample.errors for each in racing]
    chances = best_of_k.rank_probabilities(errors, budgets, replacement=False)
    first = chances[:, :, 0]  # [budgets, optimizers]
    reach = _reach([each.sample for each in racing], first, budgets)
    phi = np.arcsin(np.sqrt(np.clip(first, 0, 1)))
    columns = {
        "first": first,
        "first_low": np.sin(np.maximum(phi - reach, 0)) ** 2,
        "first_high": np.sin(np.minimum(phi + reach, np.pi / 2)) ** 2,
        "mean_rank": chances @ np.arange(1.0, len(racing) + 1),
    }
    index = pd.MultiIndex.from_product([budgets, [each.optimizer for each in racing]])
    frame = pd.DataFrame({name: column.ravel() for name, column in columns.items()}, index=index)
    return frame.rename_axis(["budget_trials", "optimizer"]).reset_index()


def _reach(samples: Sequence[Sample], first: Array, budgets: Sequence[int]) -> Array:
    """Half the length of the intervals on their scale: ``[budgets, optimizers]``."""
    width = block_width(min(len(each.errors) for each in samples))
    blocks = [each.places // width % MOST_BLOCKS for each in samples]
    count = min(MOST_BLOCKS, 1 + max(int(each.max()) for each in blocks))
    without = np.stack([
        best_of_k.first_probabilities(
            [each.errors[own != block] for each, own in zip(samples, blocks, strict=True)],
            budgets,
            replacement=False,
        )
        for block in range(count)
    ])  # fmt: skip
    phi = np.arcsin(np.sqrt(np.clip(without, 0, 1)))
    error = np.sqrt((count - 1) / count * ((phi - phi.mean(axis=0)) ** 2).sum(axis=0))
    return np.asarray(stats.t(count - 1).ppf(QUANTILE) * error)
