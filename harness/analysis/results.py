"""Everything known of some trials: their table, their learning curves and their studies.

A results folder has all three. A table ``trials.csv`` has them too when ``curves.parquet`` and
``studies.json`` lie beside it, as `harness.report` writes them; anyone else's table is complete
without.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from harness.analysis import table
from harness.analysis.table import TableError
from harness.records.store import TABLE_COLUMNS
from harness.study.study import LOCATIONS, portable

ERROR_RATE = "error rate"  # what every workload of this project measures
TABLE, CURVES, STUDIES = "trials.csv", "curves.parquet", "studies.json"


class Results(NamedTuple):
    """One study per workload and optimizer (and search space, where the table labels several)."""

    trials: pd.DataFrame  # checked: `table.check`
    curves: pd.DataFrame | None  # one row an evaluation, None where there are none
    studies: dict[str, dict[str, Any]]  # by fingerprint, with search_space and overrides

    def sampler(self) -> str:
        """How the trials were drawn, in a sentence for captions; empty where it is not known."""
        names = {
            str(study.get("sampler", {}).get("name", ""))
            for study in (self.studies.get(name, {}) for name in self.trials["study"].unique())
        }
        if "halton" in names:
            return "Trials are Halton points, so K is a random-search equivalent."
        return "Trials are independent draws." if names == {"uniform"} else ""


def read(
    sources: table.Paths,
    *,
    study: str | Sequence[str] | None = None,
    pool: bool = False,
    all_studies: bool = False,
) -> Results:
    """Results of folders and tables together.

    Args:
        study, pool: see `table.select_studies`.
        all_studies: keep every study, for Figures 3 and 4; nothing else can be drawn of that.

    Raises:
        ConfigError: a source that is missing, damaged or breaks a rule of `table.check`.
    """
    paths = [Path(path) for path in ([sources] if isinstance(sources, str | Path) else sources)]
    trials = table.read(paths)
    studies = {} if all(path.is_file() for path in paths) else table.read_studies(paths)
    for path in paths:
        studies |= _studies_beside(path)
    if studies and "metric" not in trials:
        trials["metric"] = trials["study"].map(lambda name: ERROR_RATE if name in studies else None)
    if all_studies:
        table.check_same_workload(trials, studies)
    else:
        trials = table.select_studies(trials, study, studies=studies, pool=pool)
    return Results(trials, _curves(paths, trials), studies)


def read_spaces(spaces: Mapping[str, Path], *, num_trials: int | None = None) -> Results:
    """The same optimizers tuned on several search spaces: a source each, least general first.

    Args:
        spaces: results folders or tables by the label of their search space, which their trials get
            in the column `table.SEARCH_SPACE`, for Figures 3 and 4.
        num_trials: leave out trials of this index and above, so that all spaces have as many.

    Raises:
        ConfigError: as `read`, of each source by itself; sources that differ in more than spaces.
    """
    parts = []
    for label, path in spaces.items():
        one = read(path)
        few = one.trials[one.trials["trial"] < (num_trials or math.inf)]
        parts.append(one._replace(trials=few.assign(**{table.SEARCH_SPACE: label})))
    trials = table.check(
        pd.concat([part.trials for part in parts], ignore_index=True), source="the spaces together"
    )
    curves = [part.curves for part in parts if part.curves is not None]
    keys = [*table.IDENTITY, "step"]  # a study of two spaces has its curves once
    together = pd.concat(curves, ignore_index=True).drop_duplicates(keys) if curves else None
    studies = {name: study for part in parts for name, study in part.studies.items()}
    table.check_same_workload(trials, studies)
    return Results(trials, together, studies)


def save(results: Results, folder: Path) -> list[Path]:
    """Write what `read` finds again from ``folder / TABLE``."""
    paths = [folder / TABLE]
    in_order(results.trials).to_csv(paths[0], index=False)
    if results.curves is not None:
        paths.append(folder / CURVES)
        results.curves.to_parquet(paths[-1], index=False, compression="zstd")
    if results.studies:
        paths.append(folder / STUDIES)
        used = {
            name: results.studies[name]
            for name in results.trials["study"].unique()
            if name in results.studies
        }
        text = json.dumps({name: _portable(study) for name, study in used.items()}, indent=1)
        paths[-1].write_text(text + "\n", encoding="utf-8")
    return paths


def _portable(study: Mapping[str, Any]) -> dict[str, Any]:
    """The study without where data and results lay on the machine that ran it."""
    data = {
        key: value for key, value in study.get("data", {}).items() if f"data.{key}" not in LOCATIONS
    }
    return {**study, "data": data, "overrides": portable(study.get("overrides", []))}


def in_order(trials: pd.DataFrame) -> pd.DataFrame:
    """The documented columns first, then ``hp.*``, then whatever else the table holds."""
    first = [*TABLE_COLUMNS, *table.hyperparameter_columns(trials)]
    return trials[[*first, *(name for name in trials.columns if name not in first)]]


def _curves(paths: Sequence[Path], trials: pd.DataFrame) -> pd.DataFrame | None:
    """The curves of the trials in the table, from folders and from files beside tables."""
    folders = [path for path in paths if path.is_dir()]
    parts = []
    if folders:
        with contextlib.suppress(TableError):  # a folder whose records hold no curve
            parts.append(table.read_curves(folders))
    beside = [path.parent / CURVES for path in paths if path.is_file()]
    parts += [_parquet(path) for path in beside if path.exists()]
    if not parts:
        return None
    keys = list(table.IDENTITY)
    known = trials[keys].drop_duplicates()
    return pd.concat(parts, ignore_index=True).merge(known, on=keys)


def _parquet(path: Path) -> pd.DataFrame:
    curves = table.read_parquet(path)
    missing = [name for name in (*table.IDENTITY, "step", "val_error") if name not in curves]
    if missing:
        raise TableError(
            f"{path} lacks the column {missing[0]}; write it again with harness.report"
        )
    return curves


def _studies_beside(path: Path) -> dict[str, dict[str, Any]]:
    file = path.parent / STUDIES
    if path.is_dir() or not file.exists():
        return {}
    try:
        studies = json.loads(file.read_text(encoding="utf-8"))
        if not all(isinstance(study["search_space"], dict) for study in studies.values()):
            raise ValueError("a study without a search space")
        return studies
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TableError(f"{file} is damaged ({error}); remove it, or write it again") from None
