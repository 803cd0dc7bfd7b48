"""A table of trials: read, checked, and split into the groups that statistics are about.

One row a trial. Needed columns: ``workload, optimizer, trial, status, val_error``. Known beside
them: ``study`` (the fingerprint of workload, optimizer, search space and seed), ``train_loss,
test_error, val_loss, test_loss, steps, train_seconds``, and ``hp.*``, the searched coordinates. Any
other column is kept and ignored, but for ``metric``, which says what the errors are.

What counts: *complete* trials are feasible; *diverged* ones (the training loss was not finite) are
results too, infinitely bad ones. All others (failed, out_of_memory, timeout, stopped, missing) say
something about the machine, not the optimizer: they are listed, and never enter a statistic.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.errors import ConfigError
from harness.study.inclusions import EDGES
from harness.study.study import NOT_OF_THE_STUDY

REQUIRED = ("workload", "optimizer", "trial", "status", "val_error")
NUMBERS = (
    "trial", "train_loss", "val_error", "val_loss", "test_error", "test_loss", "steps",
    "train_seconds",
)  # fmt: skip
FEASIBLE = "complete"
DIVERGED = "diverged"
LISTED = ("failed", "out_of_memory", "timeout", "stopped", "missing")  # never in a statistic
STATUSES = (FEASIBLE, DIVERGED, *LISTED)
IDENTITY = ("workload", "optimizer", "study", "trial")
SEARCH_SPACE = "search_space"  # a label, in a table that holds several (Figures 3 and 4)

Paths = str | Path | Iterable[str | Path]
Studies = Mapping[str, Mapping[str, Any]]


class TableError(ConfigError):
    """A table that can't be analysed as it is: one line that names rule, row, column and remedy."""


class Group(NamedTuple):
    """The trials of one optimizer on one workload."""

    workload: str
    optimizer: str
    trials: pd.DataFrame


# --- reading ------------------------------------------------------------------------------------


def read(paths: Paths) -> pd.DataFrame:
    """The checked table of one or several sources: results folders, ``.csv`` or ``.parquet`` files.

    Raises:
        TableError: a source is missing or empty, or its table breaks a rule of `check`.
    """
    tables = [_read_one(Path(path)) for path in _listed(paths)]
    if len(tables) == 1:
        return tables[0]
    return check(pd.concat(tables, ignore_index=True), source="the tables together")


def read_curves(paths: Paths) -> pd.DataFrame:
    """The learning curves, one row an evaluation, of those sources that are results folders."""
    from harness.records.store import read_curves as read_folder

    folders = [Path(path) for path in _listed(paths) if Path(path).is_dir()]
    tables = [table for folder in folders if len(table := read_folder(folder))]
    if not tables:
        raise TableError(
            "learning curves are needed and none were found; give a results folder, not a CSV"
        )
    return pd.concat(tables, ignore_index=True)


def read_studies(paths: Paths) -> dict[str, dict[str, Any]]:
    """The resolved studies, by fingerprint, of those sources that are results folders."""
    from harness.records.store import read_studies as read_folder

    studies: dict[str, dict[str, Any]] = {}
    for path in _listed(paths):
        if Path(path).is_dir():
            studies |= read_folder(path)
    return studies


def _listed(paths: Paths) -> list[str | Path]:
    return [paths] if isinstance(paths, str | Path) else list(paths)


def _read_one(path: Path) -> pd.DataFrame:
    if path.is_dir():
        from harness.records.store import read_trials

        trials = read_trials(path)
        if trials.empty:
            raise TableError(f"{path} holds no trials yet; run python -m harness with root={path}")
        return check(trials, source=str(path))
    if not path.exists():
        raise TableError(
            f"{path} does not exist; give a results folder or a table such as trials.csv"
        )
    try:
        if path.suffix == ".parquet":
            return check(read_parquet(path), source=path.name)
        text = dict.fromkeys(("workload", "optimizer", "study", "status", SEARCH_SPACE), str)
        return check(
            pd.read_csv(path, dtype=text, low_memory=False), source=path.name, first_line=2
        )
    except pd.errors.EmptyDataError:
        raise TableError(f"{path.name} is empty; its first line should name the columns") from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise TableError(
            f"{path.name} is not a CSV table: {problem}; save it as UTF-8 CSV"
        ) from None


def read_parquet(path: Path) -> pd.DataFrame:
    """The unchecked table in a Parquet file.

    Raises:
        TableError: the file is damaged or not a Parquet file.
    """
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's own are one or the other
        problem = " ".join(str(error).split())
        raise TableError(
            f"{path} cannot be read ({problem}); write it again, or remove it"
        ) from None


