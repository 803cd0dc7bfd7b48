"""The only module that touches results on disk.

    ROOT/<workload>/<optimizer>/<fingerprint>/study.json
    ROOT/<workload>/<optimizer>/<fingerprint>/trials/000012.json

A record is written to a unique temporary file, fsynced and renamed into place, so a reader sees a
whole record or none. Everything is JSON: reading someone else's results runs no code.
"""

from __future__ import annotations

import json
import math
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ConfigError
from harness.space import hyperparameters
from harness.study import Study

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
STATUSES = ("complete", "diverged", "failed", "out_of_memory", "timeout")
FINISHED = ("complete", "diverged")  # results; the others are failures, run again when asked
CURVE_COLUMNS = (
    "step", "learning_rate", "train_loss", "val_error", "val_loss", "test_error", "test_loss",
)  # fmt: skip
FINAL_COLUMNS = ("train_loss", "val_error", "val_loss", "test_error", "test_loss")
TABLE_COLUMNS = (
    "workload", "optimizer", "study", "trial", "status",
    "train_loss", "val_error", "test_error", "steps", "train_seconds",
)  # fmt: skip

Record = dict[str, Any]


class DamagedRecord(ConfigError):
    """A record that cannot be read, or is not what its place says it is."""


def new_record(study: Study, trial: int) -> Record:
    """The record of a trial that has not run: what is known of it before, and status failed."""
    point = study.point(trial)
    hyper = hyperparameters(point)._asdict()
    return {
        "schema": SCHEMA,
        "workload": study.workload,
        "optimizer": study.optimizer,
        "study": study.fingerprint,
        "trial": trial,
        "status": "failed",
        "point": point,
        "hyperparameters": {**hyper.pop("optimizer"), **hyper},
        "seeds": study.seeds(trial),
        "steps": 0,
        **dict.fromkeys(FINAL_COLUMNS),
        "curve": {name: [] for name in CURVE_COLUMNS},
        "error": None,
        "data": {},
        "run": {"train_seconds": None},
    }


# --- one study's folder -----------------------------------------------------------------------


class StudyFolder:
    """Every path of a study, and the reading and writing of its records."""

    def __init__(self, root: Path | str, study: Study):
        self.study = study
        self.root = Path(root)
        self.path = self.root / study.workload / study.optimizer / study.fingerprint
        self.trials = self.path / "trials"

    def record_path(self, trial: int) -> Path:
        return self.trials / f"{trial:06d}.json"

    def create(self) -> None:
        """Make the folder and write study.json, once.

        Raises:
            ConfigError: the folder can't be written.
        """
        try:
            self.trials.mkdir(parents=True, exist_ok=True)
            if not os.access(self.trials, os.W_OK):
                raise PermissionError("no write permission")
            if not (self.path / "study.json").exists():
                _write_json(self.path / "study.json", study_node(self.study))
        except OSError as error:
            raise ConfigError(
                f"results cannot be written under root={self.root} ({error.strerror or error});"
                " give a folder you can write, such as root=results"
            ) from None

    def write(self, record: Record) -> None:
        """Put one trial's record in place, whole or not at all."""
        _write_json(self.record_path(record["trial"]), record)

    def read(self, trial: int) -> Record | None:
        """The record of a trial, or None where there is none.

        Raises:
            DamagedRecord: it is there but cannot be trusted.
        """
        path = self.record_path(trial)
        return read_record(path, self.study.fingerprint) if path.exists() else None

    def read_all(self) -> dict[int, Record]:
        """The records of the study that are there, by trial.

        Raises:
            DamagedRecord: one of them cannot be trusted.
        """
        return {record["trial"]: record for record in _records_in(self.path)}


def study_node(study: Study) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "fingerprint": study.fingerprint,
        "study": dict(study.config),
        "overrides": list(study.overrides),
    }


