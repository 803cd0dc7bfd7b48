"""The comparison for a terminal of 100 columns: sentences, then small tables.

For every workload: each optimizer's best trial, the best-of-K for one trial, four and the budget
compared at with the 5-95% band, the feasible share; how every pair compares; then, for every inclusion,
how the general optimizer's tuned error lies to the special one's, and the verdict; each search space
beside the field's; then whatever was left out. Where a space is poor, the sentences begin with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.analysis.across_spaces import Across
from harness.analysis.across_spaces import sentences as across_sentences
from harness.analysis.checking import LISTED
from harness.analysis.counting import centre, middle, noun
from harness.analysis.final import not_counted
from harness.analysis.inclusion_verdicts import CONSISTENT, NOT_ENOUGH, VIOLATED
from harness.analysis.names import number
from harness.analysis.pairs import BETTER, CANT_TELL, WORSE, judged
from harness.errors import printable
from harness.report import confirmed
from harness.report.comparison import Analysis
from harness.report.races import end, share
from harness.report.spaces import HEAD, cells, table_cells

QUESTION = "once tuned, is the more general optimizer at or under the special one?"
STYLE = {CONSISTENT: "green", VIOLATED: "bold red", NOT_ENOUGH: "yellow"}
STYLE |= {BETTER: "green", WORSE: "bold red", CANT_TELL: ""}
WIDEST = (
    34  # of a column of names; a longer one goes on in the next line, so that numbers have room
)
MOST_PAIRS = 21  # of seven optimizers; more are in pairs.csv
TUNED = {
    "at or under": "≤ {}: yes",
    "within band": "> {}: within the band",
    "above": "> {}: no",
}


def render(analysis: Analysis) -> RenderableType:
    """The comparison for ``rich.print``."""
    parts: list[RenderableType] = []
    for answer in analysis.answers:
        words = printable(" ".join((answer.headline, *answer.sentences)))
        first = (printable(f"{answer.caution} "), "bold yellow") if answer.caution else ""
        parts += [Text.assemble(f"{printable(answer.workload)}: ", first, words), Text()]
    selects = analysis.question.selects
    for workload in dict.fromkeys(analysis.final["workload"]):
        parts.append(_title(f"{workload}: {analysis.measured(workload)}, lower is better"))
        parts.append(_optimizers(analysis, workload))
        compared = judged(analysis.pairs[analysis.pairs["workload"] == workload])
        if 1 < len(compared) <= MOST_PAIRS:
            k = analysis.compared_at(workload)
            parts += [
                Text(),
                _title(f"{workload}: every pair, tuned with K = {k}"),
                _pairs(compared),
            ]
        again = analysis.confirmed[analysis.confirmed["workload"] == workload]
        if len(again):
            parts += [Text(), _title(f"{workload}: {confirmed.TITLE}"), _confirmed(again)]
        edges = analysis.inclusions[analysis.inclusions["workload"] == workload]
        if len(edges):
            by = "" if selects == "val_error" else f" (by {selects})"
            parts += [Text(), _title(f"{workload}: {QUESTION}{by}"), _inclusions(edges)]
        checked = analysis.spaces[analysis.spaces["workload"] == workload]
        if len(checked) > 1:
            parts += [Text(), _title(f"{workload}: is it the optimizer, or its search space?")]
            parts.append(_spaces(checked))
        if analysis.across:
            parts += [Text(), _title(f"{workload}: the same on other search spaces")]
            parts += _across(analysis.across, workload)
        parts.append(Text())
    further = (*_left_out(analysis.results.trials), *_notes(analysis))
    return Group(*parts, *(_text(line, "dim") for line in further))


def _optimizers(analysis: Analysis, workload: str) -> Table:
    rows, curves = (t[t["workload"] == workload] for t in (analysis.final, analysis.outcome))
    selects = analysis.question.selects
    grid = _grid()
    grid.add_column("optimizer", overflow="fold", max_width=WIDEST)
    for name in ("best" if selects == "val_error" else "its error", "trial", "its test"):
        grid.add_column(name, justify="right", no_wrap=True)
    budgets = analysis.shown(workload)
    for k in budgets:
        grid.add_column(f"{middle(curves)} best of {k}", justify="right")
    grid.add_column("feasible", justify="right", no_wrap=True)
    for row in rows.to_dict("records"):
        own = curves[curves["optimizer"] == row["optimizer"]]
        at = {point["budget_trials"]: point for point in own.to_dict("records")}
        lowest = row["best_val_error"] == rows["best_val_error"].min()
        grid.add_row(
            _text(row["optimizer"]),
            Text(number(row["best_val_error"]), style="bold" if lowest else ""),
            "-" if pd.isna(row["best_trial"]) else str(row["best_trial"]),
            number(row["best_test_error"]),
            *(_band(at.get(k), centre(curves)) for k in budgets),
            f"{row['complete']}/{row['complete'] + row['diverged']}",
        )
    return grid


def _title(words: str) -> Text:
    return _text(words, "bold italic")


def _text(words: str, style: str = "") -> Text:
    """Words among which are names of others: no markup, and nothing that moves the cursor."""
    return Text(printable(words), style=style)


def _grid() -> Table:
    return Table(header_style="bold", box=None, pad_edge=False)


def _band(point: Mapping[str, Any] | None, column: str) -> str:
    if point is None or pd.isna(point["p05"]):
        return "-"
    if point["trials"] < 2:  # of one trial there is no band
        return number(point[column])
    least = "" if point["band_trusted"] else "≤"
    return f"{number(point[column])} {least}{number(point['p05'], 3)}-{number(point['p95'], 3)}"


def _pairs(compared: pd.DataFrame) -> Table:
    grid = _grid()
    grid.add_column("optimizer", overflow="fold", max_width=WIDEST)
    grid.add_column("verdict", no_wrap=True)
    grid.add_column("", overflow="fold", max_width=WIDEST)
    for name in ("wins", "95% interval", "p, adjusted"):
        grid.add_column(name, justify="right", no_wrap=True)
    for row in compared.to_dict("records"):
        grid.add_row(
            _text(row["a"]),
            Text(row["verdict"], style=STYLE[row["verdict"]]),
            _text(f"{'than' if row['verdict'] != CANT_TELL else 'from'} {row['b']}"),
            share(row["win"]),
            f"{end(row['win_low'])}-{end(row['win_high'])}",
            number(row["p_adjusted"], 3),
        )
    return grid


def _confirmed(again: pd.DataFrame) -> Table:
    grid = _grid()
    grid.add_column(confirmed.HEAD[0], overflow="fold", max_width=WIDEST)
    for heading in confirmed.HEAD[1:]:
        grid.add_column(heading, justify="right", no_wrap=True)
    for row in confirmed.cells(again):
        grid.add_row(*map(_text, row))
    return grid


def _spaces(checked: pd.DataFrame) -> Table:
    grid = _grid()
    grid.add_column(HEAD[0], overflow="fold", max_width=WIDEST)
    for place, heading in enumerate(HEAD[1:-1], 1):  # what it lacks is said above
        grid.add_column(heading, justify="right" if place < 5 else "left", no_wrap=True)
    for row, poor in zip(cells(checked), checked["poor"], strict=True):
        grid.add_row(*map(_text, row[:-1]), style="yellow" if poor else "")
    return grid


def _across(across: Across, workload: str) -> list[RenderableType]:
    rows = across.errors[across.errors["workload"] == workload]
    grid = _grid()
    grid.add_column("optimizer", overflow="fold", max_width=WIDEST)
    for label in across.spaces:
        grid.add_column(_text(label), justify="right")
    for line in table_cells(across, workload):
        grid.add_row(*map(_text, line))
    k = int(rows["budget_trials"].max())
    note = f"{middle(rows).capitalize()} of the best of {k}, the same K on all."
    return [grid, *(_text(line) for line in (note, *across_sentences(across, workload)))]


def _inclusions(edges: pd.DataFrame) -> Table:
    grid = _grid()
    grid.add_column("inclusion", no_wrap=True)
    grid.add_column(f"{middle(edges)} best of {edges['budget_trials'].max()}")
    grid.add_column("general wins")
    grid.add_column("verdict")
    for edge in edges.to_dict("records"):
        grid.add_row(
            f"{edge['special']} ⊆ {edge['general']}",
            _tuned(edge),
            _probability(edge),
            Text(edge["verdict"], style=STYLE[edge["verdict"]]),
        )
    return grid


def _tuned(edge: Mapping[str, Any]) -> str:
    if edge["tuned"] not in TUNED:
        return "no feasible trials" if edge["tuned"] == "no trials" else "-"
    words = TUNED[edge["tuned"]].format(number(edge["special_mean"]))
    return f"{number(edge['general_mean'])} {words}"


def _probability(edge: Mapping[str, Any]) -> str:
    if pd.isna(edge["superiority"]):
        return "-"
    low, high = (end(edge[f"superiority_{side}"]) for side in ("low", "high"))
    return f"{share(edge['superiority'])} ({low}-{high})"


def _left_out(trials: pd.DataFrame) -> Iterator[str]:
    """One line per workload and optimizer with trials that enter no statistic."""
    for (workload, optimizer), rows in not_counted(trials).groupby(["workload", "optimizer"]):
        counts = [f"{(rows['status'] == name).sum()} {name.replace('_', ' ')}"
                  for name in LISTED if (rows["status"] == name).any()]  # fmt: skip
        shown = ", ".join(map(str, rows["trial"][:8])) + (", …" if len(rows) > 8 else "")
        word = "trial" if len(rows) == 1 else "trials"
        yield f"Left out: {workload}/{optimizer}: {', '.join(counts)} ({word} {shown})"


def _notes(analysis: Analysis) -> Iterator[str]:
    trials = analysis.results.trials
    infinite = ", a diverged one as infinitely bad" if analysis.question.count_infeasible else ""
    yield (
        f"best of K: {middle(trials)} and 5-95% band over random searches of K {noun(trials)}{infinite},"
        " exact; ≤ before a 5th percentile that is the least of all trials (K > N/20)."
    )
    if len(judged(analysis.pairs)):
        yield (
            "wins: the chance of the lower best of K, ties half, with the win shares that the paired test"
            " doesn't exclude; verdicts and intervals adjusted for all pairs of a workload (5% false claims)."
        )
    if analysis.inclusions["superiority"].notna().any():
        yield "general wins: ties half; in brackets the one-sided bounds of the same test, 95% each."