# --- checking -----------------------------------------------------------------------------------


def check(
    trials: pd.DataFrame, *, source: str = "the table", first_line: int | None = None
) -> pd.DataFrame:
    """The table with every known column present and numeric, its rows unchanged in number and order.

    Args:
        trials: one row a trial; left as it is.
        source: what messages call it.
        first_line: the file's line that row 0 is on; None to number rows from 0.

    >>> check(pd.DataFrame({"workload": ["w"], "optimizer": ["sgd"], "trial": [0],
    ...                     "status": ["complete"], "val_error": ["0.1"]})).val_error.tolist()
    [0.1]

    Raises:
        TableError: the first broken rule.
    """
    where = _Where(source, first_line)
    missing = [name for name in REQUIRED if name not in trials.columns]
    if missing:
        raise TableError(
            f"{source} lacks the column {missing[0]}; it has {', '.join(map(str, trials.columns))};"
            f" a table needs {', '.join(REQUIRED)}"
        )
    if trials.empty:
        raise TableError(f"{source} is empty: it names columns and holds no trials")
    trials = trials.reset_index(drop=True).copy()
    if "study" not in trials:
        trials["study"] = ""
    for name in ("workload", "optimizer", "status"):
        _check_filled(trials, name, where)
        trials[name] = trials[name].astype(str).str.strip()
    trials["study"] = trials["study"].fillna("").astype(str)
    _check_status(trials, where)
    for name in NUMBERS:
        trials[name] = _numbers(trials, name, where) if name in trials else np.nan
    for name in hyperparameter_columns(trials):
        if pd.to_numeric(trials[name], errors="coerce").notna().any():  # else names, left as text
            trials[name] = _numbers(trials, name, where)
    _check_trial_numbers(trials, where)
    _check_errors(trials, where)
    _check_unique(trials, where)
    _check_one_metric(trials, source)
    return trials


class _Where(NamedTuple):
    source: str
    first_line: int | None

    def __call__(self, row: int) -> str:
        if self.first_line is None:
            return f"{self.source} row {row}"
        return f"{self.source} line {row + self.first_line}"


def _first(mask: pd.Series) -> int | None:
    rows = np.flatnonzero(mask.to_numpy())
    return int(rows[0]) if len(rows) else None


def _name(trials: pd.DataFrame, row: int) -> str:
    trial = trials.loc[row]
    return f"{trial['workload']}/{trial['optimizer']} trial {trial['trial']}"


def _check_filled(trials: pd.DataFrame, column: str, where: _Where) -> None:
    if (row := _first(trials[column].isna())) is not None:
        raise TableError(f"{where(row)}: {column} is empty; every trial needs one")


def _check_status(trials: pd.DataFrame, where: _Where) -> None:
    if (row := _first(~trials["status"].isin(STATUSES))) is not None:
        raise TableError(
            f"{where(row)}: status {trials['status'][row]!r} is not one of: {', '.join(STATUSES)}"
        )


def _numbers(trials: pd.DataFrame, column: str, where: _Where) -> pd.Series:
    numbers = pd.to_numeric(trials[column], errors="coerce")
    if (row := _first(numbers.isna() & trials[column].notna())) is not None:
        raise TableError(
            f"{where(row)}: {column} is {trials[column][row]!r}, not a number; leave a cell without"
            " a value empty"
        )
    return numbers.astype(float)


def _check_trial_numbers(trials: pd.DataFrame, where: _Where) -> None:
    whole = trials["trial"] % 1 == 0  # False for NaN and infinity
    if (row := _first(~whole)) is not None:
        raise TableError(
            f"{where(row)}: trial is {trials['trial'][row]:g}; give every trial a whole number"
        )
    trials["trial"] = trials["trial"].astype(int)


def _check_errors(trials: pd.DataFrame, where: _Where) -> None:
    complete = trials["status"] == FEASIBLE
    if (row := _first(complete & ~np.isfinite(trials["val_error"]))) is not None:
        value = (
            "empty (NaN)" if np.isnan(trials["val_error"][row]) else f"{trials['val_error'][row]}"
        )
        raise TableError(
            f"{where(row)}: val_error is {value} in a complete trial ({_name(trials, row)}); fill it"
            " in, or give the trial the status diverged or failed"
        )


