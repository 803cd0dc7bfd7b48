"""The search space of the next stage: the paper's coarse-to-fine step.

Broad first spaces, then a final one narrowed around the good region, with the optimum away from the
borders. Ranges are narrowed together, to the box of `good_box` (rule *joint*); an end with much of the
selected trials' weight in its outer tenth moves out, as in `borders`, whose suggested range for each axis
by itself is the rule *marginal*: what spaces were found by until November 2026, and blind to axes that
hang together. Choices that hardly any selected trial made (less than a quarter of an even share) go;
words and constants stay.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.analysis import best_of_k
from harness.analysis.borders import WARNING_MASS, borders, moved
from harness.analysis.checking import TableError
from harness.analysis.counting import counted, feasible_alone, finished, values
from harness.analysis.good_box import GOOD, Ends, Expected, box, expected
from harness.analysis.pooling import Studies, select_studies
from harness.analysis.spaces import space_of
from harness.errors import ConfigError, unknown
from harness.study.inclusions import EDGES, Edge, gaps
from harness.study.space import LOG, Axis, Choices, Range, Space

LEAST_TRIALS = 20  # K = N/10 = 2: fewer say nothing of where good trials lie
CHOICE_SHARE = 0.25  # of an even share
JOINT, MARGINAL = RULES = ("joint", "marginal")


class Refined(NamedTuple):
    """A narrowed search space and what it rests on."""

    workload: str
    optimizer: str
    study: str  # pooled ones joined by +
    space: Space
    reasons: dict[str, str]  # by axis; those kept as they were have none
    feasible_trials: int
    trials: int
    best_error: float
    best_trial: int
    budget_trials: int
    rule: str
    warnings: list[str]  # a line for each inclusion that is cut, or could not be looked at


def refine(
    trials: pd.DataFrame,
    studies: Studies,
    workload: str,
    optimizer: str,
    *,
    study: str | None = None,
    pool: bool = False,
    budget_trials: int | None = None,
    rule: str = JOINT,
) -> Refined:
    """The refined search space of one optimizer on one workload.

    Args:
        trials: a checked table that holds the pair's trials.
        studies: the resolved studies, with their search spaces.
        study: which study, where the pair has several.
        pool: whether to take together those that differ in their seeds alone.
        budget_trials: K of the selection weights, and one over the share of the space that counts as good;
            None for a tenth of the feasible trials, and a tenth of the space.
        rule: joint or marginal.

    Raises:
        ConfigError: another rule, no such trials, fewer than 20 feasible ones, several studies, no search space,
            or one without a searched axis.
    """
    if rule not in RULES:
        raise unknown("rule", rule, RULES)
    rows = _pair(feasible_alone(trials), workload, optimizer)
    rows = select_studies(rows, study, studies=studies, pool=pool)
    feasible = counted(rows)
    if len(feasible) < LEAST_TRIALS:
        raise ConfigError(
            f"{workload}/{optimizer} has {len(feasible)} feasible trials of {len(rows)}; refining needs"
            f" {LEAST_TRIALS} or more: run it with a larger num_trials"
        )
    old = space_of(feasible, studies)
    if not old:
        raise ConfigError(
            f"the search space of {workload}/{optimizer} is not known; give the results folder it was"
            " run in, not a CSV"
        )
    found = borders(rows, studies, budget_trials=budget_trials).set_index("axis")
    if found.empty:
        raise ConfigError(
            f"the search space of {workload}/{optimizer} holds every axis constant: there is nothing"
            " to refine; search one, such as lr"
        )
    k = int(found["budget_trials"].iloc[0])
    inner: Mapping[str, Ends] = {}
    if rule == JOINT:
        share = 1 / budget_trials if budget_trials else GOOD
        inner = narrowed_together(expected(rows, of_numbers(old, found), share), found)
    axes = {name: narrowed(axis, found, feasible, k, inner.get(name)) for name, axis in old.items()}
    new = {name: axis for name, (axis, _) in axes.items()}
    best = feasible.loc[feasible["val_error"].idxmin()]
    return Refined(
        workload=workload,
        optimizer=optimizer,
        study="+".join(sorted(set(rows["study"]))),
        space=new,
        reasons={name: reason for name, (_, reason) in axes.items() if reason},
        feasible_trials=len(feasible),
        trials=len(finished(rows)),
        best_error=float(best["val_error"]),
        best_trial=int(best["trial"]),
        budget_trials=k,
        rule=rule,
        warnings=_inclusion_gaps(workload, optimizer, (old, new), trials, studies),
    )


def _pair(trials: pd.DataFrame, workload: str, optimizer: str) -> pd.DataFrame:
    pair = trials[(trials["workload"] == workload) & (trials["optimizer"] == optimizer)]
    if pair.empty:
        known = (trials["workload"] + "/" + trials["optimizer"]).unique()
        raise TableError(
            f"{workload}/{optimizer} has no trials here; there are: {', '.join(known)}"
        )
    return pair


def of_numbers(space: Space, found: pd.DataFrame) -> Space:
    """The axes that a model can be made along: those that `borders` tells of, so none of words."""
    return {name: axis for name, axis in space.items() if name in found.index}


def narrowed_together(
    trials: Expected,
    found: pd.DataFrame,
    *,
    within: Mapping[str, Ends] | None = None,
    holding: Mapping[str, Ends] | None = None,
) -> dict[str, Ends]:
    """The ends of the box, in coordinates, by range; those that will move out are not cut.

    Args:
        found: the rows of `borders` of one optimizer, by axis.
        within, holding: as for `good_box.box`.
    """
    holding = dict(holding or {})
    for axis in trials.axes:
        low, high = holding.get(axis.name, (1.0, 0.0))
        if found.loc[axis.name, "mass_low"] >= WARNING_MASS:
            low = 0.0
        if found.loc[axis.name, "mass_high"] >= WARNING_MASS:
            high = 1.0
        holding[axis.name] = low, high
    ends = box(trials, within=within, holding=holding)
    axes = {axis.name: axis for axis in trials.axes}
    return {name: _coordinates(axes[name], each) for name, each in ends.items()}


def _coordinates(axis: Axis, positions: Ends) -> Ends:
    assert isinstance(axis, Range)
    low, high = axis.coordinate(axis.ends)
    return low + positions[0] * (high - low), low + positions[1] * (high - low)


def narrowed(
    axis: Axis,
    found: pd.DataFrame,
    feasible: pd.DataFrame,
    budget_trials: int,
    inner: Ends | None = None,
) -> tuple[Axis, str]:
    """The new axis and the reason for it.

    Args:
        found: the rows of `borders` of one optimizer, by axis.
        inner: the ends of the box, in coordinates; None for the range that `borders` suggests.
    """
    if axis.name not in found.index:
        return axis, ""
    if isinstance(axis, Choices):
        return _refined_choices(axis, feasible, budget_trials)
    if not isinstance(axis, Range):
        return axis, ""
    row = found.loc[axis.name]
    low, high = float(row["suggested_low"]), float(row["suggested_high"])
    if inner is not None:
        low, high = moved(axis, (row["mass_low"], row["mass_high"]), inner)
    shown = " ".join(f"{row[name]:.2g}" for name in ("p05", "p50", "p95"))
    reason = (
        f"was [{axis.low:g}, {axis.high:g}]; selected 5-50-95%: {shown};"
        f" at the borders: {row['mass_low']:.0%} low, {row['mass_high']:.0%} high"
    )
    if axis.integer:  # outward, to whole numbers
        low, high = math.floor(low), math.ceil(high)
        low = float(max(low, 1) if axis.scale == LOG else low)
        high = float(max(high, low + 1))
    return replace(axis, low=low, high=high), reason


def _refined_choices(
    axis: Choices, feasible: pd.DataFrame, budget_trials: int
) -> tuple[Choices, str]:
    weights = best_of_k.weights(values(feasible, "val_error"), [budget_trials])[0]
    made = feasible[f"hp.{axis.name}"].to_numpy(float)
    shares = {choice: weights[np.isclose(made, choice)].sum() for choice in axis.choices}
    kept = tuple(c for c, share in shares.items() if share >= CHOICE_SHARE / len(shares))
    shown = ", ".join(f"{choice:g} {share:.0%}" for choice, share in shares.items())
    return Choices(axis.name, kept), f"selected: {shown}"


def _inclusion_gaps(
    workload: str,
    optimizer: str,
    spaces: tuple[Space, Space],
    trials: pd.DataFrame,
    studies: Studies,
) -> list[str]:
    """One line for each way in which the new space breaks an inclusion that the old one held."""
    lines = []
    for edge in EDGES:
        if optimizer not in (edge.special, edge.general):
            continue
        other = edge.special if optimizer == edge.general else edge.general
        known = trials[(trials["workload"] == workload) & (trials["optimizer"] == other)]
        other_space = space_of(known, studies)
        inclusion = f"Inclusion {edge.special} ⊆ {edge.general}"
        if not other_space:
            lines.append(f"{inclusion}: not checked, {other} has no study here")
            continue
        before, after = (_gaps(edge, optimizer, own, other_space) for own in spaces)
        held = {gap.split()[0] for gap in before}
        lines += [
            f"{inclusion}: no longer covered, {edge.general}'s {gap}"
            for gap in after
            if gap.split()[0] not in held
        ]
    return lines


def _gaps(edge: Edge, optimizer: str, own: Space, other: Space) -> list[str]:
    return gaps(edge, own, other) if optimizer == edge.special else gaps(edge, other, own)
