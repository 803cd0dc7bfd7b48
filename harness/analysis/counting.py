"""Which trials count, and as what.

*Complete* trials are feasible; *diverged* ones (the training loss was not finite) are results too,
infinitely bad ones. The paper's statistics are over feasible trials alone. Asked for, every trial
counts: what a search that can't know beforehand which settings diverge would get for its money. A
table says which by itself, so that one choice holds for all that is computed of it and its numbers
never come without their meaning: where every trial counts it has the column `EVERY`.

All other trials (failed, out_of_memory, timeout, stopped, missing) say something about the machine,
not the optimizer: they are listed, and never enter a statistic. Pruned trials are listed too; but the
others by themselves are no fair sample then, so a statistic of them is refused (`censored` has its own).

With diverged trials among them the mean of a search's best is infinite as long as all of its trials
can diverge, so where every trial counts the median stands for a tuning run (`centre`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis.checking import EVERY, TableError
from harness.study.result import COMPLETE, DIVERGED, FINISHED, PRUNED
from harness.study.sampling import ASKING

SAMPLER = "sampler"  # of trials that are no independent draws


def every_trial(trials: pd.DataFrame) -> pd.DataFrame:
    """The table in which every trial counts, diverged ones as infinitely bad."""
    return trials.assign(**{EVERY: True})


def feasible_alone(trials: pd.DataFrame) -> pd.DataFrame:
    """The table in which feasible trials alone count, whatever was asked for."""
    return trials.drop(columns=EVERY, errors="ignore")


def marked(frame: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Numbers of these trials, which say so where every trial counts."""
    return every_trial(frame) if EVERY in trials else frame


def finished(rows: pd.DataFrame) -> pd.DataFrame:
    """The results: complete and diverged trials."""
    return rows[rows["status"].isin(FINISHED)]


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that enter statistics: complete trials, and diverged ones where every trial counts.

    Raises:
        TableError: there are pruned trials among them, without which the others are too good a sample;
            or trials that were chosen by those before them, which are no sample at all.
    """
    return rows[counts(rows)]


def counts(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows `counted` keeps, ``[trials]``: a fifth of its time, and a report asks it thousands of times.

    Raises:
        TableError: as `counted`.
    """
    if SAMPLER in rows and rows[SAMPLER].isin(ASKING).any():
        first = rows[rows[SAMPLER].isin(ASKING)].iloc[0]
        raise TableError(
            f"{first['workload']}/{first['optimizer']}: {first[SAMPLER]} chose each trial by those before"
            " it, so that the best of K has no exact statistics; compare searches by harness searches, and"
            " choose other studies here with study=FINGERPRINT"
        )
    status = rows["status"].to_numpy()
    if pruned := int((status == PRUNED).sum()):
        first = rows.iloc[0]
        raise TableError(
            f"{first['workload']}/{first['optimizer']}: {pruned} of {len(rows)} trials were pruned, and this"
            " takes all of them; carry them on by the command that trained them with pruning=none, or see"
            " what can be said without: harness pruned"
        )
    complete: NDArray[np.bool_] = status == COMPLETE
    return complete | (status == DIVERGED) if EVERY in rows else complete


def values(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """A column of counted rows as ``[trials]``, infinite in diverged trials.

    Raises:
        TableError: the column is absent, of words, or empty in a complete trial.
    """
    if column not in rows:
        raise TableError(f"the table lacks the column {column}; it has {', '.join(rows.columns)}")
    if not pd.api.types.is_numeric_dtype(rows[column]):
        raise TableError(f"the column {column} holds words; choose one of numbers, as val_error")
    found = rows[column].astype(float).to_numpy()
    result = np.where(rows["status"].to_numpy() == COMPLETE, found, np.inf)
    if np.isnan(result).any():
        trial = rows.iloc[int(np.argmax(np.isnan(result)))]
        raise TableError(
            f"{trial['workload']}/{trial['optimizer']} trial {trial['trial']}: {column} is empty (NaN)"
            f" in a complete trial; fill it in, or choose another column than {column}"
        )
    return result


def centre(frame: pd.DataFrame) -> str:
    """The column that stands for a tuning run in numbers of best-of-K: its mean or its median."""
    return "p50" if EVERY in frame else "mean"


def middle(frame: pd.DataFrame) -> str:
    """That column in a word."""
    return {"mean": "mean", "p50": "median"}[centre(frame)]


def noun(frame: pd.DataFrame) -> str:
    """What K and N count, in words."""
    return "trials" if EVERY in frame else "feasible trials"
