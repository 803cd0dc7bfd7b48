"""Every pair of optimizers: which is better, as far as these trials tell (``pairs.csv``).

    workload, a, b
    budget_trials          K, at which they are compared: see `cells.comparison_budget`
    trials_a, trials_b     N of each
    win                    the chance that a's best of K is under b's, ties counted half
    win_low, win_high      the win shares that the test does not exclude
    p_adjusted             of the two-sided paired test (`paired`), adjusted for all pairs of the workload
    verdict                of a: ``better``, ``worse`` or ``can't tell``

Every pair stands there once. Six optimizers that are all alike are called better or worse, any of
them, in at most 5% of tables (Holm's method). The interval is at the level at which a pair was tested,
95% or more, so it holds one half exactly where the verdict is ``can't tell``.

A pair is judged when both have five times K trials, and 40 at least; otherwise nothing is said of who
wins: ``can't tell``, and the figures are empty.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.cells import comparison_budget, needed
from harness.analysis.checking import TableError
from harness.analysis.counting import marked
from harness.analysis.paired import LEVEL, Paired, compare, holm
from harness.analysis.partners import Field, fields, partners
from harness.analysis.pooling import Studies

BETTER, WORSE, CANT_TELL = "better", "worse", "can't tell"
COLUMNS = (
    "workload", "a", "b", "budget_trials", "trials_a", "trials_b", "win", "win_low", "win_high",
    "p_adjusted", "verdict",
)  # fmt: skip


def pairs(
    trials: pd.DataFrame,
    metric: str = "val_error",
    *,
    budget: int | None = None,
    max_budget: int | None = None,
    baseline: str | None = None,
    studies: Studies | None = None,
) -> pd.DataFrame:
    """One row per workload and pair, in the columns above.

    Args:
        trials: a checked table, one study per workload and optimizer.
        metric: the column that is lowest in the best trial.
        budget, max_budget: see `cells.comparison_budget`.
        baseline: the optimizer that is ``b`` in all its pairs, which come first.
        studies: the resolved studies, whose seeds say which trials are partners.

    Raises:
        TableError: a baseline that is not in the table.
    """
    if baseline is not None and baseline not in set(trials["optimizer"]):
        known = ", ".join(trials["optimizer"].unique())
        raise TableError(f"the baseline {baseline!r} is not in the table, which holds: {known}")
    budgets = comparison_budget(trials, max_budget, budget=budget)
    rows: list[dict[str, Any]] = []
    found = itertools.groupby(fields(trials, metric, studies), key=lambda field: field.workload)
    for workload, own in found:
        rows += _of_workload(list(own), int(budgets.get(workload, 0)), baseline)
    return marked(pd.DataFrame(rows, columns=list(COLUMNS)), trials)


def _of_workload(own: list[Field], k: int, baseline: str | None) -> list[dict[str, Any]]:
    both = list(itertools.combinations(own, 2))
    both = [(b, a) if a.optimizer == baseline else (a, b) for a, b in both]
    both.sort(key=lambda pair: pair[1].optimizer != baseline)
    enough = [k > 0 and min(len(each.sample.errors) for each in pair) >= needed(k) for pair in both]
    tests = {
        place: compare(*partners(*pair), k)
        for place, (pair, judged) in enumerate(zip(both, enough, strict=True))
        if judged
    }
    adjusted, levels = holm([test.p_value() for test in tests.values()])
    decided = {
        place: _decision(test, float(p), float(level))
        for (place, test), p, level in zip(tests.items(), adjusted, levels, strict=True)
    }
    return [
        {
            "workload": a.workload,
            "a": a.optimizer,
            "b": b.optimizer,
            "budget_trials": k,
            "trials_a": len(a.sample.errors),
            "trials_b": len(b.sample.errors),
            "verdict": CANT_TELL,
            **decided.get(place, {}),
        }
        for place, (a, b) in enumerate(both)
    ]


def _decision(test: Paired, p: float, level: float) -> dict[str, Any]:
    low, high = test.interval(level)
    verdict = CANT_TELL if p > LEVEL else BETTER if test.away > 0 else WORSE
    return {"win": test.win, "win_low": low, "win_high": high, "p_adjusted": p, "verdict": verdict}


def judged(frame: pd.DataFrame) -> pd.DataFrame:
    """The pairs that had enough trials."""
    return frame[frame["win"].notna()]


def both_ways(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with every pair seen from either side."""
    turned = frame.rename(
        columns={"a": "b", "b": "a", "trials_a": "trials_b", "trials_b": "trials_a"}
    )
    turned = turned.assign(
        win=1 - frame["win"],
        win_low=1 - frame["win_high"],
        win_high=1 - frame["win_low"],
        verdict=frame["verdict"].replace({BETTER: WORSE, WORSE: BETTER}),
    )
    return pd.concat([frame, turned[list(frame.columns)]], ignore_index=True)


def unbeaten(frame: pd.DataFrame) -> list[str]:
    """Of one workload's pairs, the judged optimizers that are worse than no other, in their order."""
    seen = both_ways(judged(frame))
    worse = set(seen.loc[seen["verdict"] == WORSE, "a"])
    return [name for name in dict.fromkeys(seen["a"]) if name not in worse]


def winner(frame: pd.DataFrame) -> str | None:
    """Of one workload's pairs, the optimizer that is better than every other judged one; None: none."""
    seen = both_ways(judged(frame))
    better = (seen["verdict"] == BETTER).groupby(seen["a"], sort=False).all()
    return next((str(name) for name in better.index if better[name]), None)


def least_and_most(frame: pd.DataFrame) -> tuple[float, float]:
    """The widest reach of the intervals of some pairs, seen from either side: what is not excluded."""
    ends = np.concatenate([frame["win_low"], 1 - frame["win_high"]])
    return float(ends.min()), float(1 - ends.min())
