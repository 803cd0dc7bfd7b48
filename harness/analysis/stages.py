"""The second stage of every optimizer at once: one range of effective learning rates, the rest by refining's rule.

The common range is that which holds the good learning rates of all optimizers together, each counting as
much in all as any other, so that nobody's learning rates are picked for nobody else: the 5th to 95th
percentile of the good chance (`good_box`) of all. Within it every optimizer's other axes are narrowed
together by the same rule as by `refining`, to no less than what an inclusion of the narrowed spaces
needs. A pruned trial counts as worse than all that were not: the best are what a space is narrowed to, so first
stages may be pruned.

The rule *marginal*, by which the committed spaces were found, takes each axis by itself: the rule of
`borders` at K = N/10 on the optimizer's own trials, then widened where an inclusion needs it; for the common
range at K = N/4 on all trials, steady enough where several optimizers vouch for one range, and measured on
the digits' other trials a range of 2.5 decades instead of the 3.2 of K = N/10.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import best_of_k
from harness.analysis.borders import MARGIN, OUTER, TRIALS_PER_BUDGET, borders, suggested_range
from harness.analysis.counting import counted, feasible_alone, values
from harness.analysis.good_box import Ends, Expected, expected
from harness.analysis.pooling import Studies
from harness.analysis.refining import (
    JOINT,
    LEAST_TRIALS,
    RULES,
    narrowed,
    narrowed_together,
    of_numbers,
)
from harness.analysis.spaces import space_of
from harness.errors import ConfigError, unknown
from harness.study.inclusions import EDGES, Edge, needs
from harness.study.parametrisation import EFFECTIVE_LR, split
from harness.study.result import COMPLETE, PRUNED
from harness.study.space import Axis, Range, Space

Array = NDArray[np.float64]

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


class _First(NamedTuple):
    """One optimizer's first stage."""

    name: str
    rows: pd.DataFrame
    feasible: pd.DataFrame
    space: Space
    borders: pd.DataFrame  # by axis
    good: Expected | None  # None for the rule that takes each axis by itself


def second_stage(
    trials: pd.DataFrame,
    studies: Studies,
    axes: Mapping[str, Sequence[str]],
    *,
    rule: str = JOINT,
) -> list[SecondStage]:
    """The spaces of the second stage, in the order of ``axes``.

    Args:
        trials: a checked table of one workload, one study an optimizer.
        studies: the resolved studies, with their search spaces.
        axes: of each optimizer those to narrow; not those of the schedule.
        rule: joint or marginal.

    Raises:
        ConfigError: another rule, or an optimizer with fewer than 20 feasible trials.
    """
    if rule not in RULES:
        raise unknown("rule", rule, RULES)
    trials = _pruned_as_worst(feasible_alone(trials))
    firsts = {
        name: _first(name, trials[trials["optimizer"] == name], studies, rule) for name in axes
    }
    common = _common_range([*firsts.values()])
    found: dict[str, SecondStage] = {}
    for name in sorted(axes, key=functools.partial(_generality, among=axes)):
        found[name] = _second(firsts[name], axes[name], common, found)
    return _covering([found[name] for name in axes])


def _first(name: str, rows: pd.DataFrame, studies: Studies, rule: str) -> _First:
    feasible = counted(rows)
    if len(feasible) < LEAST_TRIALS:
        raise ConfigError(
            f"{name} has {len(feasible)} feasible trials of {len(rows)} in the first stage;"
            f" narrowing needs {LEAST_TRIALS} or more: give a larger num_trials="
        )
    space, found = space_of(rows, studies), borders(rows, studies).set_index("axis")
    good = expected(rows, of_numbers(space, found)) if rule == JOINT else None
    return _First(name, rows, feasible, space, found, good)


def _generality(name: str, among: Iterable[str]) -> int:
    """0 for an optimizer that includes none of these, more for one that includes them."""
    specials = [edge.special for edge in EDGES if edge.general == name and edge.special in among]
    return max((1 + _generality(special, among) for special in specials), default=0)


def _pruned_as_worst(trials: pd.DataFrame) -> pd.DataFrame:
    pruned = trials["status"] == PRUNED
    return trials.assign(
        status=trials["status"].mask(pruned, COMPLETE),
        val_error=trials["val_error"].mask(pruned, np.inf),
    )


