"""What a record is: one trial's result as plain data, sealed with a checksum, checked when read.

Everything but ``run`` is a pure function of (study, trial), equal wherever and however often it ran. A record from elsewhere is JSON and nothing else: reading it runs no code.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from harness.study.parametrisation import bounds, hyperparameters
from harness.study.result import (
    COMPLETE,
    CURVE_COLUMNS,
    FAILED,
    FINAL_COLUMNS,
    FURTHER_COLUMNS,
    STATUSES,
)
from harness.study.study import Study

_IN_ORDER = json.JSONEncoder(sort_keys=True)
SCHEMA = 2  # 2: the checksum; 1 is read too

Record = dict[str, Any]


def new_record(study: Study, trial: int, point: dict[str, float] | None = None) -> Record:
    """The record of a trial that has not run: what is known of it before, and status failed."""
    point = point or study.point(trial)
    return {
        "schema": SCHEMA,
        "workload": study.workload,
        "optimizer": study.optimizer,
        "study": study.fingerprint,
        "trial": trial,
        "status": FAILED,
        "point": point,
        "hyperparameters": hyperparameters(point),
        "seeds": study.seeds(trial),
        "steps": 0,
        **dict.fromkeys(FINAL_COLUMNS),
        "curve": {name: [] for name in CURVE_COLUMNS},
        "error": None,
        "data": {},
        "run": {"train_seconds": None},
    }


def deterministic(record: Record) -> Record:
    """The part of a record that is the same whoever ran the trial, and when."""
    return {name: value for name, value in record.items() if name != "run"}


# --- as text ----------------------------------------------------------------------------------


def to_text(record: Mapping[str, Any]) -> str:
    """A record as sealed JSON text; NaN and infinity, which JSON lacks, become null."""
    return json.dumps(_sealed(finite(record)), allow_nan=False, indent=1) + "\n"


def from_text(
    text: str, study_path: tuple[str, str, str], trial: int, *, sealed: bool = False
) -> Record:
    """The record in a text, checked to be whole, unedited and where it belongs.

    Args:
        study_path: the workload, optimizer and fingerprint that the folder it lies in is named by.
        sealed: the text is known to be as it was when its checksum was compared, a third of the work.

    Raises:
        ValueError: what is wrong with it, to be read after the file's name.
    """
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON ({error})") from None
    if not isinstance(record, dict):
        raise ValueError("is not a JSON object")
    try:
        record = _migrated(record)
        problem = _problem(record, study_path, trial, sealed)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if problem is not None:
        raise ValueError(problem)
    return record


def finite(node: Any) -> Any:
    """Plain data with NaN and infinity as None: ``status`` tells them apart."""
    if isinstance(node, float):
        return node if math.isfinite(node) else None
    if isinstance(node, Mapping):
        return {key: finite(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [finite(value) for value in node]
    return node


def _sealed(record: Record) -> Record:
    return {**record, "run": {**record["run"], "checksum": _checksum(record)}}


def _checksum(record: Mapping[str, Any]) -> str:
    """Of the values, not of their layout: another indentation is no damage."""
    run = {name: value for name, value in record["run"].items() if name != "checksum"}
    text = _IN_ORDER.encode({**record, "run": run})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _migrated(record: Record) -> Record:
    """A record of an older schema as it would be written today."""
    if record.get("schema") == 1 and isinstance(record.get("run"), dict):  # had no checksum yet
        return _sealed({**record, "schema": SCHEMA})
    return record


# --- checks -----------------------------------------------------------------------------------


def _problem(
    record: Record, study_path: tuple[str, str, str], trial: int, sealed: bool
) -> str | None:
    if record.get("schema") != SCHEMA:
        return f"has schema {record.get('schema')!r}, this version reads 1 to {SCHEMA}"
    if not isinstance(record.get("run"), dict) or not isinstance(record.get("data"), dict):
        return "lacks its run or its data"
    if not sealed and record["run"].get("checksum") != _checksum(record):
        return "does not match its checksum: damaged, or edited by hand"
    for name, place in zip(("workload", "optimizer", "study"), study_path, strict=True):
        if record.get(name) != place:
            return f"is of {name} {record.get(name)!r}, not {place}"
    if type(record.get("trial")) is not int or record["trial"] != trial:
        return f"says it is trial {record.get('trial')!r}, its name says {trial}"
    if record.get("status") not in STATUSES:
        return f"has status {record.get('status')!r}, not one of {', '.join(STATUSES)}"
    for name in (*FINAL_COLUMNS, *FURTHER_COLUMNS, "steps"):
        value = record.get(name)
        if not (value is None or _is_number(value)):
            return f"has {name} = {value!r}, not a number"
    if record["status"] == COMPLETE and record.get("val_error") is None:
        return "is complete but has no val_error"
    if not _is_point(record.get("point")):
        return "has no point of numbers and words"
    if not _is_curve(record.get("curve")):
        return f"has no curve with the columns {', '.join(CURVE_COLUMNS)} of one length"
    for name in ("train_seconds", "started_at", "ended_at"):
        if not _is_optional_number(record["run"].get(name)):
            return f"has run.{name} = {record['run'][name]!r}, not a number"
    if not isinstance(record.get("error"), str | None):
        return "has an error that is not text"
    return None


def _is_point(node: Any) -> bool:
    """Numbers by coordinate, and words where no coordinate is known to be a number."""
    return isinstance(node, dict) and all(
        _is_number(value) or (isinstance(value, str) and bounds(name) == (-math.inf, math.inf))
        for name, value in node.items()
    )


def _is_curve(node: Any) -> bool:
    if not isinstance(node, dict) or not set(CURVE_COLUMNS) <= set(node):
        return False
    if not set(node) <= {*CURVE_COLUMNS, *FURTHER_COLUMNS}:
        return False
    columns = list(node.values())
    if not all(isinstance(column, list) for column in columns):
        return False
    if len({len(column) for column in columns}) != 1:
        return False
    return all(map(_are_optional_numbers, columns))


def _are_optional_numbers(column: list[Any]) -> bool:
    """`_is_optional_number` of each, a column at once: a record has some sixty."""
    given = [value for value in column if value is not None]
    if not set(map(type, given)) <= {int, float}:
        return False
    try:
        return all(map(math.isfinite, given))
    except OverflowError:
        return False


def _is_optional_number(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_number(value: Any) -> bool:
    """A finite number that fits a float; JSON as Python reads it also has NaN, 1e999 and 10**400."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
