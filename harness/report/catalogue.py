"""All figures: which there are, and drawing them into a folder with their numbers beside them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis import table
from harness.analysis.results import Results
from harness.analysis.table import TableError
from harness.analysis.tuning_curves import TO_TARGET
from harness.errors import ConfigError
from harness.figures import (
    axis_projections,
    budget_curves,
    failure_map,
    inclusion_probability,
    learning_curves,
    rank_probability,
    search_spaces,
    selected,
    selection_bias,
    slices,
    style,
)

FORMATS = ("png", "svg")


class Options(NamedTuple):
    """What the command line can ask for."""

    metric: str = "val_error"
    select_by: str | None = None
    max_budget: int | None = None
    target: float | None = None

    @property
    def selects(self) -> str:
        """The column that is lowest in the selected trial."""
        return self.select_by or "val_error"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of both command lines, `harness.report` and ``scripts/reproduce_figures.py``."""
    add = parser.add_argument
    add("--metric", default="val_error", help="reported of the selected trial (val_error)")
    add("--select-by", help="the column that is lowest in the selected trial (val_error)")
    add("--max-budget", type=int, metavar="K", help="the largest tuning budget shown")
    add("--target", type=float, help="target error of steps_to_target (the workload's own)")
    add("--study", action="append", help="fingerprint to keep, where a pair has several studies")
    add("--pool", action="store_true", help="merge studies that differ in their seeds alone")


def check_counts(**counts: int | None) -> None:
    """That option values such as ``max_budget`` are 1 or more.

    Raises:
        ConfigError: one is not.
    """
    for name, count in counts.items():
        if count is not None and count < 1:
            raise ConfigError(f"--{name.replace('_', '-')} must be 1 or more, got {count}")


def with_columns(results: Results, options: Options) -> Results:
    """The results with every column that the options name: those to a target are added.

    Raises:
        TableError: there is no such column, or no learning curves to add it from.
    """
    names = (options.metric, options.selects)
    if to_target := [name for name in names if name in TO_TARGET]:
        if results.curves is None:
            raise TableError(
                f"{to_target[0]} needs learning curves and the table has none; give the results folder"
            )
        trials = selected.timed(results.trials, results.curves, _targets(results, options))
        results = results._replace(trials=trials)
    for name in names:
        table.values(results.trials[:0], name)
    return results


def note(results: Results, options: Options) -> str:
    """For a caption: how the trials were drawn, and what selects where that was chosen."""
    chosen = f"The lowest {style.quantity(options.selects)} selects." if options.select_by else ""
    return f"{results.sampler()} {chosen}".strip()


class Entry(NamedTuple):
    """A figure: its numbers, its drawing, and whether each workload has one of its own."""

    name: str
    data: Callable[[Results, Options], pd.DataFrame]
    draw: Callable[[pd.DataFrame, str], Figure]
    per_workload: bool = False
    of_budgets: bool = True  # K is in it, so the caption says how the trials were drawn
    as_selected: bool = False  # --select-by changes it and its own words don't say so


class Drawn(NamedTuple):
    """A figure's files, or the reason why there are none."""

    name: str
    paths: tuple[Path, ...] = ()
    reason: str = ""


def _targets(results: Results, options: Options) -> pd.Series:
    return selected.targets(results.trials, results.studies, options.target)


def _steps(results: Results, options: Options) -> pd.DataFrame:
    return selected.steps_to_target(
        results.trials, results.curves, _targets(results, options), max_budget=options.max_budget
    )


def _steps_several(results: Results, options: Options) -> pd.DataFrame:
    return selected.targets_and_budgets(
        results.trials, results.curves, _targets(results, options), max_budget=options.max_budget
    )


def _by_training_loss(results: Results, options: Options) -> pd.DataFrame:
    frame = selected.errors(
        results.trials,
        "train_loss",
        ("train_loss", "val_error", "test_error"),
        max_budget=options.max_budget,
    )
    if frame[frame["metric"] == "train_loss"]["mean"].isna().all():
        raise TableError("the trials have no training loss")
    return frame


