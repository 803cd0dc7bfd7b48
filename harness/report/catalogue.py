"""Every figure by name: its numbers, its picture, and drawing all of them into a folder."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from harness.analysis.axis_projections import axis_projections
from harness.analysis.checking import TableError
from harness.analysis.failure_map import failure_map
from harness.analysis.inclusion_verdicts import against_budget
from harness.analysis.learning_curves import learning_curves
from harness.analysis.names import quantity
from harness.analysis.ranks import first_and_mean_rank
from harness.analysis.reading import Results
from harness.analysis.search_spaces import by_search_space, labels
from harness.analysis.selected import by_training_loss, errors
from harness.analysis.selection_bias import selection_bias
from harness.analysis.slices import slices
from harness.analysis.targets import steps_to_target, targets, targets_and_budgets
from harness.figures import axis_projections as draw_axis_projections
from harness.figures import (
    budget_curves,
    inclusion_probability,
    rank_probability,
    search_spaces,
    selected,
    style,
)
from harness.figures import failure_map as draw_failure_map
from harness.figures import learning_curves as draw_learning_curves
from harness.figures import selection_bias as draw_selection_bias
from harness.figures import slices as draw_slices
from harness.report.comparison import answerable, curves
from harness.report.question import Question
from harness.report.sentences import EVERY_TRIAL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")


def note(results: Results, question: Question) -> str:
    """For a caption: how the trials were drawn, what selects where that was chosen, which count."""
    chosen = f"The lowest {quantity(question.selects)} selects." if question.select_by else ""
    return " ".join(filter(None, (results.sampler(), chosen, counting(question))))


def counting(question: Question) -> str:
    return EVERY_TRIAL if question.count_infeasible else ""


class Entry(NamedTuple):
    """A figure: its numbers, its drawing, and whether each workload has one of its own."""

    name: str
    numbers: Callable[[Results, Question], pd.DataFrame]
    draw: Callable[[pd.DataFrame, str], Figure]
    per_workload: bool = False
    of_budgets: bool = True  # K is in it, so the caption says how the trials were drawn
    as_selected: bool = False  # --select-by changes it and its own words don't say so
    as_counted: bool = False  # --count-infeasible changes it


class Drawn(NamedTuple):
    """A figure's files, or the reason why there are none."""

    name: str
    paths: tuple[Path, ...] = ()
    reason: str = ""


def _targets(results: Results, question: Question) -> pd.Series:
    return targets(results.trials, results.studies, question.target)


CATALOGUE = (
    Entry(
        "figure_1_errors",
        lambda r, q: errors(r.trials, q.selects, **q.at),
        selected.draw_errors,
        as_counted=True,
    ),
    Entry(
        "figure_2_steps_to_target",
        lambda r, q: steps_to_target(
            r.trials, r.curves, _targets(r, q), max_budget=q.max_budget, against=q.against
        ),
        selected.draw_steps,
        as_counted=True,
    ),
    Entry(
        "figure_5_axes",
        lambda r, q: axis_projections(r.trials, r.studies),
        draw_axis_projections.draw,
        per_workload=True,
    ),
    Entry(
        "figure_6_tuning_curves",
        lambda r, q: curves(r.trials, q),
        budget_curves.draw,
        as_selected=True,
        as_counted=True,
    ),
    Entry(
        "figure_9_by_training_loss",
        lambda r, q: by_training_loss(r.trials, **q.at),
        selected.draw_errors,
        as_counted=True,
    ),
    Entry(
        "figure_10_targets_and_budgets",
        lambda r, q: targets_and_budgets(
            r.trials, r.curves, _targets(r, q), max_budget=q.max_budget, against=q.against
        ),
        selected.draw_targets_and_budgets,
        per_workload=True,
        as_counted=True,
    ),
    Entry(
        "rank_probability",
        lambda r, q: first_and_mean_rank(r.trials, q.selects, max_budget=q.max_budget),
        rank_probability.draw,
        as_selected=True,
        as_counted=True,
    ),
    Entry(
        "inclusion_probability",
        lambda r, q: against_budget(r.trials, q.selects, studies=r.studies, **q.at),
        inclusion_probability.draw,
        as_selected=True,
        as_counted=True,
    ),
    Entry(
        "failure_map",
        lambda r, q: failure_map(r.trials, r.studies),
        draw_failure_map.draw,
        per_workload=True,
        of_budgets=False,
    ),
    Entry(
        "selection_bias",
        lambda r, q: selection_bias(r.trials, max_budget=q.max_budget),
        draw_selection_bias.draw,
    ),
    Entry(
        "learning_curves",
        lambda r, q: learning_curves(r.trials, r.curves, against=q.against, **q.at),
        draw_learning_curves.draw,
    ),
    Entry("slices", lambda r, q: slices(r.trials, r.studies), draw_slices.draw, per_workload=True),
)  # fmt: skip
SEARCH_SPACES = Entry(
    "figure_3_4_search_spaces",
    lambda r, q: by_search_space(r.trials, max_budget=q.max_budget),
    search_spaces.draw,
    as_counted=True,
)