def _check_unique(trials: pd.DataFrame, where: _Where) -> None:
    keys = [*IDENTITY, *([SEARCH_SPACE] if SEARCH_SPACE in trials else [])]
    if (row := _first(trials.duplicated(keys))) is not None:
        same = (trials[keys] == trials.loc[row, keys]).all(axis=1)
        raise TableError(
            f"{where(row)}: {_name(trials, row)} stands there twice, first at {where(_first(same) or 0)}"
            " (columns workload, optimizer, study, trial); drop one, or tell them apart by study"
        )


def _check_one_metric(trials: pd.DataFrame, source: str) -> None:
    """All errors of a workload are the same quantity, in the same unit."""
    for workload, rows in trials.groupby("workload", sort=False):
        if "metric" in trials:
            metrics = list(dict.fromkeys(rows["metric"].dropna()))
            if len(metrics) > 1:
                raise TableError(
                    f"{source}: workload {workload} mixes metrics in the column metric:"
                    f" {', '.join(map(str, metrics))}; give each its own workload name"
                )
            continue
        # Fractions beside percentages. Broad searches reach chance level with every optimizer, so
        # two ranges of errors that 1 separates are a change of unit, not a result.
        errors = rows[rows["status"] == FEASIBLE].groupby("optimizer", sort=False)["val_error"]
        spans = errors.agg(["min", "max", "count"])
        spans = spans[(spans["count"] >= 5) & (spans["max"] > 0)]
        fractions, percentages = spans[spans["max"] <= 1], spans[spans["min"] > 1]
        if len(fractions) and len(percentages):
            raise TableError(
                f"{source}: workload {workload} mixes metrics in val_error: {fractions.index[0]} has"
                f" at most {fractions['max'].iloc[0]:g} (a fraction?), {percentages.index[0]} at"
                f" least {percentages['min'].iloc[0]:g} (a percentage?); use one unit, or add a"
                " column metric that names it"
            )


# --- one study per optimizer and workload -------------------------------------------------------


def select_studies(
    trials: pd.DataFrame,
    study: str | Sequence[str] | None = None,
    *,
    studies: Studies | None = None,
    pool: bool = False,
) -> pd.DataFrame:
    """The trials to compare: one study (search space and settings) per workload and optimizer.

    Args:
        trials: a checked table.
        study: fingerprints, or beginnings of them, to keep where an optimizer has several studies
            on a workload; a pair that none of them belongs to keeps all it has.
        studies: the resolved settings by fingerprint (`read_studies`), to say what differs, and to
            hold optimizers of a workload to the same workload settings.
        pool: merge studies that differ in their seeds alone (independent scrambles, or
            ``sampler.seed``), in a new column ``pool``; other columns stay, so a trial can still
            be found. Without ``studies`` this is taken on trust.

    Raises:
        TableError: an optimizer has several studies on a workload and neither argument settles
            which; a fingerprint that matches nothing; pooled studies that differ in more than
            seeds; optimizers of a workload with different workload settings.
    """
    if study is not None:
        trials = _keep(trials, [study] if isinstance(study, str) else list(study))
    settings = studies or {}
    pooled = trials.assign(pool="") if pool else trials
    for (workload, optimizer), rows in trials.groupby(["workload", "optimizer"], sort=False):
        names = sorted(rows["study"].unique())
        if len(names) == 1:
            continue
        difference = _difference(names, settings, ignore=("seed", "sampler.seed") if pool else ())
        if difference or not pool:
            raise _several(f"{workload}/{optimizer}", names, difference)
        pooled.loc[rows.index, "pool"] = "+".join(names)
    check_same_workload(trials, settings)
    return pooled


def _several(pair: str, names: Sequence[str], difference: str | None) -> TableError:
    differing = f" that differ in {difference}" if difference else ""
    listed = ", ".join(name or "(none)" for name in names)
    return TableError(
        f"{pair} has {len(names)} studies{differing}: {listed}; choose one with study=FINGERPRINT,"
        " or pool those that differ in their seed alone with pool=true"
    )


