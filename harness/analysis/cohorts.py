"""Who passed the rungs of a pruned sweep and who did not, told from its table and curves alone.

A table says of each trial by which pruning it was trained (the column ``pruning``); the rest is decided
anew here, as the runner decided it (`harness.study.pruning`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis.checking import TableError
from harness.analysis.counting import every_trial
from harness.analysis.pooling import Studies, groups
from harness.analysis.reading import Results
from harness.study import indices
from harness.study.pruning import (
    INFEASIBLE,
    LAST,
    Pruning,
    Value,
    decided,
    is_audited,
    parse,
    values,
)
from harness.study.result import COMPLETE, DIVERGED, FAILURES, FINISHED, PRUNED
from harness.study.study import Study

PRUNING = "pruning"


class Side(NamedTuple):
    """The trials of one optimizer on one workload that have a result or were pruned: ``[trials]``."""

    workload: str
    optimizer: str
    errors: NDArray[np.float64]  # infinite where a trial diverged or was pruned
    pruned: NDArray[np.bool_]
    out: NDArray[np.bool_]  # would be pruned, whether or not it was trained on
    audited: NDArray[np.bool_]  # out, drawn for the audit and trained to its end
    audit: float  # the share drawn

    @property
    def trials(self) -> int:
        return len(self.errors)


def is_pruned(trials: pd.DataFrame) -> bool:
    """Whether a table holds trials that were pruned, and not carried on since."""
    return bool((trials["status"] == PRUNED).any())


def as_last(trials: pd.DataFrame) -> pd.DataFrame:
    """The table in which every trial counts and pruned ones are as bad as diverged ones."""
    return every_trial(trials.assign(status=trials["status"].replace(PRUNED, DIVERGED)))


def sides(results: Results) -> list[Side]:
    """Every workload and optimizer of a table.

    Raises:
        TableError: a pruned study without its curves or settings; a cohort that is not decided, or
            of which two prunings tell.
    """
    found = []
    for workload, optimizer, rows in groups(results.trials):
        counted = rows[rows["status"].isin((*FINISHED, PRUNED))]
        errors = counted["val_error"].astype(float).where(counted["status"] == COMPLETE, np.inf)
        standing = pd.DataFrame({"out": False, "audited": False, "audit": 0.0}, index=rows.index)
        for _, own in rows.groupby("study", sort=False) if is_pruned(rows) else ():
            name = f"{workload}/{optimizer}"
            standing.loc[own.index] = _standing(name, own, results.curves, results.studies)
        standing = standing.loc[counted.index]
        pruned = (counted["status"] == PRUNED).to_numpy()
        found.append(
            Side(
                workload, optimizer, errors.to_numpy(), pruned, standing["out"].to_numpy(dtype=bool),
                standing["audited"].to_numpy(dtype=bool) & ~pruned, float(standing["audit"].max()) if len(counted) else 0.0,
            )
        )  # fmt: skip
    return found


def _standing(
    name: str, rows: pd.DataFrame, curves: pd.DataFrame | None, studies: Studies
) -> pd.DataFrame:
    """Columns ``out``, ``audited`` and ``audit`` of one study's trials."""
    fingerprint = str(rows["study"].iloc[0])
    study = studies.get(fingerprint)
    if curves is None or study is None or "steps" not in study.config["workload"]:
        raise TableError(
            f"{name}: {(rows['status'] == PRUNED).sum()} trials were pruned, and what that means is told by"
            " learning curves and studies; give the results folder, or curves.parquet and studies.json"
            " beside the table"
        )
    own = curves[curves["study"] == fingerprint]
    by_trial = {
        int(trial): {column: each[column].tolist() for column in ("step", "val_error", "val_loss")}
        for trial, each in own.groupby("trial")
    }
    standing = pd.DataFrame({"out": False, "audited": False, "audit": 0.0}, index=rows.index)
    for block, pruning in _cohorts(name, rows).items():
        members = rows[rows["trial"].between(block[0], block[-1])]
        out = _out(name, members, block, by_trial, pruning, study)
        drawn = [is_audited(study.config["seed"], int(t), pruning.audit) for t in members["trial"]]
        standing.loc[members.index, "out"] = members["trial"].isin(out)
        standing.loc[members.index, "audited"] = members["trial"].isin(out) & np.array(drawn)
        standing.loc[members.index, "audit"] = pruning.audit
    return standing


def _cohorts(name: str, rows: pd.DataFrame) -> Mapping[range, Pruning]:
    """The cohorts of which trials were pruned, each with the one pruning that did it."""
    found: dict[range, Pruning] = {}
    for trial, text in rows[rows["status"] == PRUNED][["trial", PRUNING]].itertuples(index=False):
        try:
            pruning = parse(str(text))
        except ValueError as error:
            raise TableError(f"{name} trial {trial}: {error}; write the table again") from None
        block = pruning.block(int(trial))
        if found.setdefault(block, pruning) != pruning:
            raise TableError(
                f"{name}: trials {block[0]}-{block[-1]} were pruned in two ways; carry them on by the same"
                " command with pruning=none"
            )
    return found


def _out(
    name: str,
    members: pd.DataFrame,
    block: range,
    by_trial: Mapping[int, Mapping[str, list[float]]],
    pruning: Pruning,
    study: Study,
) -> set[int]:
    """Those of a cohort who fail a rung."""
    steps = pruning.steps(study.config["workload"])
    statuses = dict(zip(members["trial"].astype(int), members["status"], strict=True))
    nothing: Mapping[str, list[float]] = {"step": [], "val_error": [], "val_loss": []}
    known: dict[int, list[Value]] = {}
    for trial in block:
        status = statuses.get(trial)
        curve = by_trial.get(trial, nothing)
        known[trial] = values(curve, steps, pruning.metric, ended=status == DIVERGED)
        if status in FAILURES and pruning.failed == LAST:
            known[trial] += [INFEASIBLE] * (len(steps) - len(known[trial]))
    passed = decided(pruning, known)
    if len(passed) < len(steps):
        entrants = passed[-1] if passed else frozenset(block)
        waited = [trial for trial in entrants if len(known[trial]) <= len(passed)]
        raise TableError(
            f"{name}: trials {block[0]}-{block[-1]} are still being pruned, a rung waits for"
            f" trial={indices.to_text(waited)}; let the sweep end (retry_failed=true where they failed)"
        )
    return set(block) - passed[-1]