CATALOGUE = (
    Entry(
        "figure_1_errors",
        lambda r, o: selected.errors(r.trials, o.selects, max_budget=o.max_budget),
        selected.draw_errors,
    ),
    Entry("figure_2_steps_to_target", _steps, selected.draw_steps),
    Entry(
        "figure_5_axes",
        lambda r, o: axis_projections.data(r.trials, r.studies),
        axis_projections.draw,
        per_workload=True,
    ),
    Entry(
        "figure_6_tuning_curves",
        lambda r, o: budget_curves.data(r.trials, o.metric, o.select_by, max_budget=o.max_budget),
        budget_curves.draw,
        as_selected=True,
    ),
    Entry("figure_9_by_training_loss", _by_training_loss, selected.draw_errors),
    Entry(
        "figure_10_targets_and_budgets",
        _steps_several,
        selected.draw_targets_and_budgets,
        per_workload=True,
    ),
    Entry(
        "rank_probability",
        lambda r, o: rank_probability.data(r.trials, o.selects, max_budget=o.max_budget),
        rank_probability.draw,
        as_selected=True,
    ),
    Entry(
        "inclusion_probability",
        lambda r, o: inclusion_probability.data(
            r.trials, o.selects, max_budget=o.max_budget, studies=r.studies
        ),
        inclusion_probability.draw,
        as_selected=True,
    ),
    Entry(
        "failure_map",
        lambda r, o: failure_map.data(r.trials, r.studies),
        failure_map.draw,
        per_workload=True,
        of_budgets=False,
    ),
    Entry(
        "selection_bias",
        lambda r, o: selection_bias.data(r.trials, max_budget=o.max_budget),
        selection_bias.draw,
    ),
    Entry(
        "learning_curves",
        lambda r, o: learning_curves.data(r.trials, r.curves, max_budget=o.max_budget),
        learning_curves.draw,
    ),
    Entry("slices", lambda r, o: slices.data(r.trials, r.studies), slices.draw, per_workload=True),
)
SEARCH_SPACES = Entry(
    "figure_3_4_search_spaces",
    lambda r, o: search_spaces.data(r.trials, max_budget=o.max_budget),
    search_spaces.draw,
)


def draw_all(results: Results, folder: Path, options: Options | None = None) -> Iterator[Drawn]:
    """Draw every figure into the folder, as PNG and SVG with its numbers as CSV.

    A table with several search spaces (a column ``search_space``) gives Figures 3 and 4 alone: the
    others are of one space, so of a table of its own.

    Raises:
        TableError: the options name a column that is not there, see `with_columns`.
    """
    options = options or Options()
    several = len(search_spaces.labels(results.trials)) > 1
    if not several:
        results = with_columns(results, options)  # before anything is drawn
    folder.mkdir(parents=True, exist_ok=True)
    for entry in (SEARCH_SPACES,) if several else CATALOGUE:
        yield from draw_entry(entry, results, folder, options)


def draw_entry(entry: Entry, results: Results, folder: Path, options: Options) -> Iterator[Drawn]:
    """One figure, or one a workload."""
    try:
        frame = entry.data(results, options)
    except TableError as error:
        yield Drawn(entry.name, reason=str(error))
        return
    if frame.empty:
        yield Drawn(entry.name, reason="the trials hold nothing to draw in it")
        return
    words = results.sampler() if entry.of_budgets else ""
    if entry.as_selected:
        words = note(results, options)
    if not entry.per_workload:
        yield save(entry.name, frame, entry.draw, folder, words)
        return
    for workload, rows in frame.groupby("workload", sort=False):
        name = f"{entry.name}_{file_name(str(workload))}"
        yield save(name, rows, entry.draw, folder, words)


def save(
    name: str,
    frame: pd.DataFrame,
    draw: Callable[[pd.DataFrame, str], Figure],
    folder: Path,
    note: str,
    *,
    numbers: bool = True,
) -> Drawn:
    """Write the numbers, then the picture of them."""
    paths = [folder / f"{name}.csv"] if numbers else []
    if numbers:
        frame.to_csv(paths[0], index=False, float_format="%.12g")  # processors differ beyond
    with style.settings():
        figure = draw(frame, note)
        for suffix in FORMATS:
            paths.append(folder / f"{name}.{suffix}")
            figure.savefig(paths[-1], metadata={"Date": None} if suffix == "svg" else None)
            figure.set_layout_engine("none")  # found once, for all formats
    return Drawn(name, tuple(paths))


def file_name(workload: str) -> str:
    """A workload's name as part of a file's.

    >>> file_name("made-up digits/../x")
    'made-up_digits_x'
    """
    words = "".join(c if c.isalnum() or c in "-_" else " " for c in workload).split()
    return "_".join(words)[:80] or "workload"
