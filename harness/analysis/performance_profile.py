"""Performance profiles of steps to target (Dolan and Moré 2002, arXiv:cs/0102001), as AlgoPerf uses them.

An optimizer's steps on a workload are the median over tuning runs of K trials, each run's best trial that
which reaches the target first; infinite where half of the runs or more do not reach it. Their **ratio** is
to the least of any optimizer compared. The profile is the share of workloads whose ratio is at most τ: at
τ = 1 those on which the optimizer is the fastest, at the right end those that it solves at all. The
**score** is the profile's mean from τ = 1 to 4 (AlgoPerf: Dahl et al. 2023, arXiv:2306.07179).

A profile compares with the best of those in it: without that one the others may change their order (Gould
and Scott 2016, doi:10.1145/2950048). Read it for the fastest, and ranks for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from harness.analysis.checking import TableError
from harness.analysis.pooling import Studies
from harness.analysis.targets import steps_to_target, targets

SCORED_TO = 4.0
STEPS = (
    "workload", "optimizer", "target", "stated", "budget_trials", "steps", "share_reached", "ratio",
)  # fmt: skip


def steps(
    trials: pd.DataFrame,
    curves: pd.DataFrame | None,
    studies: Studies,
    optimizers: Sequence[str],
    budget: int,
) -> pd.DataFrame:
    """A row a workload that has learning curves, and optimizer: its median steps, and their ratio.

    The target is the workload's own where a trial ends at or under it (``stated``), else the largest
    median of the optimizers' best of K: one that each reaches in half of its tuning runs.
    """
    if curves is None:
        return pd.DataFrame(columns=list(STEPS))
    trials = trials[trials["optimizer"].isin(optimizers)]
    parts = []
    for workload, evaluated in curves.groupby("workload", sort=False):
        own = trials[trials["workload"] == workload]
        if evaluated["step"].nunique() < 2 or own.empty:
            continue
        aim = targets(own, studies, max_budget=budget)
        try:
            found = steps_to_target(own, evaluated, aim, max_budget=budget)
        except TableError:  # some of its trials have no curve
            continue
        stated = aim.iloc[0] in _stated(own, studies)
        parts.append(found.rename(columns={"p50": "steps"}).assign(stated=stated))
    if not parts:
        return pd.DataFrame(columns=list(STEPS))
    frame = pd.concat(parts, ignore_index=True)
    taken = frame["steps"].astype(float).fillna(np.inf)
    fastest = taken.groupby(frame["workload"]).transform("min")
    ratio = (taken / fastest).where(np.isfinite(taken), np.inf)
    return frame.assign(steps=taken, ratio=ratio)[list(STEPS)]


def _stated(trials: pd.DataFrame, studies: Studies) -> set[float]:
    nodes = (studies[name].config for name in trials["study"].unique() if name in studies)
    found = (node.get("workload", {}).get("target_error") for node in nodes)
    return {float(target) for target in found if target}


def profile(ratios: pd.DataFrame) -> pd.DataFrame:
    """``profile.csv``: the share of workloads solved within τ times the fastest's steps, at each τ at
    which any optimizer's share rises.

    >>> made = pd.DataFrame({"optimizer": list("aabb"), "ratio": [1.0, 2.0, 1.5, 1.0]})
    >>> profile(made).values.tolist()
    [['a', 1.0, 0.5], ['a', 1.5, 0.5], ['a', 2.0, 1.0], ['b', 1.0, 0.5], ['b', 1.5, 1.0], ['b', 2.0, 1.0]]
    """
    finite = ratios["ratio"][np.isfinite(ratios["ratio"])]
    taus = sorted({1.0, *finite})
    rows = [
        {"optimizer": optimizer, "tau": tau, "share": float((own <= tau).mean())}
        for optimizer, own in ratios.groupby("optimizer", sort=False)["ratio"]
        for tau in taus
    ]
    return pd.DataFrame(rows, columns=["optimizer", "tau", "share"])


def scores(ratios: pd.DataFrame) -> pd.Series:
    """The mean of each optimizer's profile from τ = 1 to 4, by optimizer.

    >>> made = pd.DataFrame({"optimizer": list("aabb"), "ratio": [1.0, 2.5, np.inf, 1.0]})
    >>> scores(made).to_dict()
    {'a': 0.75, 'b': 0.5}
    """
    inside = (SCORED_TO - ratios["ratio"]).clip(lower=0) / (SCORED_TO - 1)
    return inside.groupby(ratios["optimizer"], sort=False).mean()