def _write_json(path: Path, node: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    text = json.dumps(_finite(node), allow_nan=False, indent=1)
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _finite(node: Any) -> Any:
    """The node with NaN and infinity as null: JSON has neither, and ``status`` tells them apart."""
    if isinstance(node, float):
        return node if math.isfinite(node) else None
    if isinstance(node, Mapping):
        return {key: _finite(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_finite(value) for value in node]
    return node


# --- reading records --------------------------------------------------------------------------


def read_record(path: Path, fingerprint: str) -> Record:
    """One record, checked to be whole and to belong where it lies.

    Raises:
        DamagedRecord: not JSON, another schema version, or another study's or trial's record.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"is not JSON ({error})") from None
    problem = _problem(record, fingerprint, int(path.stem))
    if problem:
        raise _damaged(path, problem)
    return record


def _damaged(path: Path, problem: str) -> DamagedRecord:
    return DamagedRecord(f"record {path} {problem}; move it away and its trial will be run again")


def _problem(record: Any, fingerprint: str, trial: int) -> str | None:
    if not isinstance(record, dict):
        return "is not a JSON object"
    if record.get("schema") != SCHEMA:
        return f"has schema {record.get('schema')!r}, this version reads {SCHEMA}"
    if record.get("study") != fingerprint:
        return f"is of study {record.get('study')!r}, not {fingerprint}"
    if record.get("trial") != trial:
        return f"says it is trial {record.get('trial')!r}, its name says {trial}"
    if record.get("status") not in STATUSES:
        return f"has status {record.get('status')!r}, not one of {', '.join(STATUSES)}"
    for name in (*FINAL_COLUMNS, "steps"):
        value = record.get(name)
        if not (value is None or (isinstance(value, int | float) and not isinstance(value, bool))):
            return f"has {name} = {value!r}, not a number"
    if record["status"] == "complete" and record.get("val_error") is None:
        return "is complete but has no val_error"
    if not isinstance(record.get("point"), dict) or not isinstance(record.get("curve"), dict):
        return "lacks its point or its curve"
    return None


def study_paths(root: Path | str) -> list[Path]:
    """The folders of all studies under a results root, sorted.

    Raises:
        ConfigError: there is no such folder.
    """
    if not Path(root).is_dir():
        raise ConfigError(f"no results folder at {root}; give the root= of a sweep that has run")
    return sorted(path.parent for path in Path(root).glob("*/*/*/study.json"))


def read_studies(root: Path | str) -> dict[str, dict[str, Any]]:
    """The resolved study of every fingerprint under a results root, with its ``overrides``."""
    studies = {}
    for path in study_paths(root):
        node = _read_study(path)
        studies[node["fingerprint"]] = {**node["study"], "overrides": node["overrides"]}
    return studies


def _read_study(path: Path) -> dict[str, Any]:
    try:
        node = json.loads((path / "study.json").read_text(encoding="utf-8"))
        if node["fingerprint"] != path.name or not isinstance(node["study"], dict):
            raise ValueError("it is of another study")
        return {"overrides": [], **node}
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedRecord(f"{path / 'study.json'} is damaged ({error}); move the folder away") from None


def read_records(root: Path | str) -> Iterator[Record]:
    """Every record under a results root, by study and trial."""
    for path in study_paths(root):
        yield from _records_in(path)


def _records_in(study_path: Path) -> Iterator[Record]:
    for path in sorted((study_path / "trials").glob("*.json")):
        if re.fullmatch(r"\d+", path.stem):
            yield read_record(path, study_path.name)


def read_trials(root: Path | str) -> pd.DataFrame:
    """One row a trial: the columns of ``trials.csv``, then val_loss, test_loss and ``hp.*``.

    ``hp.*`` are the coordinates of the search space (``hp.one_minus_momentum``, ``hp.lr_over_eps``,
    …), empty where an optimizer lacks one; final values are empty where a trial has none.
    """
    import pandas as pd

    rows = [_row(record) for record in read_records(root)]
    names = dict.fromkeys(TABLE_COLUMNS + ("val_loss", "test_loss"))
    names |= dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame(rows, columns=list(names))


def _row(record: Record) -> dict[str, Any]:
    row = {name: record[name] for name in ("workload", "optimizer", "study", "trial", "status")}
    row |= {name: record.get(name) for name in (*FINAL_COLUMNS, "steps")}
    row["train_seconds"] = record.get("run", {}).get("train_seconds")
    return row | {f"hp.{name}": value for name, value in record["point"].items()}


def read_curves(root: Path | str) -> pd.DataFrame:
    """One row an evaluation: workload, optimizer, study, trial and the columns of the curve."""
    import pandas as pd

    frames = []
    for record in read_records(root):
        curve = pd.DataFrame(record["curve"], columns=list(CURVE_COLUMNS))
        for name in ("trial", "study", "optimizer", "workload"):
            curve.insert(0, name, record[name])
        frames.append(curve)
    columns = ["workload", "optimizer", "study", "trial", *CURVE_COLUMNS]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
