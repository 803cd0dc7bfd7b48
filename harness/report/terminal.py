"""The comparison in words and small tables, for a terminal of 100 columns.

For every workload: each optimizer's best trial, the mean best-of-K for K = 1, 4, 16 with the 5-95%
band, the feasible share; then, for every inclusion, how the general optimizer's tuned error lies to
the special one's, and the verdict; then whatever was left out.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.analysis import confidence, inclusion_verdicts, table
from harness.analysis.final import final, not_counted
from harness.analysis.tuning_curves import tuning_curves

BUDGETS = (1, 4, 16)
QUESTION = "once tuned, is the more general optimizer at or under the special one?"


def summary(trials: pd.DataFrame, *, width: int = 100) -> str:
    """The comparison as plain text, ``width`` columns wide."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(render(trials))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def render(trials: pd.DataFrame, *, select_by: str = "val_error") -> RenderableType:
    """The comparison for ``rich.print``.

    Args:
        trials: a checked table, one study per workload and optimizer.
        select_by: the column that the inclusions are judged by.
    """
    finals = final(trials)
    curves = tuning_curves(trials, budgets=BUDGETS)
    verdicts = inclusion_verdicts.verdicts(trials, select_by)
    by = "" if select_by == "val_error" else f" (by {select_by})"
    parts: list[RenderableType] = []
    for workload in dict.fromkeys(finals["workload"]):
        parts.append(_title(f"{workload}: validation error, lower is better"))
        parts.append(_optimizers(workload, finals, curves))
        edges = verdicts[verdicts["workload"] == workload]
        if len(edges):
            parts += [Text(), _title(f"{workload}: {QUESTION}{by}"), _inclusions(edges)]
        parts.append(Text())
    parts += [Text(line, style="dim") for line in (*_left_out(trials), *_notes(len(verdicts) > 0))]
    return Group(*parts)


def _optimizers(workload: str, finals: pd.DataFrame, curves: pd.DataFrame) -> Table:
    grid = _grid()
    grid.add_column("optimizer", no_wrap=True)
    for name in ("best", "trial", "its test"):
        grid.add_column(name, justify="right", no_wrap=True)
    for k in BUDGETS:
        grid.add_column(f"best of {k}", justify="right")
    grid.add_column("feasible", justify="right", no_wrap=True)
    rows = finals[finals["workload"] == workload]
    for row in rows.to_dict("records"):
        curve = curves[(curves["workload"] == workload) & (curves["optimizer"] == row["optimizer"])]
        at = {point["budget_trials"]: point for point in curve.to_dict("records")}
        lowest = row["best_val_error"] == rows["best_val_error"].min()
        grid.add_row(
            row["optimizer"],
            Text(number(row["best_val_error"]), style="bold" if lowest else ""),
            "-" if pd.isna(row["best_trial"]) else str(row["best_trial"]),
            number(row["best_test_error"]),
            *(_band(at.get(k)) for k in BUDGETS),
            f"{row['complete']}/{row['complete'] + row['diverged']}",
        )
    return grid


def _title(words: str) -> Text:
    return Text(words, style="bold italic")


def _grid() -> Table:
    return Table(header_style="bold", box=None, pad_edge=False)


def _band(point: Mapping[str, Any] | None) -> str:
    if point is None:
        return "-"
    return f"{number(point['mean'])} {number(point['p05'], 3)}-{number(point['p95'], 3)}"


def number(value: float, digits: int = 4) -> str:
    """An error in at most 6 characters; "-" where there is none.

    >>> number(0.01234), number(0.01234, 3), number(4.5), number(123.45), number(float("nan"))
    ('.0123', '.012', '4.500', '123.5', '-')
    """
    if pd.isna(value):
        return "-"
    if np.isinf(value):
        return "inf"
    if abs(value) < 1:
        return f"{value:.{digits}f}".replace("0.", ".", 1)
    return f"{value:#.{digits}g}"


STYLE = {
    inclusion_verdicts.CONSISTENT: "green",
    inclusion_verdicts.VIOLATED: "bold red",
    inclusion_verdicts.NOT_ENOUGH: "yellow",
}
TUNED = {
    "at or under": "≤ {}: yes",
    "within band": "> {}: within the band",
    "above": "> {}: no",
}


def _inclusions(edges: pd.DataFrame) -> Table:
    grid = _grid()
    grid.add_column("inclusion", no_wrap=True)
    grid.add_column("mean best of K")
    grid.add_column("P(general better)")
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
        return "no feasible trials"
    words = TUNED[edge["tuned"]].format(number(edge["special_mean"]))
    return f"{number(edge['general_mean'])} {words} (K={edge['tuned_budget']:.0f})"


def _probability(edge: Mapping[str, Any]) -> str:
    if pd.isna(edge["superiority"]):
        return "-"
    probability, low, high = (
        number(edge[name], 2) for name in ("superiority", "null_low", "null_high")
    )
    return f"{probability} (null {low}-{high}, K={edge['budget_trials']})"


def _left_out(trials: pd.DataFrame) -> list[str]:
    """One line per workload and optimizer with trials that enter no statistic."""
    lines = []
    for (workload, optimizer), rows in not_counted(trials).groupby(["workload", "optimizer"]):
        counts = [f"{(rows['status'] == name).sum()} {name.replace('_', ' ')}"
                  for name in table.LISTED if (rows["status"] == name).any()]  # fmt: skip
        shown = ", ".join(map(str, rows["trial"][:8])) + (", …" if len(rows) > 8 else "")
        noun = "trial" if len(rows) == 1 else "trials"
        lines.append(f"Left out: {workload}/{optimizer}: {', '.join(counts)} ({noun} {shown})")
    return lines


def _notes(with_inclusions: bool) -> list[str]:
    bands = (
        f"best of K = {', '.join(map(str, BUDGETS))}: mean and 5-95% band over random searches of K"
        " feasible trials, exact."
    )
    null = (
        f"P counts ties half, at K = N/{confidence.TRUSTED_SHARE}; identical optimizers stay in the null ranges of"
        f" all a workload's inclusions {confidence.CONFIDENCE:.0%} of the time."
    )
    return [bands, null] if with_inclusions else [bands]
