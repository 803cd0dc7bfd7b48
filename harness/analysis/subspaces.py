"""Does a comparison hold on parts of the search spaces? The trials at hand, on narrower spaces.

A trial drawn uniformly from a box is a uniform draw from any part of it that it lies in, so narrower
spaces need no new trials. Each variant narrows every optimizer's space in the same way:

`AXIS halved`
    the half of the axis around the selected trials' median (of choices, the half of them chosen most),
    for each optimizer that searches it; the others' stay.
`schedule fixed`
    the half of the trials whose schedule lies nearest to the selected trials' median.
`lr only`
    the quarter of the trials whose axes, but for the learning rate, lie nearest to it.

`one range of effective lr`
    the trials whose effective learning rate (`EFFECTIVE`, where the table has that column) lies in one
    range for all: from the 5th to the 95th percentile of the selected trials of all optimizers
    together, each counting as much.

Selected trials are weighted as in `borders`, K = N/10. The regions are chosen by the trials that they
are then judged by, so that every narrowed space looks a little better than new trials would show it; for
all optimizers alike.

A pair is judged in each variant at one fixed K, as in `pairs`: by the paired test, adjusted for all pairs of
the variant, where both have five times K trials and 40 at least.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import best_of_k, pairs
from harness.analysis.borders import TRIALS_PER_BUDGET
from harness.analysis.counting import centre, counted, marked, values
from harness.analysis.names import name
from harness.analysis.pooling import Studies, groups
from harness.analysis.spaces import observed, searched, space_of
from harness.study.parametrisation import SCHEDULE_AXES, label, meaning, split
from harness.study.space import Axis, Range

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

BUDGET = 4
AS_RUN, SCHEDULE, LR_ONLY = "as run", "schedule fixed", "lr only"
ONE_RANGE = "one range of effective lr"
EFFECTIVE = "effective_lr"
MEAN_COLUMNS = ("workload", "variant", "optimizer", "trials", "budget_trials", "mean", "p05", "p95", "rank")  # fmt: skip
PAIR_COLUMNS = ("variant", *pairs.COLUMNS)
HELD_COLUMNS = ("workload", "a", "b", "as_run", "variants", "same", "level_in", "reversed_in", "holds")  # fmt: skip


class Searched(NamedTuple):
    """One optimizer's counted trials: their errors, and where they lie on each axis, 0 to 1."""

    optimizer: str
    rows: pd.Index  # of the table, [trials]
    errors: Array  # [trials]
    positions: dict[str, Array]  # by axis, [trials]
    choices: frozenset[str]  # of the axes, lists of choices
    weights: Array  # [trials], the chance of being selected
    effective: Array | None = None  # [trials], log10 of the effective learning rate


def variants(found: Sequence[Searched]) -> dict[str, list[Mask]]:
    """The trials of each optimizer that each variant keeps, by the variant's name."""
    kept: dict[str, list[Mask]] = {AS_RUN: [np.ones(len(own.errors), bool) for own in found]}
    meanings = dict.fromkeys(meaning(axis) for own in found for axis in own.positions)
    for each in meanings:
        if split(each)[1] not in SCHEDULE_AXES:
            kept[f"{label(each)} halved"] = [_halved(own, each) for own in found]
    schedule = [[a for a in own.positions if split(a)[1] in SCHEDULE_AXES] for own in found]
    if any(schedule):
        kept[SCHEDULE] = [_nearest(own, axes, 2) for own, axes in zip(found, schedule, strict=True)]
    others = [[a for a in own.positions if split(meaning(a))[1] != "lr"] for own in found]
    if any(others):
        kept[LR_ONLY] = [_nearest(own, axes, 4) for own, axes in zip(found, others, strict=True)]
    rates = [own.effective for own in found if own.effective is not None]
    if len(rates) == len(found):
        weights = np.concatenate([own.weights for own in found])[None] / len(found)
        low, high = best_of_k.quantiles(weights, np.concatenate(rates), [0.05, 0.95])[:, 0]
        kept[ONE_RANGE] = [(low <= each) & (each <= high) for each in rates]
    return kept


def _halved(own: Searched, of: str) -> Mask:
    """Trials in the good half of the axis that sets this hyperparameter; all where it has none."""
    axis = next((axis for axis in own.positions if meaning(axis) == of), None)
    if axis is None:
        return np.ones(len(own.errors), bool)
    x = own.positions[axis]
    if axis in own.choices:
        return _half_of_the_choices(x, own.weights)
    middle = float(np.clip(_median(x, own.weights), 0.25, 0.75))
    return np.abs(x - middle) <= 0.25


