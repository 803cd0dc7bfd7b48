"""All that a report says, as data: every table of it, each computed once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from harness.analysis.across_spaces import Across, across_spaces
from harness.analysis.bands import with_bands
from harness.analysis.borders import borders
from harness.analysis.cells import comparison_budget, shown_budgets
from harness.analysis.checking import TableError
from harness.analysis.confirming import beside
from harness.analysis.counting import values
from harness.analysis.final import feasibility, final
from harness.analysis.importance import importance
from harness.analysis.inclusion_verdicts import verdicts
from harness.analysis.learning_curves import of_workloads_with_curves
from harness.analysis.names import quantity
from harness.analysis.pairs import pairs
from harness.analysis.ranks import first_and_mean_rank
from harness.analysis.reading import Results
from harness.analysis.selected import ERRORS, errors
from harness.analysis.selection_bias import selection_bias
from harness.analysis.side_by_side import side_by_side
from harness.analysis.space_check import sources_of, space_check
from harness.analysis.targets import targets, timed
from harness.analysis.tuning_curves import TO_TARGET, in_cells
from harness.report.question import Question
from harness.report.sentences import Answer, answers


class Analysis(NamedTuple):
    """Every table of a report, in the columns of the function named."""

    results: Results
    question: Question
    budgets: dict[str, int]  # cells.comparison_budget, of workloads with a counted trial
    curves: pd.DataFrame  # tuning_curves.in_cells
    errors: pd.DataFrame  # selected.errors: at the budget compared at; what selects comes first
    outcome: pd.DataFrame  # in_cells of what selects, at the budgets that tables show
    ranks: pd.DataFrame  # ranks.first_and_mean_rank
    final: pd.DataFrame
    pairs: pd.DataFrame  # pairs.pairs
    inclusions: pd.DataFrame  # inclusion_verdicts.verdicts
    importance: pd.DataFrame
    borders: pd.DataFrame
    feasibility: pd.DataFrame
    spaces: pd.DataFrame  # space_check
    bias: pd.DataFrame  # selection_bias
    confirmed: pd.DataFrame  # confirming.beside
    learning: pd.DataFrame  # learning_curves, of workloads that have any
    across: Across | None  # the same on other search spaces, where those are given
    answers: list[Answer]

    def compared_at(self, workload: str) -> int:
        """The budget that the optimizers are compared at, 0 where none has a counted trial."""
        return self.budgets.get(workload, 0)

    def measured(self, workload: str, column: str = "") -> str:
        """A column, or what selects, by the name that the workload's error has: validation cross entropy."""
        unit = self.errors.loc[self.errors["workload"] == workload, "unit"]
        return quantity(column or self.question.selects, unit.iloc[0] if len(unit) else "")

    def shown(self, workload: str) -> list[int]:
        """The budgets of the columns of its table."""
        return shown_budgets(self.compared_at(workload) or 1)


def analyse(
    found: Results,
    question: Question | None = None,
    *,
    folders: Iterable[Path] = (),
    roots: Iterable[Path | str] = (),
    spaces: Results | None = None,
) -> Analysis:
    """All tables of a report.

    Args:
        folders, roots: where to read how search spaces were found, see `sources_of`; what was confirmed lies in
            or beside the roots.
        spaces: of `reading.read_spaces`, these trials and those on other search spaces.

    Raises:
        TableError: the question names a column or a baseline that is not there, see `answerable`.
    """
    question = question or Question()
    roots = list(roots)
    found = answerable(found, question)
    trials, select_by, most = found.trials, question.selects, question.max_budget
    at = question.at
    budgets = {
        str(w): int(k) for w, k in comparison_budget(trials, most, budget=question.budget).items()
    }
    metrics = tuple(dict.fromkeys((select_by, *ERRORS)))
    shown = sorted({k for budget in budgets.values() for k in shown_budgets(budget)})
    studies = found.studies

    def raced() -> tuple[pd.DataFrame, pd.DataFrame]:  # by the same random swaps
        return (
            pairs(trials, select_by, baseline=question.baseline, studies=studies, **at),
            verdicts(trials, select_by, studies=studies, **at),
        )

    def tuned() -> tuple[pd.DataFrame, ...]:  # with the same simulated tails
        return (
            curves(trials, question),
            in_cells(trials, select_by, select_by, shown),
            errors(trials, select_by, metrics, **at),
            selection_bias(trials, max_budget=most),
            final(trials, budgets, select_by=select_by),
        )

    def searched() -> tuple[pd.DataFrame, ...]:
        sources = sources_of(studies, folders, roots)
        return (
            importance(trials, select_by),
            borders(trials, studies, metric=select_by),
            feasibility(trials),
            space_check(trials, studies, metric=select_by, sources=sources),
        )

    compared_at = sorted(set(budgets.values()))
    raced_, tuned_, searched_, ranks, learning = side_by_side(
        trials,
        raced,
        tuned,
        searched,
        lambda: first_and_mean_rank(trials, select_by, max_budget=most, also=compared_at),
        lambda: of_workloads_with_curves(trials, found.curves, against=question.against, **at),
    )
    every_pair, edges = raced_
    tuning, outcome, at_budget, bias, ended = tuned_
    important, at_borders, feasible, checked = searched_
    return Analysis(
        results=found,
        question=question,
        budgets=budgets,
        curves=tuning,
        errors=at_budget,
        outcome=outcome,
        ranks=ranks,
        final=ended,
        pairs=every_pair,
        inclusions=edges,
        importance=important,
        borders=at_borders,
        feasibility=feasible,
        spaces=checked,
        bias=bias,
        confirmed=beside(roots, trials),
        across=across_spaces(spaces.trials, spaces.studies, max_budget=most) if spaces else None,
        learning=learning,
        answers=answers(
            at_budget, every_pair, edges, feasible, at_borders, checked, question.baseline
        ),
    )


def curves(trials: pd.DataFrame, question: Question) -> pd.DataFrame:
    """The tuning curves asked for, with opda's bands where those are.

    Raises:
        ConfigError: opda is not installed.
    """
    found = in_cells(trials, question.metric, question.select_by, max_budget=question.max_budget)
    return with_bands(found, trials, question.metric) if question.bands else found


def answerable(results: Results, question: Question) -> Results:
    """The results with every column that the question names, and the trials counted that it counts.

    Raises:
        TableError: there is no such column, or no learning curves to add it from.
    """
    names = (question.metric, question.selects)
    if to_target := [name for name in names if name in TO_TARGET]:
        if results.curves is None:
            raise TableError(
                f"{to_target[0]} needs learning curves and the table has none; give the results folder"
            )
        aim = targets(results.trials, results.studies, question.target)
        results = results._replace(trials=timed(results.trials, results.curves, aim))
    for name in names:
        values(results.trials[:0], name)
    return results.counting_every_trial() if question.count_infeasible else results
