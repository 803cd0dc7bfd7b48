"""The rules of a table of trials: every broken one in one line that names rule, row, column and remedy.

One row a trial. Needed columns: ``workload, optimizer, trial, status, val_error``. Known beside
them: ``study`` (the fingerprint of workload, optimizer, search space and seed), ``train_loss,
test_error, val_loss, test_loss, steps, train_seconds``, and ``hp.*``, the searched coordinates. Any
other column is kept and ignored, but for ``metric``, which says what the errors are, and
``search_space``, the label of the space in a table that holds several (Figures 3 and 4).
"""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.errors import ConfigError
from harness.study.parametrisation import BOUNDS
from harness.study.result import COMPLETE, FINAL_COLUMNS, FINISHED, IDENTITY, STATUSES

REQUIRED = ("workload", "optimizer", "trial", "status", "val_error")
NUMBERS = (*FINAL_COLUMNS, "steps", "train_seconds")
TABLE_STATUSES = (*STATUSES, "stopped", "missing")  # tables of others may hold the last two
LISTED = tuple(status for status in TABLE_STATUSES if status not in FINISHED)
SEARCH_SPACE = "search_space"
EVERY = "every_trial_counts"  # see `counting`; asked for, and never read from a file
KNOWN = (*REQUIRED, "study", *NUMBERS, "metric", SEARCH_SPACE)
MOST_DIGITS = 1000  # of a trial number


class TableError(ConfigError):
    """A table that can't be analysed as it is: one line that names rule, row, column and remedy."""


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
    where = Where(source, first_line)
    _check_columns(trials, source)
    if trials.empty:
        raise TableError(f"{source} is empty: it names columns and holds no trials")
    trials = trials.drop(columns=EVERY, errors="ignore").reset_index(drop=True)
    if "study" not in trials:
        trials["study"] = ""
    for name in ("workload", "optimizer", "status"):
        trials[name] = _filled(trials, name, where)
    trials["study"] = words(trials["study"]).fillna("")
    _check_status(trials, where)
    trials["trial"] = trial_numbers(trials, where)
    for name in NUMBERS:
        trials[name] = numbers(trials, name, where) if name in trials else np.nan
    for name in hyperparameter_columns(trials):
        named = _holds_names(trials[name])
        trials[name] = words(trials[name]) if named else numbers(trials, name, where)
    _check_errors(trials, where)
    _check_unique(trials, where)
    _check_one_metric(trials, source)
    return trials


def _check_columns(trials: pd.DataFrame, source: str) -> None:
    missing = [name for name in REQUIRED if name not in trials.columns]
    if missing:
        shown = ", ".join(map(str, trials.columns))
        raise TableError(
            f"{source} lacks the column {missing[0]}; it has {shown[:300]}; a table needs"
            f" {', '.join(REQUIRED)}"
        )
    for name in trials.columns[trials.columns.duplicated()]:
        if name in KNOWN or str(name).startswith("hp."):
            raise TableError(f"{source} has two columns {name}; rename or drop one")


def _holds_names(column: pd.Series) -> bool:
    """Whether a coordinate's values are words, as a schedule's are; some may look like numbers.

    A word in a coordinate that is known to be a number, such as ``hp.lr``, is a mistake.
    """
    if str(column.name).removeprefix("hp.") in BOUNDS:
        return False
    return bool((_floats(column).isna() & column.notna()).any())


def words(column: pd.Series) -> pd.Series:
    """Its cells as text, whatever they are (numbers, lists, categories, bytes); empty ones stay so."""
    text = column.astype(object).map(
        lambda cell: cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
    )
    return text.where(column.notna(), None).astype(object)


def _floats(column: pd.Series) -> pd.Series:
    """Its cells as numbers, NaN for any that is none; what is too large for one is infinite."""
    if column.dtype.kind in "mM":  # times, which pandas counts in nanoseconds
        return pd.Series(math.nan, column.index)
    try:
        return pd.to_numeric(column, errors="coerce").astype(float)
    except OverflowError:  # whole numbers of more than 308 digits
        return column.map(_float).astype(float)


def _float(cell: Any) -> float:
    try:
        return float(Decimal(str(cell)))  # infinite where it is too large
    except InvalidOperation:
        return math.nan