def _half_of_the_choices(x: Array, weights: Array) -> Mask:
    made = np.unique(x)
    shares = np.array([weights[x == choice].sum() for choice in made])
    kept = made[np.argsort(-shares, kind="stable")[: -(-len(made) // 2)]]
    return np.isin(x, kept)


def _nearest(own: Searched, axes: Sequence[str], part: int) -> Mask:
    """The ``1/part`` of the trials nearest to the selected ones' median on these axes."""
    if not axes:
        return np.ones(len(own.errors), bool)
    away = sum(
        (own.positions[axis] - _median(own.positions[axis], own.weights)) ** 2 for axis in axes
    )
    kept = np.zeros(len(own.errors), bool)
    kept[np.argsort(away, kind="stable")[: -(-len(kept) // part)]] = True
    return kept


def _median(x: Array, weights: Array) -> float:
    return float(best_of_k.quantiles(weights[None], x, [0.5])[0, 0])


# --- tables -----------------------------------------------------------------------------------


class Sensitivity(NamedTuple):
    """How optimizers rank in each variant, how each pair does, and which pairs hold."""

    means: pd.DataFrame
    pairs: pd.DataFrame
    held: pd.DataFrame


def sensitivity(
    trials: pd.DataFrame,
    studies: Studies | None = None,
    *,
    budget_trials: int = BUDGET,
) -> Sensitivity:
    """All three tables, for every workload.

    Args:
        trials: a checked table, one study per workload and optimizer.
        budget_trials: K, the same in all variants.

    A pair ``holds`` where every variant says the ``same`` as the spaces as run, and something; ``level_in``
    names those in which neither is better, ``reversed_in`` those of the opposite.
    """
    means: list[dict[str, object]] = []
    decided = []
    for workload, part in trials.groupby("workload", sort=False):
        found = list(_searched(part, studies or {}))
        for variant, masks in variants(found).items():
            kept = list(zip(found, masks, strict=True))
            names = {"workload": workload, "variant": variant, "budget_trials": budget_trials}
            errors = {own.optimizer: own.errors[mask] for own, mask in kept}
            means += [names | row for row in _ranked(errors, budget_trials, centre(trials))]
            rows = [index for own, mask in kept for index in own.rows[mask]]
            judged = pairs.pairs(part.loc[rows], budget=budget_trials, studies=studies)
            decided.append(judged.assign(variant=variant))
    both = pd.concat(decided, ignore_index=True)[list(PAIR_COLUMNS)]
    return Sensitivity(
        marked(pd.DataFrame(means, columns=list(MEAN_COLUMNS)), trials),
        marked(both, trials),
        marked(_held(both), trials),
    )


def _searched(trials: pd.DataFrame, studies: Studies) -> Iterator[Searched]:
    for group in groups(trials):
        rows = counted(group.trials)
        if rows.empty:
            continue
        space, errors = space_of(rows, studies), values(rows, "val_error")
        axes: dict[str, Axis] = {}
        positions = {}
        for each, column in searched(rows).items():
            axis = axes[each] = space.get(each) or observed(each, column)
            positions[each] = axis.position(column) if isinstance(axis, Range) else _place(column)
        k = max(1, len(rows) // TRIALS_PER_BUDGET)
        yield Searched(
            group.optimizer,
            rows.index,
            errors,
            positions,
            frozenset(each for each, axis in axes.items() if not isinstance(axis, Range)),
            best_of_k.weights(errors, [k])[0],
            _effective(rows),
        )


def _effective(rows: pd.DataFrame) -> Array | None:
    if EFFECTIVE not in rows or rows[EFFECTIVE].isna().any():
        return None
    return np.log10(rows[EFFECTIVE].to_numpy(float))


def _place(column: Array) -> Array:
    """Choices evenly from 0 to 1."""
    made, which = np.unique(column, return_inverse=True)
    return np.asarray(which / max(1, len(made) - 1), dtype=float)


def _ranked(kept: dict[str, Array], budget: int, middle: str) -> list[dict[str, object]]:
    curves = {
        each: best_of_k.without_replacement(errors, [min(budget, len(errors))])
        for each, errors in kept.items()
        if len(errors)
    }
    means = pd.Series({each: getattr(curve, middle)[0] for each, curve in curves.items()})
    ranks = means.rank(method="min").astype(int)
    return [
        {
            "optimizer": each,
            "trials": len(kept[each]),
            "mean": means[each],
            "p05": curve.p05[0],
            "p95": curve.p95[0],
            "rank": ranks[each],
        }
        for each, curve in curves.items()
    ]


def _held(both: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (workload, a, b), part in both.groupby(["workload", "a", "b"], sort=False):
        by_variant = part.set_index("variant")["verdict"]
        as_run = by_variant[AS_RUN]
        parts = by_variant.drop(AS_RUN)
        opposite = parts[(parts != pairs.CANT_TELL) & (parts != as_run)]
        rows.append(
            {
                "workload": workload,
                "a": a,
                "b": b,
                "as_run": as_run,
                "variants": len(parts),
                "same": int((parts == as_run).sum()),
                "level_in": ", ".join(parts.index[parts == pairs.CANT_TELL]),
                "reversed_in": ", ".join(opposite.index),
                "holds": as_run != pairs.CANT_TELL and bool((parts == as_run).all()),
            }
        )
    return pd.DataFrame(rows, columns=list(HELD_COLUMNS))


def sentences(held: pd.DataFrame, budget_trials: int) -> list[str]:
    """What holds in all variants and where it doesn't, and of how many pairs nothing is said as run."""
    lines = []
    for row in held[held["as_run"] != pairs.CANT_TELL].to_dict("records"):
        better, other = (
            (row["a"], row["b"]) if row["as_run"] == pairs.BETTER else (row["b"], row["a"])
        )
        told = f"{row['workload']}: {name(better)} is better than {name(other)} at K = {budget_trials}, "
        if row["holds"]:
            told += f"on the spaces as run and on all {row['variants']} parts of them"
        else:
            told += f"as run and on {row['same']} of {row['variants']} parts"
        if row["level_in"]:
            told += f"; can't tell on: {row['level_in']}"
        if row["reversed_in"]:
            told += f"; the opposite on: {row['reversed_in']}"
        lines.append(f"{told}.")
    for workload, part in held[held["as_run"] == pairs.CANT_TELL].groupby("workload", sort=False):
        lines.append(f"{workload}: of {len(part)} pairs nothing can be told on the spaces as run.")
    return lines
