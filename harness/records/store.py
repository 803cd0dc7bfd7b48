"""Records on disk: where those of a study lie, how they are written and read.

    ROOT/<workload>/<optimizer>/<fingerprint>/study.json
    ROOT/<workload>/<optimizer>/<fingerprint>/trials/000012.json
    ROOT/<workload>/<optimizer>/<fingerprint>/trials-<hash>.parquet   many records in one file
    ROOT/<workload>/<optimizer>/<fingerprint>/checkpoints/000012.pt   of an unfinished trial
    ROOT/<workload>/<optimizer>/<fingerprint>/requests/               which trials were asked for
    ROOT/<workload>/<optimizer>/<fingerprint>/claims                  which trials run now
    ROOT/<workload>/<optimizer>/<fingerprint>/logs/                   what Slurm's tasks said

A file is written to a unique temporary name, fsynced and renamed into place, so a reader sees a
whole record or none. Many records are compacted into one Parquet file, each as the same JSON text;
both read alike, and a record's own file wins. Reading someone else's results runs no code.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.errors import ConfigError, SweepError
from harness.records import record as records
from harness.records.record import CURVE_COLUMNS, FINAL_COLUMNS, FINISHED, SCHEMA, Record
from harness.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

TABLE_COLUMNS = (
    "workload", "optimizer", "study", "trial", "status",
    "train_loss", "val_error", "test_error", "steps", "train_seconds",
)  # fmt: skip
COMPACT_FROM = 1000  # record files; fewer load in under a second and are easier to look into
ABANDONED_SECONDS = 3600.0  # a temporary file this old has lost its writer; they live milliseconds


class DamagedRecord(ConfigError):
    """Records that cannot be read, or are not what their place says they are."""

    def __init__(self, problems: Sequence[Problem]):
        first, *others = problems
        more = f" (and {len(others)} more damaged files in this study)" if others else ""
        super().__init__(
            f"record {first.path} {first.what}{more}; look at it, or set it aside and run its trial"
            " again with damaged=set_aside"
        )
        self.problems = list(problems)


class Problem(NamedTuple):
    """A file that cannot be trusted, and why in words that follow its name."""

    path: Path
    what: str


# --- one study's folder -----------------------------------------------------------------------


class StudyFolder:
    """Every path of a study, and the reading and writing of its records.

    Raises:
        ConfigError: a workload or optimizer whose name would lead out of the results root.
    """

    def __init__(self, root: Path | str, study: Study):
        for kind, name in (("workload", study.workload), ("optimizer", study.optimizer)):
            if not re.fullmatch(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*", name):
                raise ConfigError(
                    f"{kind}.name {name!r} cannot name a folder under root={root}; use letters,"
                    " digits, '_', '-', '+' and '.'"
                )
        self.study = study
        self.root = Path(root)
        self.path = self.root / study.workload / study.optimizer / study.fingerprint
        self.trials = self.path / "trials"
        self.claims = self.path / "claims"
        self.requests = self.path / "requests"
        self.checkpoints = self.path / "checkpoints"

    def record_path(self, trial: int) -> Path:
        return self.trials / f"{trial:06d}.json"

    def checkpoint_path(self, trial: int) -> Path:
        return self.checkpoints / f"{trial:06d}.pt"

    def create(self) -> None:
        """Make the folder and write study.json, once.

        Raises:
            ConfigError: the folder can't be written.
        """
        try:
            self.trials.mkdir(parents=True, exist_ok=True)
            self.requests.mkdir(exist_ok=True)
            if not os.access(self.trials, os.W_OK):
                raise PermissionError("no write permission")
            if not (self.path / "study.json").exists():
                write_json(self.path / "study.json", study_node(self.study))
        except (OSError, SweepError) as error:
            cause = error.__cause__ or error
            raise ConfigError(
                f"results cannot be written under root={self.root}"
                f" ({getattr(cause, 'strerror', None) or cause});"
                " give a folder you can write, such as root=results"
            ) from None

    def make(self, name: str) -> Path:
        """A folder beside the records.

        Raises:
            SweepError: it can't be made.
        """
        try:
            (self.path / name).mkdir(exist_ok=True)
        except OSError as error:
            raise SweepError(f"{self.path / name} cannot be made ({error.strerror})") from None
        return self.path / name

    def write(self, record: Record) -> None:
        """Put one trial's record in place, whole or not at all.

        Raises:
            SweepError: the disk is full, or the folder can no longer be written.
        """
        _write_text(self.record_path(record["trial"]), records.to_text(record))

    def read(self, trial: int) -> Record | None:
        """The record of a trial as it is now, or None where there is none.

        Raises:
            DamagedRecord: it is there but cannot be trusted.
        """
        path = self.record_path(trial)
        with contextlib.suppress(FileNotFoundError):
            return _trusted(read_record, path)
        for compacted in sorted(self.path.glob("trials-*.parquet")):
            if compacted not in self._compacted:  # it never changes: its name is its hash
                self._compacted[compacted] = dict(_trusted(_compacted_texts, compacted))
            if trial in self._compacted[compacted]:
                text = self._compacted[compacted][trial]
                return _trusted(_checked, text, compacted, trial)
        return None

    @cached_property
    def _compacted(self) -> dict[Path, dict[int, str]]:
        return {}

    def read_all(self) -> dict[int, Record]:
        """The records of the study that are there, by trial.

        Raises:
            DamagedRecord: one of them cannot be trusted.
        """
        found, problems = scan(self.path)
        if problems:
            raise DamagedRecord(problems)
        return found

    def clean(self) -> None:
        """Remove temporary files whose writers died, once they are surely not being written."""
        oldest = time.time() - ABANDONED_SECONDS
        for folder in (self.path, self.trials, self.checkpoints, self.requests):
            for path in folder.glob(".*.tmp"):
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime < oldest:
                        path.unlink()

    def clean_checkpoints(self, finished: Container[int]) -> None:
        """Remove those of trials that have a result: their workers died between the two."""
        for path in self.checkpoints.glob("*.pt"):
            if path.stem.isdecimal() and int(path.stem) in finished:
                path.unlink(missing_ok=True)


def study_node(study: Study) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "fingerprint": study.fingerprint,
        "study": dict(study.config),
        "overrides": list(study.overrides),
    }


def write_json(path: Path, node: Mapping[str, Any]) -> None:
    _write_text(path, json.dumps(records.finite(node), allow_nan=False, indent=1) + "\n")


def _write_text(path: Path, text: str) -> None:
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_whole(path: Path, fill: Callable[[Path], object]) -> None:
    """Fill a unique temporary file, fsync it, and rename it into place.

    Raises:
        SweepError: the disk is full, or the folder can no longer be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        try:
            fill(temporary)
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # the new name too
            finally:
                os.close(folder)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SweepError(
            f"{path} cannot be written ({error.strerror or error}); finished trials are safe:"
            " make room or mend the folder, and the same command goes on"
        ) from error


