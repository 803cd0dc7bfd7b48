"""A results folder's records as tables."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.records import many
from harness.records.reading import read_studies
from harness.records.record import Record
from harness.study.result import (
    CURVE_COLUMNS,
    FINAL_COLUMNS,
    FURTHER_COLUMNS,
    GRADIENTS,
    IDENTITY,
    SECONDS,
    SPENT,
    TABLE_COLUMNS,
)
from harness.study.sampling import ASKING

if TYPE_CHECKING:
    import pandas as pd


class Tables(NamedTuple):
    """All that a results folder's records tell, read once.

    ``trials`` has a row a trial: `TABLE_COLUMNS`, then val_loss, test_loss and ``hp.*``, the
    coordinates of the search space (``hp.one_minus_momentum``, ``hp.lr_over_eps``, …), empty where an
    optimizer lacks one; final values are empty where a trial has none. Where any was trained under a
    pruning ``pruning`` says which (`harness.study.pruning.parse`); where any was chosen by those before
    it ``sampler`` says by which sampler. ``curves`` has a row an
    evaluation: `IDENTITY` and `CURVE_COLUMNS`. Both have those of `FURTHER_COLUMNS` that any trial has,
    empty for the others. ``studies`` are resolved, by fingerprint, with their
    ``overrides``.
    """

    trials: pd.DataFrame
    curves: pd.DataFrame
    studies: dict[str, dict[str, Any]]


def read(root: Path | str) -> Tables:
    """The tables of the records under a results root.

    Raises:
        ConfigError: there is no such folder, or a record cannot be trusted.
    """
    studies = read_studies(root)
    return _of_rows(many.read(root, functools.partial(rows, asks=_asking(studies))), studies)


def of(records: Iterable[Record], studies: dict[str, dict[str, Any]]) -> Tables:
    """The tables of records, and the studies they are of."""
    return _of_rows([rows(records, _asking(studies))], studies)


Columns = dict[str, list[Any]]


class Rows(NamedTuple):
    """Of some records what the tables keep, a list a column: of frames a record, 1,000 took 1.1 s."""

    trials: Columns  # a row a trial
    curves: Columns


def rows(records: Iterable[Record], asks: Mapping[str, str]) -> Rows:
    """The rows of records.

    Args:
        asks: the samplers of studies that are asked for their points, by fingerprint.
    """
    found = _none()
    for record in records:
        row = _row(record)
        if record["study"] in asks:
            row["sampler"] = asks[record["study"]]
        _append(found.trials, {name: [value] for name, value in row.items()}, math.nan)
        curve = {**record["curve"], **_spent(record)}
        curve |= {name: [record[name]] * len(record["curve"]["step"]) for name in IDENTITY}
        _append(found.curves, curve, None)
    return found


def _none() -> Rows:
    trials = dict.fromkeys((*TABLE_COLUMNS, "val_loss", "test_loss"))
    return Rows({name: [] for name in trials}, {name: [] for name in (*IDENTITY, *CURVE_COLUMNS)})


def _append(columns: Columns, further: Mapping[str, list[Any]], nothing: float | None) -> None:
    """Put rows under others; a column that either lacks holds ``nothing`` there."""
    before = len(columns["trial"])
    for name, values in further.items():
        column = columns.setdefault(name, [])
        if len(column) < before:
            column += [nothing] * (before - len(column))
        column += values


def _of_rows(parts: Iterable[Rows], studies: dict[str, dict[str, Any]]) -> Tables:
    import pandas as pd

    found = _none()
    for part in parts:
        _append(found.trials, part.trials, math.nan)
        _append(found.curves, part.curves, None)
    for columns, nothing in ((found.trials, math.nan), (found.curves, None)):
        for column in columns.values():  # those that the last records lack
            column += [nothing] * (len(columns["trial"]) - len(column))
    return Tables(pd.DataFrame(found.trials), pd.DataFrame(found.curves), studies)


def _asking(studies: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {name: str(study["sampler"]["name"]) for name, study in studies.items() if _asks(study)}


def _asks(study: Mapping[str, Any]) -> bool:
    return study.get("sampler", {}).get("name") in ASKING


def _spent(record: Record) -> dict[str, list[Any]]:
    """What was spent up to each row of the curve, where the record says: gradients, seconds in steps."""
    told = {
        GRADIENTS: (record.get("gradients") or {}).get("curve"),
        SECONDS: record.get("run", {}).get("curve_seconds"),
    }
    rows = len(record["curve"]["step"])
    return {name: values for name, values in told.items() if values and len(values) == rows}


def _row(record: Record) -> dict[str, Any]:
    row = {name: record[name] for name in (*IDENTITY, "status")}
    row |= {name: record.get(name) for name in (*FINAL_COLUMNS, "steps")}
    row |= {name: record[name] for name in FURTHER_COLUMNS if name in record}
    run = record.get("run", {})
    row["train_seconds"] = run.get("train_seconds")
    row |= {"pruning": run["pruning"]} if "pruning" in run else {}
    row |= {f"hp.{name}": value for name, value in record["point"].items()}
    row |= {name: run[name] for name in SPENT if name in run}
    return row | ({GRADIENTS: record["gradients"]["total"]} if record.get("gradients") else {})