def _keep(trials: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    matches = trials["study"].str.startswith(tuple(wanted))
    known = list(dict.fromkeys(trials["study"]))
    for name in wanted:
        if not name or not any(fingerprint.startswith(name) for fingerprint in known):
            raise TableError(f"study {name!r} is not in the table, which holds: {', '.join(known)}")
    chosen = matches.groupby([trials["workload"], trials["optimizer"]]).transform("any")
    return trials[matches | ~chosen].reset_index(drop=True)


def _difference(names: Sequence[str], studies: Studies, ignore: Sequence[str] = ()) -> str | None:
    """The first setting in which studies differ, as ``search_space.lr.high (1, 10)``; None if none."""
    flat = [
        _flat({k: v for k, v in studies[name].items() if k != "overrides"})
        for name in names
        if name in studies
    ]
    for one, other in itertools.pairwise(flat):
        for key in sorted(one.keys() | other.keys()):
            if key not in (*ignore, *NOT_OF_THE_STUDY) and one.get(key) != other.get(key):
                return f"{key} ({one.get(key, 'absent')}, {other.get(key, 'absent')})"
    return None


def _flat(node: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(node, Mapping):
        return {prefix: node}
    inner = (_flat(value, f"{prefix}.{key}" if prefix else str(key)) for key, value in node.items())
    return {name: value for flat in inner for name, value in flat.items()}


WORKLOAD_SETTINGS = ("workload", "model", "data", "precision")


def check_same_workload(trials: pd.DataFrame, studies: Studies) -> None:
    """That all trials of a workload have the same batch size, steps, model, data and precision.

    Raises:
        TableError: they do not, so their errors are not comparable.
    """
    for workload, rows in trials.groupby("workload", sort=False):
        names = [name for name in dict.fromkeys(rows["study"]) if name in studies]
        settings = {
            name: {key: studies[name].get(key) for key in WORKLOAD_SETTINGS} for name in names
        }
        difference = _difference(names, settings)
        if difference:
            raise TableError(
                f"workload {workload} was run with different settings, {difference}, by the studies"
                f" {', '.join(names)}; compare like with like: choose with study=FINGERPRINT"
            )


# --- what statistics are about ------------------------------------------------------------------


def groups(trials: pd.DataFrame) -> Iterator[Group]:
    """The trials of each workload and optimizer: workloads as they come, optimizers in their order.

    Raises:
        TableError: a pair has several studies that `select_studies` has not pooled; they would be
            mixed silently.
    """
    pairs = dict(iter(trials.groupby(["workload", "optimizer"], sort=False)))
    workloads = dict.fromkeys(workload for workload, _ in pairs)
    optimizers = optimizer_order(optimizer for _, optimizer in pairs)
    for workload, optimizer in itertools.product(workloads, optimizers):
        if (workload, optimizer) not in pairs:
            continue
        rows = pairs[workload, optimizer]
        names = sorted(rows["study"].unique())
        if len(names) > 1 and not ("pool" in rows and (rows["pool"] != "").all()):
            raise _several(f"{workload}/{optimizer}", names, None)
        yield Group(workload, optimizer, rows)


def optimizer_order(names: Iterable[str]) -> list[str]:
    """Distinct names, special before general as the inclusions list them, others as they come.

    >>> optimizer_order(["lion", "adam", "sgd", "adam", "momentum"])
    ['sgd', 'momentum', 'adam', 'lion']
    """
    hierarchy = dict.fromkeys(name for edge in EDGES for name in (edge.special, edge.general))
    given = list(dict.fromkeys(names))
    return [name for name in hierarchy if name in given] + [n for n in given if n not in hierarchy]


def counted(rows: pd.DataFrame, *, feasible_only: bool = True) -> pd.DataFrame:
    """The rows that enter statistics: complete trials, and diverged ones where every trial counts."""
    feasible = rows["status"] == FEASIBLE
    return rows[feasible if feasible_only else feasible | (rows["status"] == DIVERGED)]


def values(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """A column of counted rows as ``[trials]``, infinite in diverged trials.

    Raises:
        TableError: the column is absent, of words, or empty in a complete trial.
    """
    if column not in rows:
        raise TableError(f"the table lacks the column {column}; it has {', '.join(rows.columns)}")
    if not pd.api.types.is_numeric_dtype(rows[column]):
        raise TableError(f"the column {column} holds words; choose one of numbers, as val_error")
    result = rows[column].astype(float).where(rows["status"] == FEASIBLE, np.inf)
    if (row := _first(result.isna())) is not None:
        trial = rows.iloc[row]
        raise TableError(
            f"{trial['workload']}/{trial['optimizer']} trial {trial['trial']}: {column} is empty (NaN)"
            f" in a complete trial; fill it in, or choose another column than {column}"
        )
    return result.to_numpy()


def hyperparameter_columns(trials: pd.DataFrame) -> list[str]:
    """The searched coordinates' columns, ``hp.*``."""
    return [name for name in trials.columns if str(name).startswith("hp.")]