def _second(
    first: _First,
    axes: Sequence[str],
    common: tuple[Range, str] | None,
    specials: Mapping[str, SecondStage],
) -> SecondStage:
    rows, feasible, old = first.rows, first.feasible, first.space
    k = _budget(feasible)
    rates = {axis: common for axis in axes if split(axis)[1] == EFFECTIVE_LR and common is not None}
    inner: Mapping[str, Ends] = {}
    if first.good is not None:
        settled = {axis.name: (0.0, 1.0) for axis in first.good.axes if axis.name not in axes}
        settled |= {axis: _positions(old[axis], range_.ends) for axis, (range_, _) in rates.items()}
        inner = narrowed_together(
            first.good, first.borders, within=settled, holding=_held(first, specials)
        )
    space: Space = {}
    reasons = {}
    for axis in axes:
        if axis in rates:
            space[axis] = Range(axis, *rates[axis][0].ends)
            reasons[axis] = rates[axis][1]
        else:
            space[axis], reason = narrowed(old[axis], first.borders, feasible, k, inner.get(axis))
            if reason:
                reasons[axis] = reason
    return SecondStage(
        optimizer=first.name,
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


def _positions(axis: Axis, ends: Ends) -> Ends:
    """From 0 to 1 along a range, no further out."""
    assert isinstance(axis, Range)
    low, high = np.clip(axis.position(ends), 0.0, 1.0)
    return float(low), float(high)


def _held(first: _First, specials: Mapping[str, SecondStage]) -> dict[str, Ends]:
    """What the inclusions of the narrowed spaces need of this one, in positions along its ranges."""
    held: dict[str, Ends] = {}
    for edge in EDGES:
        if edge.general == first.name and edge.special in specials:
            needed = _needed(edge, specials[edge.special].space, first.space)
            for name, ends in needed.items():
                if isinstance(first.space.get(name), Range):
                    low, high = _positions(first.space[name], ends)
                    known = held.get(name, (low, high))
                    held[name] = min(low, known[0]), max(high, known[1])
    return held


def _common_range(firsts: Sequence[_First]) -> tuple[Range, str] | None:
    """The range of effective rates for all, and the reason; None where nobody has such an axis."""
    parts: list[tuple[Array, Array]] = []  # rates, weights: of the trials
    good: list[tuple[Array, Array]] = []  # of where the best are expected
    axis = None
    for first in firsts:
        k = max(1, len(first.feasible) // TRIALS_PER_COMMON_BUDGET)
        weights = best_of_k.weights(values(first.feasible, "val_error"), [k])[0]
        named = [name for name in first.space if split(name)[1] == EFFECTIVE_LR]
        for name in named:
            known = first.space[name]
            if isinstance(known, Range):
                axis = known if axis is None else axis
                rates = first.feasible[f"hp.{name}"].to_numpy(float)
                parts.append((rates, weights / len(named)))
                if first.good is not None:
                    good.append((first.good.values(name), first.good.chance / len(named)))
    if axis is None:
        return None
    rates, weights = _together(parts)
    position = axis.position(rates)
    masses = [best_of_k.mean(weights, at)[0] for at in (position <= OUTER, position >= 1 - OUTER)]
    told = f"selected at K = N/{TRIALS_PER_COMMON_BUDGET}"
    if good:
        (rates, weights), told = _together(good), "the best expected"
    p05, p50, p95 = best_of_k.quantiles(weights, rates)[:, 0]
    further = 0.0 if good else MARGIN
    low, high = suggested_range(axis, (masses[0], masses[1]), (p05, p95), further)
    reason = (
        f"one range for all of {', '.join(first.name for first in firsts)}; was [{axis.low:g},"
        f" {axis.high:g}]; {told} 5-50-95% of all: {p05:.2g} {p50:.2g} {p95:.2g}"
    )
    return Range(axis.name, low, high), reason


def _together(parts: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Values ``[all]`` and their weights ``[1, all]``, which add up to 1."""
    weights = np.concatenate([weights for _, weights in parts])[None]
    return np.concatenate([values for values, _ in parts]), weights / weights.sum()


def _covering(stages: Sequence[SecondStage]) -> list[SecondStage]:
    """The same, each general optimizer's axes widened to what its inclusions need."""
    found = {each.optimizer: each for each in stages}
    for edge in EDGES:
        if edge.special in found and edge.general in found:
            found[edge.general] = _widened(edge, found[edge.special].space, found[edge.general])
    return list(found.values())


def _needed(edge: Edge, special: Space, general: Space) -> dict[str, Ends]:
    asked = needs(edge, special, general)
    ranges = dict(asked.ranges)
    for name, least in asked.least.items():
        low, high = ranges.get(name, (least, least))
        ranges[name] = (low, max(high, least))
    return ranges


def _widened(edge: Edge, special: Space, general: SecondStage) -> SecondStage:
    space: dict[str, Axis] = dict(general.space)
    reasons = dict(general.reasons)
    for name, (low, high) in _needed(edge, special, general.space).items():
        axis = space.get(name)
        if isinstance(axis, Range) and not (axis.low <= low and high <= axis.high):
            space[name] = Range(name, min(axis.low, low), max(axis.high, high), axis.scale)
            held = f"widened to hold {edge.special} ({edge.how})"
            reasons[name] = f"{reasons[name]}; {held}" if name in reasons else held
    return general._replace(space=space, reasons=reasons)
