"""Figures 2 and 10: the steps until a target error is reached, from the learning curves.

Steps between evaluations are unseen, so the step of the first evaluation at or under the target is
an upper bound, as fine as ``eval_every``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from harness.analysis.cells import PAIR, cells, comparison_budget, evaluated_once
from harness.analysis.checking import TableError
from harness.analysis.counting import feasible_alone
from harness.analysis.pooling import Studies
from harness.analysis.selected import at_budget
from harness.analysis.tuning_curves import TO_TARGET, tuning_curves
from harness.study.result import COMPLETE, GRADIENTS, IDENTITY, SECONDS, STEPS

TO = {STEPS: "steps_to_target", GRADIENTS: "gradients_to_target", SECONDS: "seconds_to_target"}
"""By what is spent, the column that says how much of it a target takes."""
TARGET_FACTORS = (0.5, 0.75, 1.0, 1.25, 1.5)
STEP_SHARES = (1.0, 0.5, 0.25)
NEVER = "target never reached"
UNSEEN = "not evaluated so early"


def with_spent(curves: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """The curves with what was spent up to each row: ``gradients`` and ``seconds``.

    A step is one gradient where the record counts none. Seconds are those in steps, of evaluations and
    start-up nothing; where an older record has not measured them, the trial's training seconds
    (evaluations included) shared evenly among its steps.
    """
    each = curves.merge(
        trials[[*IDENTITY, "steps", "train_seconds"]], how="left", on=list(IDENTITY)
    )
    each.index = curves.index
    shared = each["step"] / each["steps"] * each["train_seconds"]
    absent = pd.Series(np.nan, index=curves.index)
    return curves.assign(
        gradients=curves.get(GRADIENTS, absent).astype(float).fillna(curves["step"]),
        seconds=curves.get(SECONDS, absent).astype(float).fillna(shared),
    )


def with_steps_to_target(
    trials: pd.DataFrame,
    curves: pd.DataFrame,
    target: float,
    *,
    most: float | None = None,
    against: str = STEPS,
) -> pd.DataFrame:
    """The trials with ``steps_to_target``, ``gradients_to_target`` and ``seconds_to_target``.

    What was spent at the first evaluation at which the validation error is at or under the target
    (`with_spent`); infinite in a trial that never gets there, or not within ``most``.

    Args:
        trials: a checked table.
        curves: one row an evaluation.
        target: such as 0.066.
        most: of what ``against`` names.

    Raises:
        TableError: a complete trial that has no curve.
    """
    curves = with_spent(curves, trials)
    evaluated = curves if most is None else curves[curves[against] <= most]
    reached = evaluated[evaluated["val_error"] <= target]
    keys = list(IDENTITY)
    spent = reached.groupby(keys, sort=False)[list(TO)].min().rename(columns=TO)
    trials = trials.drop(columns=list(TO_TARGET), errors="ignore").join(spent, on=keys)
    known = pd.MultiIndex.from_frame(curves[keys].drop_duplicates())
    complete = trials[trials["status"] == COMPLETE]
    unknown = complete[~pd.MultiIndex.from_frame(complete[keys]).isin(known)]
    if len(unknown):
        trial = unknown.iloc[0]
        raise TableError(
            f"{trial['workload']}/{trial['optimizer']} trial {trial['trial']} has no learning curve,"
            " so its steps to a target are unknown; read the curves of the same results folder"
        )
    never = trials[TO[STEPS]].isna()
    for column in TO.values():
        trials[column] = trials[column].astype(float).mask(never, np.inf)
    return trials


def timed(trials: pd.DataFrame, curves: pd.DataFrame, target: pd.Series) -> pd.DataFrame:
    """`with_steps_to_target`, each workload to its own target."""
    parts = []
    for workload, error in target.items():
        rows, evaluated = (t[t["workload"] == workload] for t in (trials, curves))
        parts.append(with_steps_to_target(rows, evaluated, float(error)))
    without = trials[~trials["workload"].isin(target.index)]  # no feasible trial
    return pd.concat([*parts, without]).sort_index()


def targets(
    trials: pd.DataFrame,
    studies: Studies | None = None,
    target: float | None = None,
    *,
    max_budget: int | None = None,
) -> pd.Series:
    """The target error of each workload: as given, else its own, else one that all reach half the time.

    A workload's own target is taken where any trial ends at or under it. Otherwise it is the largest
    median best-of-K over the optimizers' feasible trials, rounded up to two digits: a tuning run of
    every optimizer reaches it with a chance of a half or more.
    """
    trials = feasible_alone(trials)
    found = {}
    for workload, budget in comparison_budget(trials, max_budget).items():
        on_workload = trials[trials["workload"] == workload]
        own = _own_target(on_workload, studies or {})
        if target is not None:
            found[workload] = target
        elif own and on_workload["val_error"].min() <= own:
            found[workload] = own
        else:
            medians = tuning_curves(on_workload, budgets=[int(budget)])["p50"]
            found[workload] = _rounded_up(medians.max())
    return pd.Series(found, dtype=float)


def _own_target(rows: pd.DataFrame, studies: Studies) -> float | None:
    """What a workload's studies say, the first of them that says so."""
    nodes = (studies[name].config for name in studies if name in set(rows["study"]))
    own = (node.get("workload", {}).get("target_error") for node in nodes)
    return next((float(target) for target in own if target), None)


