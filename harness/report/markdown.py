"""The outcome of a workload as Markdown tables, as cards and the README state it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from harness.analysis.borders import borders
from harness.analysis.cells import comparison_budget, count_range
from harness.analysis.inclusion_verdicts import verdicts
from harness.analysis.names import optimizer_order
from harness.analysis.pooling import Studies
from harness.analysis.tuning_curves import tuning_curves
from harness.report.sentences import what_spaces_lack
from harness.study.inclusions import EDGES
from harness.study.result import COMPLETE

HEAD = (
    "Validation error of the best of K trials, mean (5th to 95th percentile); the test error is that of"
    " the trial selected at the largest K."
)


HOW = {(edge.special, edge.general): edge.how for edge in EDGES}


def outcome(trials: pd.DataFrame, studies: Studies | None = None) -> str:
    """All there is to say: the optimizers, the inclusions, what crowds at a border.

    Args:
        trials: a checked table, one study per workload and optimizer.
        studies: the resolved studies, for the ends of the search spaces.
    """
    parts = []
    workloads = trials["workload"].unique()
    for workload in workloads:
        if len(workloads) > 1:
            parts.append(f"**{workload}**")
        here = trials[trials["workload"] == workload]
        if (here["status"] != COMPLETE).all():
            parts.append(f"`{workload}`: no trial was feasible.")
            continue
        parts += [HEAD, optimizers(here), *_inclusions(here, studies), _borders(here, studies)]
    return "\n\n".join(parts)


def optimizers(trials: pd.DataFrame) -> str:
    """Best of 1, of 4 and of the budget compared at, K = N/5: a row for each optimizer of a workload."""
    budget = int(comparison_budget(trials).iloc[0])
    budgets = sorted({1, min(4, budget), budget})
    errors = tuning_curves(trials, budgets=budgets).set_index(["optimizer", "budget_trials"])
    tested = trials[trials["test_error"].notna() | (trials["status"] != COMPLETE)]
    tests = tuning_curves(tested, "test_error", "val_error", [budgets[-1]]).set_index("optimizer")
    rows = []
    for name in optimizer_order(trials["optimizer"].unique()):
        feasible = int((trials.loc[trials["optimizer"] == name, "status"] == COMPLETE).sum())
        bands = [_band(errors, (name, budget)) for budget in budgets]
        rows.append([name, *bands, _band(tests, name), str(feasible)])
    best = [f"best of {budget}" for budget in budgets]
    return table(["optimizer", *best, "its test error", "feasible"], rows)


def _band(frame: pd.DataFrame, key: str | tuple[str, int]) -> str:
    """Mean and 5th to 95th percentile."""
    if key not in frame.index:
        return "-"
    row = frame.loc[key]
    return f"{row['mean']:.2%} ({row['p05']:.2%}–{row['p95']:.2%})"


def _inclusions(trials: pd.DataFrame, studies: Studies | None) -> Iterator[str]:
    edges = verdicts(trials, studies=studies).dropna(subset=["superiority"])
    if edges.empty:
        return
    rows = [
        [
            f"{edge['special']} ⊆ {edge['general']}",
            HOW[edge["special"], edge["general"]],
            f"{edge['superiority']:.2f} at K = {edge['budget_trials']:.0f} (ties {edge['tie']:.2f})",
            f"{edge['null_low']:.2f}–{edge['null_high']:.2f}",
            f"**{edge['verdict']}**",
        ]
        for edge in edges.to_dict("records")
    ]
    yield table(
        ["inclusion", "by", "P(general better), ties half", "identical optimizers", "verdict"],
        rows,
    )
    if sentence := what_spaces_lack(edges):
        yield sentence


def _borders(trials: pd.DataFrame, studies: Studies | None) -> str:
    found = borders(trials, studies)
    warned = found[found["warning"] != ""]
    k = count_range(found["budget_trials"])
    if warned.empty:
        return (
            "On no axis do 30% or more of the selected trials (weighted by their chance of being selected by"
            f" K = {k}) lie in the outermost tenth of the range at either end."
        )
    return "\n".join(
        f"- {row['optimizer']}: {row['warning']}." for row in warned.to_dict("records")
    )


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown, header first."""
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
