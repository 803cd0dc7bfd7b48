"""Does a comparison hold on other search spaces that were searched too? Every pair judged on each.

Input: the table of `search_spaces`, a label of its search space on every trial. All spaces of a workload are
judged at one K, the smallest of their own, by the paired test, adjusted for the pairs of each.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from harness.analysis import pairs
from harness.analysis.checking import SEARCH_SPACE, hyperparameter_columns
from harness.analysis.names import listed, name
from harness.analysis.pooling import Studies
from harness.analysis.search_spaces import by_search_space, labels


class Across(NamedTuple):
    """Both tables; ``spaces`` are the labels, the least general first."""

    spaces: list[str]
    errors: pd.DataFrame  # by_search_space
    pairs: pd.DataFrame  # pairs.pairs on each of them, which search_space names


def across_spaces(
    trials: pd.DataFrame, studies: Studies | None = None, *, max_budget: int | None = None
) -> Across:
    """The same optimizers by validation error on every space of a table.

    Raises:
        TableError: as `search_spaces.by_search_space`.
    """
    errors = by_search_space(trials, max_budget=max_budget)
    budgets = errors[errors["budget_trials"] > 0].groupby("workload")["budget_trials"].min()
    names = labels(trials)
    judged = []
    for workload, k in budgets.items():
        for label in names:
            here = trials[(trials["workload"] == workload) & (trials[SEARCH_SPACE] == label)]
            if len(here):
                found = pairs.pairs(here.drop(columns=SEARCH_SPACE), budget=int(k), studies=studies)
                judged.append(found.assign(**{SEARCH_SPACE: label}))
    return Across(names, errors, pd.concat(judged, ignore_index=True))


def last(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials of the most general space, without its label."""
    rows = trials[trials[SEARCH_SPACE] == labels(trials)[-1]]
    unused = [axis for axis in hyperparameter_columns(rows) if rows[axis].isna().all()]
    return rows.drop(columns=[SEARCH_SPACE, *unused]).reset_index(drop=True)


def sentences(across: Across, workload: str) -> list[str]:
    """Of each pair that is told apart on some space: on which, and where it isn't or is the other way."""
    own = across.pairs[across.pairs["workload"] == workload]
    lines = []
    level = []
    for (a, b), rows in own.groupby(["a", "b"], sort=False):
        on = {
            verdict: list(rows.loc[rows["verdict"] == verdict, SEARCH_SPACE])
            for verdict in (pairs.BETTER, pairs.WORSE, pairs.CANT_TELL)
        }
        if len(on[pairs.CANT_TELL]) == len(rows):
            level.append((a, b))
            continue
        if len(on[pairs.WORSE]) > len(on[pairs.BETTER]):
            a, b = b, a
            on[pairs.BETTER], on[pairs.WORSE] = on[pairs.WORSE], on[pairs.BETTER]
        better, worse, open_on = (on[v] for v in (pairs.BETTER, pairs.WORSE, pairs.CANT_TELL))
        told = f"{name(str(a))} is better than {name(str(b))} "
        told += "on all of them" if len(better) == len(rows) else f"on {_quoted(better)}"
        if worse:
            told += f" and worse on {_quoted(worse)}: the spaces decide"
        if open_on:
            told += f"; on {_quoted(open_on)} it can't be told"
        lines.append(f"{told}.")
    if level:
        lines.append(
            f"{'Of one pair' if len(level) == 1 else f'Of {len(level)} pairs'} nothing can be told on any"
            " space."
        )
    return lines


def _quoted(labels_of: list[str]) -> str:
    return listed(f"“{label}”" for label in labels_of)
