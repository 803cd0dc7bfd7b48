"""Figures 3 and 4: the same optimizers with ever more hyperparameters tuned, a column each.

After Wilson et al. and Schneider et al. as Choi et al. retell them: tuned on the learning rate alone
optimizers differ, and the ranking changes until the spaces hold what the inclusions need.

Input: a table of trials with a further column ``search_space``, a label such as ``lr only``, ``+ other
hyperparameters``, ``+ schedule``; the columns come in the order of their first rows. Every label has
one study per workload and optimizer.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.cells import comparison_budget
from harness.analysis.table import SEARCH_SPACE as COLUMN
from harness.analysis.table import TableError
from harness.figures import selected, style


def labels(trials: pd.DataFrame) -> list[str]:
    """The search spaces of a table, least general first; empty where the table has no such column."""
    return list(trials[COLUMN].dropna().astype(str).unique()) if COLUMN in trials else []


def data(
    trials: pd.DataFrame,
    metrics: Sequence[str] = ("val_error", "test_error"),
    *,
    max_budget: int | None = None,
) -> pd.DataFrame:
    """The rows of `selected.errors` for every search space, which ``search_space`` names.

    Every workload, optimizer and space has a row: one that was not run says so in ``missing``. All
    spaces of a workload are compared at one budget, the smallest of their own.

    Raises:
        TableError: no column ``search_space``, or trials without one.
    """
    if COLUMN not in trials:
        raise TableError(
            f"the table lacks the column {COLUMN}, a label of each trial's search space such as"
            " 'lr only'; Figures 3 and 4 compare such spaces"
        )
    if trials[COLUMN].isna().any():
        raise TableError(
            f"row {int(trials[COLUMN].isna().argmax())}: {COLUMN} is empty; label every trial"
        )
    spaces = {label: trials[trials[COLUMN] == label] for label in labels(trials)}
    budgets = [comparison_budget(rows, max_budget) for rows in spaces.values()]
    parts = []
    for workload, budget in pd.concat(budgets).groupby(level=0, sort=False).min().items():
        for label, rows in spaces.items():
            here = rows[rows["workload"] == workload]
            if len(here):
                part = selected.errors(here, metrics=metrics, max_budget=int(budget))
                parts.append(part.assign(**{COLUMN: label}))
    if not parts:
        raise TableError("no trial is complete: there is no error to show")
    return _complete(pd.concat(parts, ignore_index=True), trials, metrics)


def _complete(frame: pd.DataFrame, trials: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Rows for the combinations that no trial was run of."""
    order = {
        "workload": list(trials["workload"].unique()),
        COLUMN: labels(trials),
        "metric": list(metrics),
        "optimizer": list(trials["optimizer"].unique()),
    }
    index = pd.MultiIndex.from_product(order.values(), names=order)
    whole = frame.set_index(list(order)).reindex(index).reset_index()
    units = frame.groupby("workload")["unit"].first()
    whole["missing"] = whole["missing"].fillna("not run")
    whole["trials"] = whole["trials"].fillna(0).astype(int)
    return whole.assign(unit=whole["workload"].map(units), select_by="val_error")


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """A row a workload (and metric), a column a search space; the rows share their vertical axis."""
    rows = list(frame[["workload", "metric"]].drop_duplicates().itertuples(index=False, name=None))
    spaces = list(frame[COLUMN].unique())
    width = max(1.9, 0.4 * frame["optimizer"].nunique() + 0.5)
    figure = style.canvas(width * len(spaces) + 0.8, 2.5 * len(rows) + 0.4)
    grid = figure.subplots(len(rows), len(spaces), squeeze=False, sharex=True, sharey="row")
    for (workload, metric), line in zip(rows, grid, strict=True):
        here = frame[(frame["workload"] == workload) & (frame["metric"] == metric)]
        for space, axes in zip(spaces, line, strict=True):
            cell = here[here[COLUMN] == space]
            selected.draw_panel(axes, cell)
            axes.set_title(f"{style.short(space, 28)}\n{selected.budget_words(cell)}")
        selected.scale(line[0], here)  # shared by the row, so by all its columns' values
        line[0].set_ylabel(
            f"{style.short(workload, 26)}\n{style.quantity(metric, here['unit'].iloc[0])}"
        )
    caption = (
        "More hyperparameters are tuned from left to right; ranges may differ too. Of the trial with the lowest validation"
        f" error among K feasible ones: {selected.MARKS} {note}"
    )
    return style.finish(figure, caption)
