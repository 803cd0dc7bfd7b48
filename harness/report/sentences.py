"""The answer in sentences, a paragraph a workload: what the tests say at the budget compared at."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from harness.analysis.cells import NO_FEASIBLE, NOT_RUN, drawn
from harness.analysis.checking import EVERY
from harness.analysis.counting import noun
from harness.analysis.inclusion_verdicts import CONSISTENT, NOT_ENOUGH, VIOLATED
from harness.analysis.names import listed, name, number, quantity
from harness.analysis.pairs import CANT_TELL
from harness.analysis.selected import MOSTLY_DIVERGES
from harness.analysis.tuning_curves import TO_TARGET
from harness.report.races import end, not_judged, share, told
from harness.report.spaces import caution

OFTEN_FEASIBLE = 0.9
EVERY_TRIAL = "Every trial counts, a diverged one as infinitely bad; medians stand for means."


class Answer(NamedTuple):
    """What the trials of one workload say; the caution, where there is one, before the rest."""

    workload: str
    caution: str
    headline: str
    sentences: tuple[str, ...]


def answers(
    errors: pd.DataFrame,
    pairs: pd.DataFrame,
    verdicts: pd.DataFrame,
    feasibility: pd.DataFrame,
    borders: pd.DataFrame,
    spaces: pd.DataFrame,
    baseline: str | None = None,
) -> list[Answer]:
    """One answer a workload.

    Args:
        errors: of `selected.errors`; its first metric is what is compared.
        pairs: of `pairs.pairs`, by that metric.
        verdicts: of `inclusion_verdicts.verdicts`.
        feasibility: `final.feasibility`.
        borders: `borders.borders`.
        spaces: `space_check.space_check`.
        baseline: the optimizer that the others are told against.
    """
    errors = errors[errors["metric"] == errors["metric"].iloc[0]]
    result = []
    for workload in errors["workload"].unique():
        cells, own, edges, shares, crowded, checked = (
            frame[frame["workload"] == workload]
            for frame in (errors, pairs, verdicts, feasibility, borders, spaces)
        )
        word = "trials" if (shares["feasible_share"] == 1).all() else noun(cells)
        headline, *further = told(cells, own, word, baseline)
        sentences = [
            *further,
            *([EVERY_TRIAL] if EVERY in errors else []),
            *_reaching(drawn(cells)),
            *not_judged(cells, own),
            *_absent(cells),
            *_inclusions(edges, own),
            *_infeasible(shares),
            *_at_borders(crowded),
        ]
        result.append(Answer(workload, caution(checked, baseline), headline, tuple(sentences)))
    return result


def _reaching(cells: pd.DataFrame) -> list[str]:
    """How many tuning runs reach the target, where steps to it are compared."""
    if cells.empty or cells["metric"].iloc[0] not in TO_TARGET:
        return []
    if (cells["share_reached"] < 0.5).all():
        best = cells.loc[cells["share_reached"].idxmax()]
        return [
            "No optimizer reaches the target in half of the tuning runs;"
            f" {name(best['optimizer'])} does in {best['share_reached']:.0%}."
        ]
    each = ", ".join(
        f"{name(row['optimizer'])} {number(row['p50'])} ({row['share_reached']:.0%})"
        for row in cells.sort_values("p50", kind="stable").to_dict("records")
    )
    what = quantity(cells["metric"].iloc[0], cells["unit"].iloc[0])
    return [f"Median {what}, and the share of tuning runs that reach it: {each}."]


def _absent(cells: pd.DataFrame) -> list[str]:
    words = {
        NOT_RUN: "not run here",
        NO_FEASIBLE: "without a feasible trial",
        MOSTLY_DIVERGES: "finds no feasible trial in most tuning runs",
    }
    return [
        f"{listed(rows['optimizer'])}: {words.get(str(reason), reason)}."
        for reason, rows in cells[cells["missing"] != ""].groupby("missing", sort=False)
        if not str(reason).startswith("N = ")  # not judged, and named as such
    ]


def _inclusions(verdicts: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    sentences = []
    violated = verdicts[verdicts["verdict"] == VIOLATED].to_dict("records")
    for edge in violated:
        sentences.append(
            f"Violated: {_edge(edge)}. {name(edge['general'])} wins {share(edge['superiority'])} of"
            f" tuning races of K = {edge['budget_trials']}, ties counted half; that it wins more than"
            f" {end(edge['superiority_high'])} is excluded."
        )
    undecided = pairs[pairs["verdict"] == CANT_TELL]
    open_pairs = {frozenset(pair) for pair in zip(undecided["a"], undecided["b"], strict=True)}
    if any(frozenset((edge["special"], edge["general"])) in open_pairs for edge in violated):
        sentences.append(
            "(An inclusion is asked in one direction, and of inclusions alone: so it can be decided where"
            " the same two are not told apart among all pairs.)"
        )
    consistent = verdicts[verdicts["verdict"] == CONSISTENT].to_dict("records")
    if consistent:
        edges = ", ".join(f"{_edge(edge)} ({what_is_excluded(edge)})" for edge in consistent)
        sentences.append(f"Consistent with these trials: {edges}.")
    if few := int((verdicts["verdict"] == NOT_ENOUGH).sum()):
        sentences.append(
            f"For {few} of {len(verdicts)} inclusions there are not enough trials to say."
        )
    if lacking := what_spaces_lack(verdicts):
        sentences.append(lacking)
    return sentences


def _edge(edge: Any) -> str:
    return f"{name(edge['special'])} ⊆ {name(edge['general'])}"


def what_is_excluded(edge: Any) -> str:
    """What a consistent inclusion's trials exclude.

    >>> what_is_excluded({"general": "adam", "superiority_low": 0.32})
    'Adam losing more than 68% of races is excluded'
    """
    most = 1 - edge["superiority_low"]
    if most > 0.995:
        return "which excludes nothing"
    return f"{name(edge['general'])} losing more than {end(most)} of races is excluded"


def _infeasible(feasibility: pd.DataFrame) -> list[str]:
    low = feasibility[feasibility["feasible_share"] < OFTEN_FEASIBLE]
    shares = [f"{name(row.optimizer)} {1 - row.feasible_share:.0%}" for row in low.itertuples()]
    return [f"Share of trials that diverged: {', '.join(shares)}."] if shares else []


def _at_borders(borders: pd.DataFrame) -> list[str]:
    warned = borders[borders["warning"] != ""]
    if warned.empty:
        return []
    spaces = "space" if warned["optimizer"].nunique() == 1 else "spaces"
    return [
        f"Selected trials crowd at a border of the search {spaces} of"
        f" {listed(warned['optimizer'].unique())}: a better setting may lie outside."
    ]


def what_spaces_lack(verdicts: pd.DataFrame) -> str:
    """Which inclusions the search spaces cannot test whole, and what they lack; empty if none."""
    lacking = [
        f"{row['special']} ⊆ {row['general']} ({row['gaps']})"
        for row in verdicts[verdicts["gaps"] != ""].to_dict("records")
    ]
    if not lacking:
        return ""
    return (
        "The general optimizer's search space does not hold all of the special one's in"
        f" {', '.join(lacking)}: what is said of these is said of the spaces too."
    )