# --- reading records --------------------------------------------------------------------------


def read_record(path: Path) -> Record:
    """One record file, checked to be whole and to belong where it lies.

    Raises:
        ValueError: what is wrong with it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not text ({error})") from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None
    return records.from_text(text, _study_names(path.parent.parent), int(path.stem))


def _checked(text: str, compacted: Path, trial: int) -> Record:
    return records.from_text(text, _study_names(compacted.parent), trial)


def _study_names(study_path: Path) -> tuple[str, str, str]:
    workload, optimizer, fingerprint = study_path.absolute().parts[-3:]
    return workload, optimizer, fingerprint


def _trusted(read: Callable[..., Any], *arguments: Any) -> Any:
    """What ``read`` gives; its ValueError as a DamagedRecord of the path among its arguments."""
    try:
        return read(*arguments)
    except ValueError as error:
        path = next(each for each in arguments if isinstance(each, Path))
        raise DamagedRecord([Problem(path, str(error))]) from None


def study_paths(root: Path | str) -> list[Path]:
    """The folders of all studies under a results root, sorted.

    Raises:
        ConfigError: there is no such folder.
    """
    if not Path(root).is_dir():
        raise ConfigError(f"no results folder at {root}; give the root= of a sweep that has run")
    return sorted(path.parent for path in Path(root).glob("*/*/*/study.json"))


def roots_in(folder: Path | str) -> list[Path]:
    """The folder itself where it is a results root, else the roots right in it, sorted.

    Raises:
        ConfigError: there is no such folder, or no study in it.
    """
    roots = [Path(folder)] if study_paths(folder) else sorted(Path(folder).iterdir())
    roots = [path for path in roots if path.is_dir() and study_paths(path)]
    if not roots:
        raise ConfigError(f"no records under {folder}; give the root= of a sweep that has run")
    return roots


def read_studies(root: Path | str) -> dict[str, dict[str, Any]]:
    """The resolved study of every fingerprint under a results root, with its ``overrides``."""
    return {path.name: read_study(path) for path in study_paths(root)}


def read_study(path: Path) -> dict[str, Any]:
    """The resolved study of one study's folder, with its ``overrides``.

    Raises:
        DamagedRecord: its study.json cannot be trusted.
    """
    try:
        node = json.loads((path / "study.json").read_text(encoding="utf-8"))
        study, overrides = node["study"], node.get("overrides", [])
        names = (study["workload"]["name"], study["optimizer"]["name"], node["fingerprint"])
        if names != _study_names(path):
            raise ValueError(f"it is of {'/'.join(map(str, names))}")
        return {**study, "overrides": list(overrides)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise DamagedRecord([Problem(path / "study.json", f"is damaged ({error})")]) from None


def read_records(root: Path | str) -> Iterator[Record]:
    """Every record under a results root, by study and trial.

    Raises:
        DamagedRecord: one of them cannot be trusted.
    """
    for path in study_paths(root):
        found, problems = scan(path)
        if problems:
            raise DamagedRecord(problems)
        yield from found.values()


def scan(study_path: Path) -> tuple[dict[int, Record], list[Problem]]:
    """All records of a study's folder by trial, and the files that cannot be trusted.

    Single files before compacted ones, in that order: a compaction removes a file only once its
    Parquet file is in place, so a record that vanishes between listing and opening is found there.
    """
    found: dict[int, Record] = {}
    problems = []
    for path in _record_paths(study_path):
        try:
            found[int(path.stem)] = read_record(path)
        except FileNotFoundError:
            continue
        except ValueError as error:
            problems.append(Problem(path, str(error)))
    for path in sorted(study_path.glob("trials-*.parquet")):
        compacted, problem = _scan_compacted(path)
        found = compacted | found
        problems += [problem] if problem else []
    return dict(sorted(found.items())), problems


def _scan_compacted(path: Path) -> tuple[dict[int, Record], Problem | None]:
    found: dict[int, Record] = {}
    problem = None
    try:
        texts = _compacted_texts(path)
    except ValueError as error:
        return {}, Problem(path, str(error))
    for trial, text in texts:
        try:
            found[trial] = _checked(text, path, trial)
        except ValueError as error:
            problem = problem or Problem(path, f"holds a record of trial {trial} that {error}")
    return found, problem


def _record_paths(study_path: Path) -> list[Path]:
    folder = study_path / "trials"
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):  # whoever makes it says so
        return []
    except OSError as error:
        raise DamagedRecord([Problem(folder, f"cannot be read ({error.strerror})")]) from None
    return sorted(folder / name for name in names if re.fullmatch(r"[0-9]+\.json", name))


def set_aside(path: Path) -> Path:
    """Rename a file so that nothing reads it and nothing is lost; the new name.

    Raises:
        SweepError: it cannot be renamed.
    """
    aside = path.with_name(f"{path.name}.damaged-{uuid.uuid4().hex[:8]}")
    try:
        os.replace(path, aside)
    except OSError as error:
        raise SweepError(f"{path} cannot be set aside ({error.strerror})") from None
    return aside


def set_aside_damaged(study_path: Path) -> list[tuple[Problem, Path]]:
    """Set aside every record, and study.json, that cannot be trusted: each problem and its new name.

    The good records of a damaged Parquet file get files of their own again.
    """
    moved = []
    problems = scan(study_path)[1]
    if (study_path / "study.json").exists():
        try:
            read_study(study_path)
        except DamagedRecord as error:
            problems += error.problems
    for problem in problems:
        if problem.path.parent.name == "trials" and not _still_damaged(problem.path):
            continue  # another command has set it aside, and run the trial again
        if problem.path.suffix == ".parquet":
            for trial, record in _scan_compacted(problem.path)[0].items():
                own = study_path / "trials" / f"{trial:06d}.json"
                if not own.exists():
                    _write_text(own, records.to_text(record))
        moved.append((problem, set_aside(problem.path)))
    return moved


def _still_damaged(path: Path) -> bool:
    try:
        read_record(path)
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return False


# --- compaction -------------------------------------------------------------------------------


def compact(study_path: Path, at_least: int = 1) -> Path | None:
    """Move a study's finished records into one Parquet file (trial, status, the record's JSON text).

    Safe beside writers, readers and other compactions: the new file has a name of its own, nothing
    is replaced, and only files whose text is in it are removed. Failed trials keep their files, as
    they are run again. None where there are fewer than ``at_least`` to move.

    Raises:
        DamagedRecord: a record that cannot be trusted; nothing has been moved then.
        SweepError: the folder can't be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    paths = _record_paths(study_path)
    if len(paths) < at_least:
        return None
    texts: dict[Path, str] = {}
    statuses = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            record = _trusted(read_record, path)
            if record["status"] in FINISHED:
                statuses.append(record["status"])
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
    write_whole(
        target, lambda temporary: pq.write_table(pa.table(columns), temporary, compression="zstd")
    )
    for path, text in texts.items():
        with contextlib.suppress(FileNotFoundError):
            if path.read_text(encoding="utf-8") == text:  # not a re-run's newer record
                path.unlink()
    return target


def _compacted_texts(path: Path) -> list[tuple[int, str]]:
    """The (trial, record text) pairs of a Parquet file.

    Plain columns only: pyarrow's own extension types, which once were pickled, are refused.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            if not (
                pa.types.is_integer(schema.field("trial").type)
                and pa.types.is_string(schema.field("record").type)
            ):
                raise ValueError("its columns are not whole numbers and text")
            table = file.read(columns=["trial", "record"])
        pairs = list(zip(table["trial"].to_pylist(), table["record"].to_pylist(), strict=True))
        if any(trial is None or text is None for trial, text in pairs):
            raise ValueError("it has empty cells")
        return pairs
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise ValueError(f"cannot be read ({' '.join(str(error).split())})") from None


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
