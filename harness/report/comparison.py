"""All that a report says, as data: every table of it, each computed once."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from harness.analysis.borders import borders
from harness.analysis.checking import TableError
from harness.analysis.counting import values
from harness.analysis.final import feasibility, final
from harness.analysis.importance import importance
from harness.analysis.inclusion_verdicts import verdicts
from harness.analysis.learning_curves import of_workloads_with_curves
from harness.analysis.ranks import first_and_mean_rank
from harness.analysis.reading import Results
from harness.analysis.selected import ERRORS, errors
from harness.analysis.selection_bias import selection_bias
from harness.analysis.targets import targets, timed
from harness.analysis.tuning_curves import TO_TARGET, in_cells, tuning_curves
from harness.report.question import Question
from harness.report.sentences import Answer, answers

BUDGETS = (1, 4, 16)  # shown of every optimizer, beside the one compared at


class Analysis(NamedTuple):
    """Every table of a report, in the columns of the function named."""

    results: Results
    question: Question
    curves: pd.DataFrame  # tuning_curves.in_cells
    errors: pd.DataFrame  # selected.errors: at the budget compared at; what selects comes first
    outcome: pd.DataFrame  # tuning_curves of what selects, at BUDGETS and those compared at
    ranks: pd.DataFrame  # ranks.first_and_mean_rank
    final: pd.DataFrame
    inclusions: pd.DataFrame  # inclusion_verdicts.verdicts
    importance: pd.DataFrame
    borders: pd.DataFrame
    feasibility: pd.DataFrame
    bias: pd.DataFrame  # selection_bias
    learning: pd.DataFrame  # learning_curves, of workloads that have any
    answers: list[Answer]

    def compared_at(self, workload: str) -> int:
        """The budget that the optimizers are compared at, 0 where none has a counted trial."""
        return int(self.errors[self.errors["workload"] == workload]["budget_trials"].max())


def analyse(found: Results, question: Question | None = None) -> Analysis:
    """All tables of a report.

    Raises:
        TableError: the question names a column that is not there, see `answerable`.
    """
    question = question or Question()
    found = answerable(found, question)
    trials, select_by, most = found.trials, question.selects, question.max_budget
    metrics = tuple(dict.fromkeys((select_by, *ERRORS)))
    at_budget = errors(trials, select_by, metrics, max_budget=most)
    compared = sorted({int(k) for k in at_budget["budget_trials"] if k > 0})
    shown = [k for k in sorted({*BUDGETS, *compared}) if most is None or k <= most]
    ranks = first_and_mean_rank(trials, select_by, max_budget=most, also=compared)
    feasible = feasibility(trials)
    edges = verdicts(trials, select_by, studies=found.studies)
    at_borders = borders(trials, found.studies, metric=select_by)
    return Analysis(
        results=found,
        question=question,
        curves=in_cells(trials, question.metric, question.select_by, max_budget=most),
        errors=at_budget,
        outcome=tuning_curves(trials, select_by, select_by, shown),
        ranks=ranks,
        final=final(trials, most, select_by=select_by),
        inclusions=edges,
        importance=importance(trials, select_by),
        borders=at_borders,
        feasibility=feasible,
        bias=selection_bias(trials, max_budget=most),
        learning=of_workloads_with_curves(trials, found.curves, max_budget=most),
        answers=answers(at_budget, ranks, edges, feasible, at_borders),
    )


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
