"""Which trials of two optimizers are partners: those that share points, initial weights and data order.

Studies of one seed and one sampler do, index by index. Of others, and where studies are not known, the
first trial of one is the partner of the other's first, and so on by their order; independent draws can
be paired in any way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.analysis.counting import counted, values
from harness.analysis.paired import Places, Sample
from harness.analysis.pooling import Studies, groups


class Field(NamedTuple):
    """One optimizer's trials on a workload."""

    workload: str
    optimizer: str
    sample: Sample  # the counted ones, placed by their order
    keys: pd.MultiIndex | None  # seed and index of each of them, None where a seed is not known
    rows: pd.DataFrame


def fields(trials: pd.DataFrame, metric: str, studies: Studies | None = None) -> Iterator[Field]:
    """Every optimizer of every workload, also those without a counted trial.

    Raises:
        TableError: a metric that is absent or empty in a complete trial.
    """
    for workload, optimizer, rows in groups(trials):
        ordered = rows.sort_values(["study", "trial"], kind="stable")
        kept = counted(ordered)
        order = pd.Series(np.arange(len(ordered)), ordered.index)
        sample = Sample(values(kept, metric), order[kept.index].to_numpy())
        yield Field(workload, optimizer, sample, _keys(kept, studies or {}), rows)


def partners(a: Field, b: Field) -> tuple[Sample, Sample]:
    """Both samples, partners in equal places."""
    if a.keys is None or b.keys is None or not _share_a_seed(a.keys, b.keys):
        return a.sample, b.sample
    union = a.keys.union(b.keys)
    return _placed(a, union), _placed(b, union)


def _placed(field: Field, union: pd.MultiIndex) -> Sample:
    places: Places = union.get_indexer(field.keys)
    return field.sample._replace(places=places)


def _share_a_seed(one: pd.MultiIndex, other: pd.MultiIndex) -> bool:
    return bool(set(one.unique(level=0)) & set(other.unique(level=0)))


def _keys(rows: pd.DataFrame, studies: Studies) -> pd.MultiIndex | None:
    seeds = {
        name: _seed(studies[name].config) for name in rows["study"].unique() if name in studies
    }
    named = rows["study"].map(seeds)
    if rows.empty or named.isna().any():
        return None
    return pd.MultiIndex.from_arrays([named, rows["trial"]])


def _seed(config: Any) -> str | None:
    """All that trial i's point in the unit cube, its weights and its data order come from, besides i."""
    sampler, seed = config.get("sampler", {}), config.get("seed")
    if seed is None or "name" not in sampler:
        return None
    points = sampler.get("seed")
    return f"{sampler['name']} {seed if points is None else points} {seed}"
