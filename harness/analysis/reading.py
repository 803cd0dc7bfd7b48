"""Sources read: results folders, CSV and Parquet tables, together one checked `Results`.

A results folder has trials, learning curves and studies. A table ``trials.csv`` has them too when
``curves.parquet`` and ``studies.json`` lie beside it, as `harness report` writes them; anyone else's
table is complete without.
"""

from __future__ import annotations

import io
import json
import math
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from harness.analysis.checking import (
    EVERY,
    SEARCH_SPACE,
    TableError,
    Where,
    check,
    hyperparameter_columns,
    numbers,
    trial_numbers,
    words,
)
from harness.analysis.counting import every_trial
from harness.analysis.pooling import Studies, check_same_workload, select_studies
from harness.errors import ConfigError
from harness.records import nearby, tables
from harness.study.result import CURVE_COLUMNS, IDENTITY, TABLE_COLUMNS
from harness.study.study import LOCATIONS, Study, portable

ERROR_RATE = "error rate"  # what val_error is where a study does not say
NAMED = ("workload", "optimizer", "study", "status", SEARCH_SPACE)  # whose cells are words
NOTHING = ["", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "NULL", "null", "None"]
PARQUET = b"PAR1"
TABLE, CURVES, STUDIES = "trials.csv", "curves.parquet", "studies.json"

Paths = str | Path | Iterable[str | Path]


class Results(NamedTuple):
    """One study per workload and optimizer (and search space, where the table labels several)."""

    trials: pd.DataFrame  # checked: `checking.check`
    curves: pd.DataFrame | None  # one row an evaluation, None where there are none
    studies: Studies

    def sampler(self) -> str:
        """How the trials were drawn, in a sentence for captions; empty where it is not known."""
        names = {
            str(study.config.get("sampler", {}).get("name", "")) if study else ""
            for study in (self.studies.get(name) for name in self.trials["study"].unique())
        }
        if "grid" in names:
            return "Trials are a grid's points, so K is a random choice among them."
        if "halton" in names:
            return "Trials are Halton points, so K is a random-search equivalent."
        return "Trials are independent draws." if names == {"uniform"} else ""

    def counting_every_trial(self) -> Results:
        """The same with every trial counted, see `counting`."""
        return self._replace(trials=every_trial(self.trials))


def read_results(
    sources: Paths,
    *,
    study: str | Sequence[str] | None = None,
    pool: bool = False,
    only: Sequence[str] | None = None,
    all_studies: bool = False,
) -> Results:
    """Results of folders and tables together.

    Args:
        study, pool: see `pooling.select_studies`.
        only: fingerprints of the studies to compare; the sources may hold others.
        all_studies: keep every study, for Figures 3 and 4; nothing else can be drawn of that.

    Raises:
        ConfigError: a source that is missing, damaged or breaks a rule of `checking.check`.
    """
    parts = [
        _read_folder(path) if path.is_dir() else _read_table(path) for path in as_paths(sources)
    ]
    return together(parts, study=study, pool=pool, only=only, all_studies=all_studies)


def as_paths(sources: Paths) -> list[Path]:
    """One source or several, as several."""
    return [Path(path) for path in ([sources] if isinstance(sources, str | Path) else sources)]


def together(
    parts: Sequence[Results],
    *,
    study: str | Sequence[str] | None = None,
    pool: bool = False,
    only: Sequence[str] | None = None,
    all_studies: bool = False,
) -> Results:
    """Several sources' trials as one, of the studies chosen: see `read_results`."""
    trials = parts[0].trials
    if len(parts) > 1:
        together = pd.concat([part.trials for part in parts], ignore_index=True)
        trials = check(together, source="the tables together")
    if only is not None:
        trials = _of_studies(trials, only)
    studies = {name: each for part in parts for name, each in part.studies.items()}
    if studies:  # a table may name its own beside them
        named = trials["study"].map({name: _metric(each) for name, each in studies.items()}.get)
        trials["metric"] = trials["metric"].fillna(named) if "metric" in trials else named
    if all_studies:
        check_same_workload(trials, studies)
    else:
        trials = select_studies(trials, study, studies=studies, pool=pool)
    curves = _together(part.curves for part in parts)
    if curves is not None:
        keys = list(IDENTITY)
        curves = curves.merge(trials[keys].drop_duplicates(), on=keys)
    return Results(trials, curves, studies)


