"""Learning curves of the trials that tuning selects: the best one, and the spread over tuning runs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.analysis import best_of_k
from harness.analysis.cells import PAIR, cells, comparison_budget, drawn, evaluated_once
from harness.analysis.checking import TableError
from harness.analysis.counting import counted, feasible_alone, values
from harness.analysis.pooling import groups
from harness.analysis.targets import with_spent
from harness.study.result import IDENTITY, STEPS

COLUMNS = (
    "workload", "optimizer", "budget_trials", "step", "best", "p05", "p50", "p95", "spent",
)  # fmt: skip


def learning_curves(
    trials: pd.DataFrame,
    curves: pd.DataFrame | None,
    *,
    max_budget: int | None = None,
    budget: int | None = None,
    against: str = STEPS,
) -> pd.DataFrame:
    """Per workload, optimizer and step: the best trial's validation error, and quantiles over tuning runs.

    The quantiles are those of the curve of the trial that K feasible trials select (by their final
    validation error), K that of `cells.comparison_budget`. ``spent`` is the step, or where it is
    ``against`` gradients or seconds, what the optimizer's middle trial has spent of them there.

    Raises:
        TableError: there are no learning curves, or of one evaluation each.
    """
    if curves is None:
        raise TableError("learning curves are not in a CSV; give the results folder")
    if evaluated_once(curves):
        raise TableError("every trial was evaluated once only, at its end")
    trials = feasible_alone(trials)
    budgets = comparison_budget(trials, max_budget, budget=budget)
    kept = curves.merge(counted(trials)[list(IDENTITY)], on=list(IDENTITY))
    spent = dict(iter(with_spent(kept, trials).groupby(PAIR)))
    parts = []
    for group in groups(trials):
        rows = counted(group.trials)
        if (group.workload, group.optimizer) not in spent:
            continue
        own = spent[group.workload, group.optimizer]
        at_step = _by_step(own)
        if at_step.empty:
            continue
        rows = rows.set_index(["study", "trial"]).loc[at_step.index].reset_index()
        errors = values(rows, "val_error")
        k = min(int(budgets[group.workload]), len(errors))
        w = best_of_k.weights(errors, [k], replacement=False)
        spread = [best_of_k.quantiles(w, at_step[step].to_numpy())[:, 0] for step in at_step]
        names = {"workload": group.workload, "optimizer": group.optimizer, "budget_trials": k}
        best = at_step.iloc[int(np.argmin(errors))].to_numpy()
        part = pd.DataFrame(names | {"step": at_step.columns, "best": best}).join(
            pd.DataFrame(spread, columns=["p05", "p50", "p95"])
        )
        parts.append(part.assign(spent=part["step"].map(own.groupby("step")[against].median())))
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    frame = cells(trials).merge(found, how="left", on=PAIR)
    without = (frame["missing"] == "") & frame["step"].isna()
    frame = frame.assign(missing=frame["missing"].mask(without, "no curves"))
    return frame.assign(metric="val_error", against=against)


def of_workloads_with_curves(
    trials: pd.DataFrame,
    curves: pd.DataFrame | None,
    *,
    max_budget: int | None = None,
    budget: int | None = None,
    against: str = STEPS,
) -> pd.DataFrame:
    """The learning curves of those workloads that have any, what there is to draw; empty for none."""
    if curves is not None:
        evaluations = curves.groupby("workload")["step"].nunique()
        several = evaluations[evaluations > 1].index
        rows, evaluated = (t[t["workload"].isin(several)] for t in (trials, curves))
        if len(rows):
            found = learning_curves(
                rows, evaluated, max_budget=max_budget, budget=budget, against=against
            )
            return drawn(found).reset_index(drop=True)
    return pd.DataFrame(columns=list(COLUMNS))


def _by_step(curves: pd.DataFrame) -> pd.DataFrame:
    """Errors as ``[trials, steps]``; a step that a trial was not evaluated at takes its last value."""
    wide = curves.pivot_table(
        index=["study", "trial"], columns="step", values="val_error", sort=True
    )
    return wide.ffill(axis=1).bfill(axis=1)
