"""Is it the optimizer, or its search space? In sentences, from `analysis.space_check`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from harness.analysis.across_spaces import Across
from harness.analysis.counting import centre
from harness.analysis.names import listed, name, number
from harness.analysis.space_check import SOME, TOLD

REMEDY = (
    "A verdict on it is one on its space too: harness spaces says which hold on parts of the spaces, harness"
    " stages finds equal ones."
)
HEAD = ("optimizer", "no better than chance", "best of 1", f"best of {SOME}", "× the field's", "found by", "lacks")  # fmt: skip


def caution(rows: pd.DataFrame, baseline: str | None = None) -> str:
    """What a verdict on one workload says first where it rests on a poor space or on unequal ones.

    Args:
        rows: of `space_check`, one workload's.
        baseline: its space comes first.

    Empty where every space is as good as the others, as far as these trials tell.
    """
    poor = rows[rows["poor"].astype(bool)].sort_values("ratio", ascending=False, kind="stable")
    own = poor[poor["optimizer"] == baseline]
    others = poor[poor["optimizer"] != baseline]
    lines = [
        f"The baseline's search space is poor: {row['why']}." for row in own.to_dict("records")
    ]
    lines += _others(others.to_dict("records"))
    if ways := unequal(rows):
        lines.append(f"The search spaces were not found in the same way: {ways}.")
    if len(poor):
        many = len(poor) > 1
        lines.append(
            REMEDY.replace("on it is one on its space", "on them is one on their spaces")
            if many
            else REMEDY
        )
    elif lines:
        lines.append("harness stages finds all of them by the same.")
    return " ".join(lines)


def _others(poor: Sequence[Mapping[str, Any]]) -> list[str]:
    if not poor:
        return []
    first = poor[0]
    who = name(first["optimizer"])
    if len(poor) == 1:
        return [f"{who}'s search space is poor: {first['why']}."]
    return [
        f"The search spaces of {listed(row['optimizer'] for row in poor)} are poor; {who}'s:"
        f" {first['why']}."
    ]


def unequal(rows: pd.DataFrame) -> str:
    """The known ways in which one workload's spaces were found, where they differ; else empty."""
    known = rows[rows["found_by"] != ""]
    kinds = known.groupby("found_by", sort=False)["optimizer"].agg(list)
    if len(kinds) < 2:
        return ""
    return "; ".join(f"{listed(names)}: {TOLD[str(kind)]}" for kind, names in kinds.items())


def sentences(table: pd.DataFrame, baseline: str | None = None) -> list[str]:
    """One an optimizer: the baseline's, the poor spaces, the others."""
    ordered = table.assign(
        of_others=table["optimizer"] != baseline, good=~table["poor"].astype(bool)
    )
    ordered = ordered.sort_values(["of_others", "good"], kind="stable")
    return [_sentence(row) for row in ordered.to_dict("records")]


def _sentence(row: Mapping[str, Any]) -> str:
    mine, best = float(row["best_of_4"]), float(row["field_best_of_4"])
    who = f"{name(row['optimizer'])}'s space on {row['workload']}"
    if row["poor"]:
        told = f"{who} is poor: {row['why']}"
    else:
        beside = "the field's best" if mine == best else f"the field's best {number(best)}"
        told = (
            f"{who}: {row['chance_share']:.0%} of {row['trials']} trials no better than chance, best of"
            f" {SOME} {number(mine)} ({beside})"
        )
    if row["found_by"]:
        told += f"; found by: {TOLD[str(row['found_by'])]}"
    if row["lacks"]:
        told += f"; it lacks {row['lacks']}"
    return f"{told}."


def cells(rows: pd.DataFrame) -> Iterable[list[str]]:
    """The table's under `HEAD`, a line an optimizer of one workload."""
    for row in rows.to_dict("records"):
        yield [
            row["optimizer"],
            f"{row['chance_share']:.0%}",
            number(row["best_of_1"]),
            number(row["best_of_4"]),
            f"{row['ratio']:.1f}" + (" (poor)" if row["poor"] else ""),
            TOLD[str(row["found_by"])],
            row["lacks"],
        ]


def table_cells(across: Across, workload: str) -> Iterable[list[str]]:
    """A line an optimizer: the best of K on each of several spaces."""
    rows = across.errors[
        (across.errors["workload"] == workload) & (across.errors["metric"] == "val_error")
    ]
    for optimizer, own in rows.groupby("optimizer", sort=False):
        at = own.set_index("search_space")[centre(own)]
        yield [str(optimizer), *(number(at.get(label, float("nan"))) for label in across.spaces)]