def _rounded_up(value: float) -> float:
    """To two significant digits.

    >>> _rounded_up(0.0612)
    0.062
    """
    unit = 10.0 ** (np.floor(np.log10(value)) - 1) if value > 0 else 1.0
    return float(f"{np.ceil(round(value / unit, 9)) * unit:.2g}")


def steps_to_target(
    trials: pd.DataFrame,
    curves: pd.DataFrame | None,
    target: pd.Series,
    *,
    max_budget: int | None = None,
    step_share: float = 1.0,
    against: str = STEPS,
) -> pd.DataFrame:
    """Figure 2: as `selected.errors`, of the steps until each workload's target is reached.

    Selection is by those steps. ``share_reached`` is the share of tuning runs that reach the target
    at all; the mean is over them. Only the first ``step_share`` of each workload's steps count.
    ``against`` gradients or seconds, those take the place of steps, of which the costliest trial has
    all.

    Raises:
        TableError: there are no learning curves, or of one evaluation each.
    """
    if curves is None:
        raise TableError("steps to a target need learning curves; give a results folder, not a CSV")
    if evaluated_once(curves):
        raise TableError("every trial was evaluated once only, so steps to a target tell nothing")
    parts, column = [], TO[against]
    spent = with_spent(curves, trials)
    for workload, error in target.items():
        on_workload, evaluated = (t[t["workload"] == workload] for t in (trials, spent))
        limit = evaluated[against].max() * step_share
        reaching = with_steps_to_target(
            on_workload, evaluated, float(error), most=limit, against=against
        )
        part = at_budget(reaching, on_workload, column, column, max_budget)
        parts.append(part.assign(target=error, max_steps=limit))
    frame = pd.concat([*parts, _unrun(trials, parts, column)], ignore_index=True)
    frame = frame.assign(select_by=column, against=against)
    never = (frame["missing"] == "") & (frame["share_reached"] == 0)
    first = frame["workload"].map(spent.groupby("workload")[against].min())
    frame["first_step"] = first
    unseen = pd.Series(np.where(frame["max_steps"] < first, UNSEEN, NEVER), index=frame.index)
    frame["missing"] = frame["missing"].where(~never, unseen)
    return frame


def _unrun(trials: pd.DataFrame, parts: Sequence[pd.DataFrame], column: str) -> pd.DataFrame:
    """Cells of optimizers that other workloads have."""
    frame = cells(trials).assign(metric=column)
    here = pd.MultiIndex.from_frame(
        pd.concat([part[PAIR] for part in parts]) if parts else frame[PAIR][:0]
    )
    return frame[~pd.MultiIndex.from_frame(frame[PAIR]).isin(here)]


def targets_and_budgets(
    trials: pd.DataFrame,
    curves: pd.DataFrame | None,
    target: pd.Series,
    *,
    max_budget: int | None = None,
    against: str = STEPS,
) -> pd.DataFrame:
    """Figure 10: `steps_to_target` for several targets and all, half, a quarter of the steps.

    Besides the target itself those half as high to half higher again that tell something: on each
    workload some trial ends at or under them, and half of all feasible trials do not.
    """
    feasible = trials[trials["status"] == COMPLETE].groupby("workload")["val_error"]
    hard, easy = (each.reindex(target.index) for each in (feasible.min(), feasible.median()))
    parts = []
    for factor in TARGET_FACTORS:
        aim = target * factor
        aim = aim[((hard <= aim) & (aim < easy)) | (factor == 1.0)]
        here, seen = (
            t if t is None else t[t["workload"].isin(aim.index)] for t in (trials, curves)
        )
        for share in STEP_SHARES if len(aim) or factor == 1.0 else ():
            part = steps_to_target(
                here, seen, aim, max_budget=max_budget, step_share=share, against=against
            )
            parts.append(part.assign(target_factor=factor, step_share=share))
    return pd.concat(parts, ignore_index=True)
