"""The second stage of every optimizer at once: one range of effective learning rates, the rest by refining's rule.

The common range is the rule of `borders` on the trials of all optimizers together, each counting as
much in all as any other, so that nobody's learning rates are picked for nobody else. A trial weighs by
its chance of being selected by a search of K = N/4: steady enough where several optimizers vouch for
one range, and measured on the digits' other trials a range of 2.5 decades instead of the 3.2 of K = N/10.
Every other axis is narrowed by the same rule at K = N/10 on the optimizer's own trials, then widened where
an inclusion needs it. A pruned trial counts as worse than all that were not: the best are what a range is
narrowed to, so first stages may be pruned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.analysis import best_of_k
from harness.analysis.borders import OUTER, TRIALS_PER_BUDGET, borders, suggested_range
from harness.analysis.counting import counted, feasible_alone, values
from harness.analysis.pooling import Studies
from harness.analysis.refining import LEAST_TRIALS, narrowed
from harness.analysis.spaces import space_of
from harness.errors import ConfigError
from harness.study.inclusions import EDGES, Edge, needs
from harness.study.parametrisation import EFFECTIVE_LR, split
from harness.study.result import COMPLETE, PRUNED
from harness.study.space import Axis, Range, Space

TRIALS_PER_COMMON_BUDGET = 4  # K = N/4


class SecondStage(NamedTuple):
    """One optimizer's space, with what it rests on."""

    optimizer: str
    study: str
    space: Space
    reasons: dict[str, str]  # by axis
    feasible_trials: int
    trials: int
    pruned_trials: int
    best_error: float
    budget_trials: int


def second_stage(
    trials: pd.DataFrame, studies: Studies, axes: Mapping[str, Sequence[str]]
) -> list[SecondStage]:
    """The spaces of the second stage, in the order of ``axes``.

    Args:
        trials: a checked table of one workload, one study an optimizer.
        studies: the resolved studies, with their search spaces.
        axes: of each optimizer those to narrow; not those of the schedule.

    Raises:
        ConfigError: an optimizer with fewer than 20 feasible trials.
    """
    trials = _pruned_as_worst(feasible_alone(trials))
    rows = {name: trials[trials["optimizer"] == name] for name in axes}
    for name, own in rows.items():
        if len(counted(own)) < LEAST_TRIALS:
            raise ConfigError(
                f"{name} has {len(counted(own))} feasible trials of {len(own)} in the first stage;"
                f" narrowing needs {LEAST_TRIALS} or more: give a larger num_trials="
            )
    common = _common_range(rows, studies)
    found = [_second(name, rows[name], studies, [*axes[name]], common) for name in axes]
    return _covering(found)


def _pruned_as_worst(trials: pd.DataFrame) -> pd.DataFrame:
    pruned = trials["status"] == PRUNED
    return trials.assign(
        status=trials["status"].mask(pruned, COMPLETE),
        val_error=trials["val_error"].mask(pruned, np.inf),
    )


def _second(
    name: str,
    rows: pd.DataFrame,
    studies: Studies,
    axes: Sequence[str],
    common: tuple[Range, str] | None,
) -> SecondStage:
    feasible = counted(rows)
    old = space_of(rows, studies)
    table = borders(rows, studies).set_index("axis")
    k = _budget(feasible)
    space: Space = {}
    reasons = {}
    for axis in axes:
        if split(axis)[1] == EFFECTIVE_LR and common:
            space[axis] = Range(axis, common[0].low, common[0].high)
            reasons[axis] = common[1]
        else:
            space[axis], reason = narrowed(old[axis], table, feasible, k)
            if reason:
                reasons[axis] = reason
    return SecondStage(
        optimizer=name,
        study="+".join(sorted(set(rows["study"]))),
        space=space,
        reasons=reasons,
        feasible_trials=len(feasible),
        trials=len(rows),
        pruned_trials=int(np.isinf(feasible["val_error"]).sum()),  # a complete one's is finite
        best_error=float(feasible["val_error"].min()),
        budget_trials=k,
    )


def _budget(feasible: pd.DataFrame) -> int:
    return max(1, len(feasible) // TRIALS_PER_BUDGET)


def _common_range(rows: Mapping[str, pd.DataFrame], studies: Studies) -> tuple[Range, str] | None:
    """The range of effective rates for all, and the reason; None where nobody has such an axis."""
    parts, axis = [], None
    for own in rows.values():
        feasible, space = counted(own), space_of(own, studies)
        k = max(1, len(feasible) // TRIALS_PER_COMMON_BUDGET)
        weights = best_of_k.weights(values(feasible, "val_error"), [k])[0]
        named = [name for name in space if split(name)[1] == EFFECTIVE_LR]
        for name in named:
            known = space[name]
            if isinstance(known, Range):
                axis = known if axis is None else axis
                rates = feasible[f"hp.{name}"].to_numpy(float)
                parts.append((rates, weights / len(named)))
    if axis is None:
        return None
    rates = np.concatenate([each for each, _ in parts])
    weights = np.concatenate([each for _, each in parts])[None] / len(parts)
    position = axis.position(rates)
    masses = [best_of_k.mean(weights, at)[0] for at in (position <= OUTER, position >= 1 - OUTER)]
    p05, p50, p95 = best_of_k.quantiles(weights / weights.sum(), rates)[:, 0]
    low, high = suggested_range(axis, (masses[0], masses[1]), (p05, p95))
    reason = (
        f"one range for all of {', '.join(rows)}; was [{axis.low:g}, {axis.high:g}]; selected"
        f" at K = N/{TRIALS_PER_COMMON_BUDGET} 5-50-95% of all: {p05:.2g} {p50:.2g} {p95:.2g}"
    )
    return Range(axis.name, low, high), reason


def _covering(stages: Sequence[SecondStage]) -> list[SecondStage]:
    """The same, each general optimizer's axes widened to what its inclusions need."""
    found = {each.optimizer: each for each in stages}
    for edge in EDGES:
        if edge.special in found and edge.general in found:
            found[edge.general] = _widened(edge, found[edge.special].space, found[edge.general])
    return list(found.values())


def _widened(edge: Edge, special: Space, general: SecondStage) -> SecondStage:
    asked = needs(edge, special, general.space)
    ranges = dict(asked.ranges)
    for name, least in asked.least.items():
        low, high = ranges.get(name, (least, least))
        ranges[name] = (low, max(high, least))
    space: dict[str, Axis] = dict(general.space)
    reasons = dict(general.reasons)
    for name, (low, high) in ranges.items():
        axis = space.get(name)
        if isinstance(axis, Range) and not (axis.low <= low and high <= axis.high):
            space[name] = Range(name, min(axis.low, low), max(axis.high, high), axis.scale)
            held = f"widened to hold {edge.special} ({edge.how})"
            reasons[name] = f"{reasons[name]}; {held}" if name in reasons else held
    return general._replace(space=space, reasons=reasons)