def read_spaces(spaces: Mapping[str, Path], *, num_trials: int | None = None) -> Results:
    """The same optimizers tuned on several search spaces: a source each, least general first.

    Args:
        spaces: results folders or tables by the label of their search space, which their trials get
            in the column `checking.SEARCH_SPACE`, for Figures 3 and 4.
        num_trials: leave out trials of this index and above, so that all spaces have as many.

    Raises:
        ConfigError: as `read_results`, of each source by itself; sources that differ in more than
            spaces.
    """
    parts = []
    for label, path in spaces.items():
        one = read_results(path)
        few = one.trials[one.trials["trial"] < (num_trials or math.inf)]
        parts.append(one._replace(trials=few.assign(**{SEARCH_SPACE: label})))
    trials = check(
        pd.concat([part.trials for part in parts], ignore_index=True), source="the spaces together"
    )
    curves = _together(part.curves for part in parts)
    if curves is not None:  # a study of two spaces has its curves once
        curves = curves.drop_duplicates([*IDENTITY, "step"])
    studies = {name: study for part in parts for name, study in part.studies.items()}
    check_same_workload(trials, studies)
    return Results(trials, curves, studies)


def save_results(results: Results, folder: Path) -> list[Path]:
    """Write what `read_results` finds again from ``folder / TABLE``; which trials count is not saved."""
    paths = [folder / TABLE]
    in_order(results.trials).to_csv(paths[0], index=False)
    if results.curves is not None:
        paths.append(folder / CURVES)
        with open(paths[-1], "wb") as file:  # pyarrow opens no path that is not UTF-8
            results.curves.to_parquet(file, index=False, compression="zstd")
    if results.studies:
        paths.append(folder / STUDIES)
        used = [name for name in results.trials["study"].unique() if name in results.studies]
        text = json.dumps({name: _portable(results.studies[name]) for name in used}, indent=1)
        paths[-1].write_text(text + "\n", encoding="utf-8")
    return paths


def in_order(trials: pd.DataFrame) -> pd.DataFrame:
    """The documented columns first, then ``hp.*``, then whatever else the table holds."""
    first = [*TABLE_COLUMNS, *hyperparameter_columns(trials)]
    return trials[[*first, *(name for name in trials.columns if name not in (*first, EVERY))]]


def _portable(study: Study) -> dict[str, Any]:
    """The study without where data and results lay on the machine that ran it."""
    data = {
        key: value
        for key, value in study.config.get("data", {}).items()
        if f"data.{key}" not in LOCATIONS
    }
    return {**study.config, "data": data, "overrides": portable(study.overrides)}


def _metric(study: Study) -> str:
    return str(study.config.get("workload", {}).get("metric", ERROR_RATE))


def _of_studies(trials: pd.DataFrame, only: Sequence[str]) -> pd.DataFrame:
    """The trials of these studies, without the axes that others alone search."""
    kept = trials[trials["study"].isin(only)].reset_index(drop=True)
    if kept.empty:
        raise TableError(f"there are no trials of the studies {', '.join(only)}")
    unused = [name for name in hyperparameter_columns(kept) if kept[name].isna().all()]
    return kept.drop(columns=unused)


def _together(parts: Iterable[pd.DataFrame | None]) -> pd.DataFrame | None:
    known = [part for part in parts if part is not None]
    return pd.concat(known, ignore_index=True) if known else None


# --- one source ---------------------------------------------------------------------------------


def _read_folder(path: Path) -> Results:
    return of_tables(tables.read(path), path)


def of_tables(found: tables.Tables, path: Path) -> Results:
    """The records of the results folder at a path, read already.

    Raises:
        ConfigError: there are none, or they break a rule of `checking.check`.
    """
    trials, curves, nodes = found
    if trials.empty:
        raise no_trials(path)
    studies = {name: _study(node) for name, node in nodes.items()}
    return Results(check(trials, source=str(path)), curves if len(curves) else None, studies)


def no_trials(path: Path | str) -> TableError:
    """The error for a folder without records, with what can be read near it."""
    found = [each for each in nearby.readable(path) if each != Path(path)]
    if found:
        return TableError(f"{path} holds no trials itself; name one of: {nearby.told(found)}")
    return TableError(f"{path} holds no trials yet; run harness with root={path}")


