"""One training under several settings: the best of K of each, and of every pair which is better.

A setting is a results root, or one error column of it, such as that of an average of the parameters. To
the statistics a setting is what an optimizer is elsewhere: `final.final`, and the paired test of `pairs`,
adjusted for all pairs. Trials of equal seed and index are partners: they have their point on the axes that
both settings have, their initial weights and their data order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from harness.analysis.cells import comparison_budget, needed
from harness.analysis.final import final
from harness.analysis.names import averaged, number
from harness.analysis.pairs import pairs
from harness.analysis.pooling import Studies

COLUMNS = (
    "workload", "setting", "trials", "feasible_trials", "steps_trained", "best_trial", "best_val_error",
    "budget_trials", "val_mean", "val_p05", "val_p95", "test_mean", "test_p05", "test_p95",
)  # fmt: skip


class Settings(NamedTuple):
    """``settings``: `COLUMNS`, a row a setting; ``pairs``: `pairs.pairs` of settings."""

    settings: pd.DataFrame
    pairs: pd.DataFrame


def compare(
    trials: Mapping[str, pd.DataFrame], studies: Studies, columns: Sequence[str] = ("val_error",)
) -> Settings:
    """At the smallest budget K of any setting (`cells.comparison_budget`).

    Args:
        trials: checked tables by the label of their setting, one study each per workload.
        columns: validation errors, each of which is a setting by itself; the one that a table lacks, of none.
    """
    table = pd.concat(
        [each for label, rows in trials.items() for each in _of_columns(label, rows, columns)],
        ignore_index=True,
    )
    budgets = {str(name): int(k) for name, k in comparison_budget(table).items()}
    found = final(table, budgets)
    spent = table.groupby(["workload", "optimizer"]).agg(
        trials=("trial", "size"), steps_trained=("steps", "sum")
    )
    found = found.join(spent, on=["workload", "optimizer"]).rename(columns={"optimizer": "setting"})
    return Settings(found[list(COLUMNS)], pairs(table, studies=studies))


def _of_columns(label: str, rows: pd.DataFrame, columns: Sequence[str]) -> list[pd.DataFrame]:
    """The table as each column has it, its optimizer called by the setting."""
    there = [name for name in columns if name in rows and rows[name].notna().any()]
    found = []
    for name in there:
        called = label if name == "val_error" else f"{label}, {averaged(name)}"
        errors = {"val_error": rows[name], "test_error": rows[name.replace("val", "test")]}
        found.append(rows.assign(optimizer=called, **errors))
    return found


def sentences(found: Settings) -> list[str]:
    """What each setting reaches, and of each pair which is better."""
    lines = []
    for row in found.settings.to_dict("records"):
        reached = (
            f"{number(row['val_mean'])} ({number(row['val_p05'])} to {number(row['val_p95'])})"
        )
        lines.append(
            f"{row['setting']}: best of {row['budget_trials']} {reached}, its test error"
            f" {number(row['test_mean'])}; {row['feasible_trials']} of {row['trials']} trials feasible"
        )
    for row in found.pairs.to_dict("records"):
        told = f"{row['a']} against {row['b']}: {row['verdict']}"
        if pd.isna(row["win"]):
            least = needed(int(row["budget_trials"]))
            lines.append(f"{told}, which takes {least} feasible trials of each")
        else:
            lines.append(
                f"{told}; it wins {row['win']:.0%} of tuning races of K = {row['budget_trials']}"
                f" ({row['win_low']:.0%} to {row['win_high']:.0%})"
            )
    return lines
