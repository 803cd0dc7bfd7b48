"""The only module that touches results on disk.

    ROOT/<workload>/<optimizer>/<fingerprint>/study.json
    ROOT/<workload>/<optimizer>/<fingerprint>/trials/000012.json
    ROOT/<workload>/<optimizer>/<fingerprint>/trials-<hash>.parquet

A record is written to a unique temporary file, fsynced and renamed into place, so a reader sees a
whole record or none. Many records are compacted into one Parquet file, each as the same JSON text;
both read alike, and a record's own file wins. Reading someone else's results runs no code.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
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
        return self.read_all().get(trial)

    def read_all(self) -> dict[int, Record]:
        """The records of the study that are there, by trial.

        Raises:
            DamagedRecord: one of them cannot be trusted.
        """
        return _records_in(self.path)


def study_node(study: Study) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "fingerprint": study.fingerprint,
        "study": dict(study.config),
        "overrides": list(study.overrides),
    }


def _write_json(path: Path, node: Mapping[str, Any]) -> None:
    text = json.dumps(_finite(node), allow_nan=False, indent=1)
    _write(path, lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))


def _write(path: Path, fill: Callable[[Path], object]) -> None:
    """Fill a unique temporary file, fsync it, and rename it into place."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        fill(temporary)
        with open(temporary, "rb+") as file:
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


def read_record(path: Path) -> Record:
    """One record, checked to be whole and to belong where it lies.

    Raises:
        DamagedRecord: not JSON, another schema version, or another study's or trial's record.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except ValueError as error:  # not UTF-8
        raise _damaged(path, f"is not text ({error})") from None
    return _checked(text, path, path.parent.parent.name, int(path.stem))


def _checked(text: str, path: Path, fingerprint: str, trial: int) -> Record:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"is not JSON ({error})") from None
    problem = _problem(record, fingerprint, trial)
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
        raise DamagedRecord(
            f"{path / 'study.json'} is damaged ({error}); move the folder away"
        ) from None


def read_records(root: Path | str) -> Iterator[Record]:
    """Every record under a results root, by study and trial."""
    for path in study_paths(root):
        yield from _records_in(path).values()


def _records_in(study_path: Path) -> dict[int, Record]:
    """All records of a study's folder by trial, single files before compacted ones.

    In that order: a compaction removes a file only once its Parquet file is in place, so a record
    that vanishes between listing and opening is found there.
    """
    found: dict[int, Record] = {}
    for path in _record_paths(study_path):
        with contextlib.suppress(FileNotFoundError):
            found[int(path.stem)] = read_record(path)
    for path in sorted(study_path.glob("trials-*.parquet")):
        for trial, text in _compacted_texts(path):
            if trial not in found:
                found[trial] = _checked(text, path, study_path.name, trial)
    return dict(sorted(found.items()))


def _record_paths(study_path: Path) -> list[Path]:
    paths = (study_path / "trials").glob("*.json")
    return sorted(path for path in paths if re.fullmatch(r"\d+", path.stem))


# --- compaction -------------------------------------------------------------------------------


def compact(study_path: Path) -> Path | None:
    """Move a study's record files into one Parquet file (trial, status, the record's JSON text).

    Safe beside writers, readers and other compactions: the new file has a name of its own, nothing
    is replaced, and only files whose text is in it are removed. None where there is nothing to do.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts: dict[Path, str] = {}
    statuses = []
    for path in _record_paths(study_path):
        with contextlib.suppress(FileNotFoundError):
            statuses.append(read_record(path)["status"])
            texts[path] = path.read_text(encoding="utf-8")
    if not texts:
        return None
    digest = hashlib.sha256("".join(texts.values()).encode()).hexdigest()[:12]
    target = study_path / f"trials-{digest}.parquet"
    columns = {
        "trial": [int(path.stem) for path in texts],
        "status": statuses,
        "record": [*texts.values()],
    }
    _write(
        target, lambda temporary: pq.write_table(pa.table(columns), temporary, compression="zstd")
    )
    for path, text in texts.items():
        with contextlib.suppress(FileNotFoundError):
            if path.read_text(encoding="utf-8") == text:  # not a re-run's newer record
                path.unlink()
    return target


def _compacted_texts(path: Path) -> list[tuple[int, str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=["trial", "record"])
        return list(zip(table["trial"].to_pylist(), table["record"].to_pylist(), strict=True))
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise DamagedRecord(
            f"{path} cannot be read ({' '.join(str(error).split())}); move it away and its trials will be run again"
        ) from None


# --- tables -----------------------------------------------------------------------------------


def read_trials(root: Path | str) -> pd.DataFrame:
    """One row a trial: the columns of ``trials.csv``, then val_loss, test_loss and ``hp.*``.

    ``hp.*`` are the coordinates of the search space (``hp.one_minus_momentum``, ``hp.lr_over_eps``,
    …), empty where an optimizer lacks one; final values are empty where a trial has none.
    """
    import pandas as pd

    rows = [_row(record) for record in read_records(root)]
    names = dict.fromkeys((*TABLE_COLUMNS, "val_loss", "test_loss"))
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
