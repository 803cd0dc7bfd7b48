"""Records read: each checked to be whole and to belong where it lies. Reading runs no code of others."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import ConfigError
from harness.records.record import Record, from_text
from harness.study.result import FINISHED, PRUNED

_RECORD_NAME = re.compile(r"[0-9]+\.json")


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


def read_record(path: Path) -> Record:
    """One record file, checked to be whole and to belong where it lies.

    Raises:
        ValueError: what is wrong with it.
    """
    return _read_named(str(path), _study_names(path.parent.parent), int(path.stem))


def _read_named(path: str, names: tuple[str, str, str], trial: int) -> Record:
    """`read_record` where its place has been taken apart: a Path a file takes as long as its parsing."""
    try:
        with open(path, "rb", buffering=0) as file:  # half as long as opened for text
            text = file.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not text ({error})") from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None
    return from_text(text, names, trial)


def checked(text: str, compacted: Path, trial: int, *, sealed: bool = False) -> Record:
    return from_text(text, _study_names(compacted.parent), trial, sealed=sealed)


def _study_names(study_path: Path) -> tuple[str, str, str]:
    workload, optimizer, fingerprint = study_path.absolute().parts[-3:]
    return workload, optimizer, fingerprint


def trusted(read: Callable[..., Any], *arguments: Any) -> Any:
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
    found, problems = _scan_files(study_path)
    for path in sorted(study_path.glob("trials-*.parquet")):
        compacted, problem = scan_compacted(path)
        for trial, record in compacted.items():
            found[trial] = further(found.get(trial), record)
        problems += [problem] if problem else []
    return dict(sorted(found.items())), problems


def scan_rungs(
    study_path: Path, but_for: Container[int] = ()
) -> tuple[dict[int, Record], list[Problem]]:
    """What is known of trials that came to a rung, by trial, and the files that cannot be trusted."""
    return _scan_files(study_path, "rungs", but_for)


def _scan_files(
    study_path: Path, within: str = "trials", but_for: Container[int] = ()
) -> tuple[dict[int, Record], list[Problem]]:
    names = record_names(study_path, within)
    return scan_named(study_path, [n for n in names if int(n[:-5]) not in but_for], within)


def scan_named(
    study_path: Path, names: Iterable[str], within: str = "trials"
) -> tuple[dict[int, Record], list[Problem]]:
    """The records in files of these names by trial, and the files that cannot be trusted."""
    found: dict[int, Record] = {}
    problems = []
    folder, place = str(study_path / within), _study_names(study_path)
    for name in names:
        path, trial = f"{folder}/{name}", int(name[:-5])
        try:
            found[trial] = _read_named(path, place, trial)
        except FileNotFoundError:
            continue
        except ValueError as error:
            problems.append(Problem(Path(path), str(error)))
    return found, problems


def scan_compacted(path: Path) -> tuple[dict[int, Record], Problem | None]:
    found: dict[int, Record] = {}
    problem = None
    try:
        texts = compacted_texts(path)
    except ValueError as error:
        return {}, Problem(path, str(error))
    sealed = path.name == compacted_name(text for _, text in texts)
    for trial, text in texts:
        try:
            found[trial] = checked(text, path, trial, sealed=sealed)
        except ValueError as error:
            problem = problem or Problem(path, f"holds a record of trial {trial} that {error}")
    return found, problem


def further(one: Record | None, other: Record) -> Record:
    """Of two records of a trial the one that counts: a pruned trial may have been carried on since.

    ``one`` was found first; a file before what is compacted, so that a newer failure stands.
    """
    if one is None:
        return other
    newer = one["status"] == PRUNED and (
        other["status"] in FINISHED or other["steps"] > one["steps"]
    )
    return other if newer else one


def record_paths(study_path: Path, within: str = "trials") -> list[Path]:
    """The record files in one of a study's folders, sorted."""
    return [study_path / within / name for name in record_names(study_path, within)]


def record_names(study_path: Path, within: str = "trials") -> list[str]:
    folder = study_path / within
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):  # whoever makes it says so
        return []
    except OSError as error:
        raise DamagedRecord([Problem(folder, f"cannot be read ({error.strerror})")]) from None
    return sorted(name for name in names if _RECORD_NAME.fullmatch(name))


def compacted_name(texts: Iterable[str]) -> str:
    """What a Parquet file of these records, checked before, is called: by their hash."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode())
    return f"trials-{digest.hexdigest()[:12]}.parquet"


def compacted_texts(path: Path) -> list[tuple[int, str]]:
    """The (trial, record text) pairs of a Parquet file.

    Plain columns only: pyarrow's own extension types, which once were pickled, are refused.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open(path, "rb") as opened, pq.ParquetFile(opened) as file:
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
