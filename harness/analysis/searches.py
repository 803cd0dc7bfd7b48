"""Searches compared by how soon they find a good trial: the best error so far against trials.

Of independent draws (random and quasi-random search) the best of K is exact (`best_of_k`). Of a search
whose trials choose each other, or that goes through a grid, it is what happened: the best of its first
K trials, in each of several repeats that differ in their seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import best_of_k
from harness.analysis.checking import TableError, hyperparameter_columns
from harness.analysis.counting import finished
from harness.study.result import COMPLETE
from harness.study.sampling import HALTON, UNIFORM
from harness.study.study import Study

REPEATS = 10  # fewer say little of a band
BEYOND = 5  # N draws vouch for the best of N/5
COLUMNS = ("search", "sampler", "exact", "repeats", "trials", "mean", "p05", "p95", "trusted")

Array = NDArray[np.float64]


def curves(searches: Mapping[str, pd.DataFrame], studies: Mapping[str, Study]) -> pd.DataFrame:
    """`COLUMNS`: of each search the best validation error among the first ``trials`` trials.

    A diverged trial counts as the worst complete one of all searches, which is how `study.asking` tells
    it: with infinite errors no mean would be finite. Of an exact search all trials of its studies count
    as draws; mean and 5th and 95th percentile of the best of K of them, without replacement. Of any other
    a study is a repeat, and these are over repeats. ``trusted``: K is at most a fifth of the draws, as
    everywhere here; or there are `REPEATS`.

    Args:
        searches: trials by the search's label, of one workload and optimizer.
        studies: resolved, by fingerprint.

    Raises:
        TableError: a search without a finished trial, or of several optimizers, spaces or samplers.
    """
    of = {label: finished(trials) for label, trials in searches.items()}
    complete = [rows.loc[rows["status"] == COMPLETE, "val_error"] for rows in of.values()]
    worst = max((float(each.max()) for each in complete if len(each)), default=np.nan)
    frames = []
    for label, rows in of.items():
        sampler = _sampler(label, rows, studies)
        errors = rows["val_error"].astype(float).where(rows["status"] == COMPLETE, worst)
        exact = sampler in (HALTON, UNIFORM)
        if exact:
            found = _exact(errors.to_numpy())
        else:
            ordered = errors.groupby([rows["study"], rows["trial"]]).first()
            found = _repeated([each.to_numpy() for _, each in ordered.groupby(level=0)])
        repeats = rows["study"].nunique()
        found["trusted"] = found["trials"] <= len(errors) / BEYOND if exact else repeats >= REPEATS
        frames.append(
            found.assign(search=label, sampler=sampler, exact=exact, repeats=repeats)[list(COLUMNS)]
        )
    return pd.concat(frames, ignore_index=True)


def _exact(errors: Array) -> pd.DataFrame:
    budgets = np.arange(1, len(errors) + 1)
    found = best_of_k.curve(errors, budgets, replacement=False)
    return pd.DataFrame({"trials": budgets, "mean": found.mean, "p05": found.p05, "p95": found.p95})


def _repeated(repeats: list[Array]) -> pd.DataFrame:
    """As far as the shortest of them goes."""
    length = min(map(len, repeats))
    best = np.minimum.accumulate(np.stack([each[:length] for each in repeats]), axis=1)
    low, high = np.quantile(best, (0.05, 0.95), axis=0)
    trials = np.arange(1, length + 1)
    return pd.DataFrame({"trials": trials, "mean": best.mean(0), "p05": low, "p95": high})


def _sampler(label: str, rows: pd.DataFrame, studies: Mapping[str, Study]) -> str:
    """How a search's trials were drawn, its studies being repeats of one."""
    if rows.empty:
        raise TableError(f"search {label!r} has no finished trial yet; run it")
    names = list(rows["study"].unique())
    if unknown := [name for name in names if name not in studies]:
        raise TableError(
            f"search {label!r}: of study {unknown[0] or '(none)'} is not known how it was searched; give"
            " its results folder"
        )
    first = _but_seeds(studies[names[0]])
    for name in names[1:]:
        if _but_seeds(studies[name]) != first:
            raise TableError(
                f"search {label!r} holds studies that differ in more than their seed, {names[0]} and {name};"
                " give each a root of its own"
            )
    return str(studies[names[0]].config["sampler"]["name"])


def _but_seeds(study: Study) -> dict[str, Any]:
    sampler = {**study.config["sampler"], "seed": None}
    return {**study.config, "seed": None, "sampler": sampler}


def axes_of(trials: pd.DataFrame) -> list[str]:
    """The searched numeric coordinates, ``hp.*``, of more than one value."""
    names = hyperparameter_columns(trials)
    numeric = [name for name in names if pd.api.types.is_numeric_dtype(trials[name])]
    return [name for name in numeric if trials[name].nunique() > 1]