class Where(NamedTuple):
    source: str
    first_line: int | None

    def __call__(self, row: int) -> str:
        if self.first_line is None:
            return f"{self.source} row {row}"
        return f"{self.source} line {row + self.first_line}"


def first_row(mask: pd.Series) -> int | None:
    """The place of the first row for which it holds, None where there is none."""
    rows = np.flatnonzero(mask.to_numpy())
    return int(rows[0]) if len(rows) else None


def _name(trials: pd.DataFrame, row: int) -> str:
    trial = trials.loc[row]
    return f"{trial['workload']}/{trial['optimizer']} trial {trial['trial']}"


def _filled(trials: pd.DataFrame, column: str, where: Where) -> pd.Series:
    found = words(trials[column]).str.strip().fillna("")
    if (row := first_row(found == "")) is not None:
        raise TableError(f"{where(row)}: {column} is empty; every trial needs one")
    return found


def _check_status(trials: pd.DataFrame, where: Where) -> None:
    if (row := first_row(~trials["status"].isin(TABLE_STATUSES))) is not None:
        raise TableError(
            f"{where(row)}: status {trials['status'][row]!r} is not one of: {', '.join(TABLE_STATUSES)}"
        )


def numbers(trials: pd.DataFrame, column: str, where: Where) -> pd.Series:
    """A column as floats.

    Raises:
        TableError: a cell that is no number.
    """
    found = _floats(trials[column])
    if (row := first_row(found.isna() & trials[column].notna())) is not None:
        raise TableError(
            f"{where(row)}: {column} is {_shown(trials[column][row])!r}, not a number; leave a cell"
            " without a value empty"
        )
    return found


def _shown(cell: Any) -> str:
    return text if len(text := str(cell)) <= 80 else f"{text[:79]}…"


def trial_numbers(trials: pd.DataFrame, where: Where) -> pd.Series:
    """Whole to the last digit, however long: as floats those of more than 15 are not told apart.

    Raises:
        TableError: one that is not whole.
    """
    given = trials["trial"]
    if pd.api.types.is_signed_integer_dtype(given) and not given.isna().any():
        return given.astype("int64")
    whole = [_whole(cell) for cell in given.astype(object)]
    if None in whole:
        row = whole.index(None)
        raise TableError(
            f"{where(row)}: trial is {_shown(given[row])}; give every trial a whole number"
        )
    try:
        return pd.Series(np.array(whole, dtype="int64"), given.index)
    except OverflowError:
        return pd.Series(whole, given.index, dtype=object)


def _whole(cell: Any) -> int | None:
    """A whole number, also as 3.0, 3e2 or text; None for anything else."""
    try:
        number = Decimal(cell if isinstance(cell, float) else str(cell))
    except InvalidOperation:
        return None
    if not number.is_finite() or "_" in str(cell) or abs(number.adjusted()) > MOST_DIGITS:
        return None
    return int(number) if number == number.to_integral_value() else None


def _check_errors(trials: pd.DataFrame, where: Where) -> None:
    complete = trials["status"] == COMPLETE
    if (row := first_row(complete & ~np.isfinite(trials["val_error"]))) is not None:
        value = (
            "empty (NaN)" if np.isnan(trials["val_error"][row]) else f"{trials['val_error'][row]}"
        )
        raise TableError(
            f"{where(row)}: val_error is {value} in a complete trial ({_name(trials, row)}); fill it"
            " in, or give the trial the status diverged or failed"
        )


def _check_unique(trials: pd.DataFrame, where: Where) -> None:
    keys = [*IDENTITY, *([SEARCH_SPACE] if SEARCH_SPACE in trials else [])]
    if (row := first_row(trials.duplicated(keys))) is not None:
        same = (trials[keys] == trials.loc[row, keys]).all(axis=1)
        raise TableError(
            f"{where(row)}: {_name(trials, row)} stands there twice, first at {where(first_row(same) or 0)}"
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
        errors = rows[rows["status"] == COMPLETE].groupby("optimizer", sort=False)["val_error"]
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


def hyperparameter_columns(trials: pd.DataFrame) -> list[str]:
    """The searched coordinates' columns, ``hp.*``."""
    return [name for name in trials.columns if str(name).startswith("hp.")]