def _read_table(path: Path) -> Results:
    """A table with its curves and studies where they lie beside it."""
    if not path.exists():
        raise TableError(
            f"{path} does not exist; give a results folder or a table such as trials.csv"
        )
    content = path.read_bytes()  # at once: a pipe can be read but once
    is_parquet = content.startswith(PARQUET) or path.suffix == ".parquet"
    trials = check(
        _parquet(content, path) if is_parquet else _csv(content, path),
        source=path.name,
        first_line=None if is_parquet else 2,
    )
    curves, studies = path.parent / CURVES, path.parent / STUDIES
    return Results(
        trials,
        _curves(curves) if curves.exists() else None,
        _studies(studies) if studies.exists() else {},
    )


def _csv(content: bytes, path: Path) -> pd.DataFrame:
    try:
        head = pd.read_csv(io.BytesIO(content), header=None, nrows=1, dtype=str)
        names = [str(name).strip() for name in head.fillna("").iloc[0]]
        if len(names) == 1 and (found := re.search(r"[;\t|]", names[0])):
            raise TableError(
                f"{path.name} has {found[0]!r} between its columns; save it with commas (and decimal"
                " points)"
            )
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            return pd.read_csv(
                io.BytesIO(content),
                header=0,
                names=range(len(names)),  # as they are: pandas would rename what stands there twice
                index_col=False,  # or a cell too many would shift the others
                dtype={place: str for place, name in enumerate(names) if name in (*NAMED, "trial")},
                keep_default_na=False,  # an optimizer may be called None or NA
                na_values={
                    place: [""] if name in NAMED else NOTHING for place, name in enumerate(names)
                },
                low_memory=False,
            ).set_axis(names, axis=1)
    except pd.errors.EmptyDataError:
        raise TableError(f"{path.name} is empty; its first line should name the columns") from None
    except pd.errors.ParserWarning:
        raise TableError(
            f"{path.name} has lines of more cells than the {len(names)} columns that its first line"
            " names; name every column, or drop the cells"
        ) from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise TableError(
            f"{path.name} is not a CSV table: {problem}; save it as UTF-8 CSV"
        ) from None


def _parquet(content: bytes, path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except (OSError, ValueError) as error:  # pyarrow's own are one or the other
        problem = " ".join(str(error).split())
        raise TableError(
            f"{path} cannot be read ({problem}); write it again, or remove it"
        ) from None
    # What pandas kept as an index is a column too; and words for nothing are what they are in CSV.
    frame = frame.reset_index() if any(frame.index.names) else frame
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        if name not in NAMED and pd.api.types.is_string_dtype(column.dtype):
            frame.isetitem(place, column.mask(column.map(_says_nothing)))
    return frame


def _says_nothing(cell: Any) -> bool:
    return isinstance(cell, str) and cell in NOTHING


def _curves(path: Path) -> pd.DataFrame:
    curves = _parquet(path.read_bytes(), path)
    missing = [name for name in (*IDENTITY, "step", "val_error") if name not in curves]
    if missing:
        raise TableError(f"{path} lacks the column {missing[0]}; write it again by harness report")
    where = Where(path.name, None)
    alike = {name: words(curves[name]) for name in IDENTITY if name != "trial"}
    for name in (column for column in CURVE_COLUMNS if column in curves):
        if curves[name].dtype not in ("int64", "float64"):
            alike[name] = numbers(curves, name, where)
    return curves.assign(trial=trial_numbers(curves, where), **alike)


def _studies(path: Path) -> dict[str, Study]:
    try:
        nodes = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): _sound(_study(node)) for name, node in nodes.items()}
    except (ConfigError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TableError(f"{path} is damaged ({error}); remove it, or write it again") from None


def _study(node: Mapping[str, Any]) -> Study:
    config = {key: value for key, value in node.items() if key != "overrides"}
    return Study(config, tuple(node.get("overrides", ())))


def _sound(study: Study) -> Study:
    """The study, looked at where what is wrong with it can be said of its file.

    Raises:
        ConfigError, KeyError, TypeError: its names, space or overrides are not what they must be.
    """
    _ = study.workload, study.optimizer, study.space
    if not all(isinstance(word, str) for word in study.overrides):
        raise TypeError("overrides are not words")
    return study