def draw_all(
    results: Results,
    folder: Path,
    question: Question | None = None,
    formats: Sequence[str] | None = None,
) -> Iterator[Drawn]:
    """Draw every figure into the folder with its numbers as CSV; ``formats``: FORMATS unless given.

    A table with several search spaces (a column ``search_space``) gives Figures 3 and 4 alone: the
    others are of one space, so of a table of its own.

    Raises:
        TableError: the question names a column that is not there, see `comparison.answerable`.
    """
    question = question or Question()
    several = len(labels(results.trials)) > 1
    if not several:
        results = answerable(results, question)  # before anything is drawn
    elif question.count_infeasible:
        results = results.counting_every_trial()
    folder.mkdir(parents=True, exist_ok=True)
    for entry in (SEARCH_SPACES,) if several else CATALOGUE:
        yield from draw_entry(entry, results, folder, question, formats)


def draw_entry(
    entry: Entry,
    results: Results,
    folder: Path,
    question: Question,
    formats: Sequence[str] | None = None,
) -> Iterator[Drawn]:
    """One figure, or one a workload."""
    try:
        frame = entry.numbers(results, question)
    except TableError as error:
        yield Drawn(entry.name, reason=str(error))
        return
    if frame.empty:
        yield Drawn(entry.name, reason="the trials hold nothing to draw in it")
        return
    words = _note(entry, results, question)
    if not entry.per_workload:
        yield save_figure(entry.name, frame, entry.draw, folder, words, formats=formats)
        return
    names: list[str] = []
    for workload, rows in frame.groupby("workload", sort=False):
        name = file_name(str(workload))
        names.append(name)
        if (same := names.count(name)) > 1:  # of another workload
            name = f"{name}_{same}"
        yield save_figure(f"{entry.name}_{name}", rows, entry.draw, folder, words, formats=formats)


def _note(entry: Entry, results: Results, question: Question) -> str:
    if entry.as_selected:
        return note(results, question)
    words = results.sampler() if entry.of_budgets else ""
    return " ".join(filter(None, (words, counting(question) if entry.as_counted else "")))


def save_figure(
    name: str,
    frame: pd.DataFrame,
    draw: Callable[[pd.DataFrame, str], Figure],
    folder: Path,
    note: str,
    *,
    numbers: bool = True,
    formats: Sequence[str] | None = None,
) -> Drawn:
    """Write the numbers, then the picture of them."""
    paths = [folder / f"{name}.csv"] if numbers else []
    if numbers:
        frame.to_csv(paths[0], index=False, float_format="%.12g")  # processors differ beyond
    with (
        style.settings(),
        np.errstate(over="ignore"),  # a scale's margin may leave the floats
        warnings.catch_warnings(action="ignore", category=UserWarning),  # boxes for foreign letters
    ):
        figure = draw(frame, note)
        for suffix in formats or FORMATS:
            paths.append(folder / f"{name}.{suffix}")
            figure.savefig(paths[-1], metadata={"Date": None} if suffix == "svg" else None)
            figure.set_layout_engine("none")  # found once, for all formats
    return Drawn(name, tuple(paths))


def file_name(workload: str) -> str:
    """A workload's name as part of a file's.

    >>> file_name("made-up digits/../x")
    'made-up_digits_x'
    """
    encoding = sys.getfilesystemencoding()
    known = workload.encode(encoding, "ignore").decode(encoding)
    words = "".join(c if c.isalnum() or c in "-_" else " " for c in known).split()
    short = "_".join(words).encode(encoding)[:80]  # a name has at most 255 bytes
    return short.decode(encoding, "ignore") or "workload"
