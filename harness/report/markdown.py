"""The outcome of a workload as Markdown tables, as cards and the README state it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from harness.analysis import space_check
from harness.analysis.borders import WEIGHED, borders
from harness.analysis.cells import comparison_budget, needed, shown_budgets
from harness.analysis.confirming import beside
from harness.analysis.inclusion_verdicts import VIOLATED, verdicts
from harness.analysis.names import name, number, optimizer_order, quantity
from harness.analysis.pairs import judged, pairs
from harness.analysis.pooling import Studies
from harness.analysis.reading import ERROR_RATE
from harness.analysis.tuning_curves import in_cells
from harness.report import confirmed, spaces
from harness.report.races import end, share
from harness.report.sentences import what_is_excluded, what_spaces_lack
from harness.study.inclusions import EDGES
from harness.study.result import COMPLETE

HEAD = (
    "{} of the best of K trials, mean (5th to 95th percentile; ≤ where that 5th percentile is the least"
    " of all trials, K > N/20); the test error is that of the trial selected at the largest K."
)
PAIRS = (
    "Tuned with K = {} trials each: the share of tuning races that the first wins, ties counted half, and"
    " what the paired test does not exclude; verdicts and intervals adjusted for all {} pairs."
)
INCLUSIONS = (
    "At K = {} too: the share of tuning races that the general optimizer wins, ties counted half, between"
    " its one-sided bounds at 95%; adjusted for all {} inclusions."
)
HOW = {(edge.special, edge.general): edge.how for edge in EDGES}


def outcome(
    trials: pd.DataFrame,
    studies: Studies | None = None,
    folders: Iterable[Path] = (),
    roots: Iterable[Path | str] = (),
) -> str:
    """All there is to say: the optimizers, the inclusions, the search spaces, what crowds at a border.

    Args:
        trials: a checked table, one study per workload and optimizer.
        studies: the resolved studies, for the ends of the search spaces.
        folders, roots: where to read how search spaces were found, see `space_check.sources_of`; in the roots
            lies what was confirmed.
    """
    parts, roots = [], list(roots)
    sources = space_check.sources_of(studies or {}, folders, roots)
    workloads = trials["workload"].unique()
    for workload in workloads:
        if len(workloads) > 1:
            parts.append(f"**{workload}**")
        here = trials[trials["workload"] == workload]
        if (here["status"] != COMPLETE).all():
            parts.append(f"`{workload}`: no trial was feasible.")
            continue
        checked = space_check.space_check(here, studies, sources=sources)
        if first := spaces.caution(checked):
            parts.append(f"**{first}**")
        what = quantity("val_error", _unit(here)).capitalize()
        parts += [HEAD.format(what), optimizers(here)]
        again = beside(roots, here)
        if len(again):
            parts += [confirmed.CAPTION, table(confirmed.HEAD, confirmed.cells(again))]
        parts += [*_pairs(here, studies), *_inclusions(here, studies)]
        if len(checked) > 1:
            parts.append(table(spaces.HEAD, spaces.cells(checked)))
        parts.append(_borders(here, studies))
    return "\n\n".join(parts)


def _unit(trials: pd.DataFrame) -> str:
    known = list(trials["metric"].dropna()) if "metric" in trials else []
    return str(known[0]) if known else ERROR_RATE


def optimizers(trials: pd.DataFrame) -> str:
    """Best of 1, of 4 and of the budget compared at: a row for each optimizer of a workload."""
    budgets = shown_budgets(int(comparison_budget(trials).iloc[0]))
    keys, unit = ["optimizer", "budget_trials"], _unit(trials)
    errors = in_cells(trials, budgets=budgets).dropna(subset=keys).set_index(keys)
    tested = trials[trials["test_error"].notna() | (trials["status"] != COMPLETE)]
    tests = (
        in_cells(tested, "test_error", "val_error", [budgets[-1]]) if len(tested) else errors[:0]
    )
    tests = tests.dropna(subset="mean").reset_index(drop=True)
    tests = tests.set_index("optimizer") if len(tests) else tests
    rows = []
    for each in optimizer_order(trials["optimizer"].unique()):
        feasible = int((trials.loc[trials["optimizer"] == each, "status"] == COMPLETE).sum())
        bands = [_band(errors, (each, budget), unit) for budget in budgets]
        rows.append([each, *bands, _band(tests, each, unit, selects=False), str(feasible)])
    best = [f"best of {budget}" for budget in budgets]
    return table(["optimizer", *best, "its test error", "feasible"], rows)


def _band(
    frame: pd.DataFrame, key: str | tuple[str, int], unit: str, *, selects: bool = True
) -> str:
    """Mean and 5th to 95th percentile; rates in percent."""
    if key not in frame.index:
        return "-"
    row = frame.loc[key]
    mean, p05, p95 = (
        f"{row[column]:.2%}" if unit == ERROR_RATE else number(row[column])
        for column in ("mean", "p05", "p95")
    )
    if row["trials"] < 2:  # of one trial there is no band
        return mean
    return f"{mean} ({'≤' if selects and not row['band_trusted'] else ''}{p05}–{p95})"


def _pairs(trials: pd.DataFrame, studies: Studies | None) -> Iterator[str]:
    every = pairs(trials, studies=studies)
    compared = judged(every)
    if compared.empty:
        if len(every):
            least = needed(int(every["budget_trials"].max()))
            yield f"Which of them is better is not judged: that takes {least} trials of each."
        return
    yield PAIRS.format(compared["budget_trials"].iloc[0], len(compared))
    rows = [
        [
            row["a"],
            row["b"],
            f"{share(row['win'])} ({end(row['win_low'])}–{end(row['win_high'])})",
            number(row["p_adjusted"], 3),
            f"**{row['verdict']}**",
        ]
        for row in compared.to_dict("records")
    ]
    yield table(["first", "second", "first wins", "p, adjusted", "verdict"], rows)


def _inclusions(trials: pd.DataFrame, studies: Studies | None) -> Iterator[str]:
    edges = verdicts(trials, studies=studies).dropna(subset=["superiority"])
    if edges.empty:
        return
    yield INCLUSIONS.format(int(edges["budget_trials"].max()), len(edges))
    rows = [
        [
            f"{edge['special']} ⊆ {edge['general']}",
            HOW[edge["special"], edge["general"]],
            f"{share(edge['superiority'])} ({end(edge['superiority_low'])}–{end(edge['superiority_high'])})",
            share(edge["tie"]),
            _excluded(edge),
            number(edge["p_adjusted"], 3),
            f"**{edge['verdict']}**",
        ]
        for edge in edges.to_dict("records")
    ]
    yield table(
        ["inclusion", "by", "general wins", "tied", "excluded", "p, adjusted", "verdict"], rows
    )
    if sentence := what_spaces_lack(edges):
        yield sentence


def _excluded(edge: Mapping[str, Any]) -> str:
    if edge["verdict"] == VIOLATED:
        return f"{name(edge['general'])} winning more than {end(edge['superiority_high'])} of races"
    return what_is_excluded(edge).removesuffix(" is excluded")


def _borders(trials: pd.DataFrame, studies: Studies | None) -> str:
    found = borders(trials, studies)
    warned = found[found["warning"] != ""]
    if warned.empty:
        return (
            "On no axis do 30% or more of the selected trials lie in the outermost tenth of the range at either"
            f" end ({WEIGHED})."
        )
    return "\n".join(
        f"- {row['optimizer']}: {row['warning']}." for row in warned.to_dict("records")
    )


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown, header first."""
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, cells))} |" for cells in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").splitlines())
