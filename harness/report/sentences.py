"""The answer in sentences, a paragraph a workload: who leads at the budget compared at, and how surely."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.analysis.cells import NO_FEASIBLE, NOT_RUN, drawn
from harness.analysis.checking import EVERY
from harness.analysis.counting import centre, noun
from harness.analysis.inclusion_verdicts import CONSISTENT, NOT_ENOUGH, VIOLATED
from harness.analysis.names import listed, name, number, quantity
from harness.analysis.selected import MOSTLY_DIVERGES
from harness.analysis.tuning_curves import TO_TARGET

OFTEN_FEASIBLE = 0.9
EVERY_TRIAL = "Every trial counts, a diverged one as infinitely bad; medians stand for means."


class Answer(NamedTuple):
    """What the trials of one workload say."""

    workload: str
    headline: str
    sentences: tuple[str, ...]


def answers(
    errors: pd.DataFrame,
    ranks: pd.DataFrame,
    verdicts: pd.DataFrame,
    feasibility: pd.DataFrame,
    borders: pd.DataFrame,
) -> list[Answer]:
    """One answer a workload.

    Args:
        errors: of `selected.errors`; its first metric is what leads.
        ranks: of `ranks.first_and_mean_rank`, at those budgets.
        verdicts: of `inclusion_verdicts.verdicts`.
        feasibility: `final.feasibility`.
        borders: `borders.borders`.
    """
    errors = errors[errors["metric"] == errors["metric"].iloc[0]]
    result = []
    for workload in errors["workload"].unique():
        cells = errors[errors["workload"] == workload]
        shares = feasibility[feasibility["workload"] == workload]
        headline, first = _leader(
            drawn(cells),
            ranks[ranks["workload"] == workload],
            "trials" if (shares["feasible_share"] == 1).all() else noun(cells),
        )
        sentences = [
            *first,
            *([EVERY_TRIAL] if EVERY in errors else []),
            *_absent(cells),
            *_inclusions(verdicts[verdicts["workload"] == workload]),
            *_infeasible(shares),
            *_at_borders(borders[borders["workload"] == workload]),
        ]
        result.append(Answer(workload, headline, tuple(sentences)))
    return result


def _leader(cells: pd.DataFrame, ranks: pd.DataFrame, word: str) -> tuple[str, list[str]]:
    if cells.empty:
        return "No trial was feasible: there is nothing to compare.", []
    budget = cells["budget_trials"].iloc[0]
    trials = f"a single {word[:-1]}" if budget == 1 else f"{budget:.0f} {word}"
    if cells["metric"].iloc[0] in TO_TARGET:
        return _first_to_target(cells, trials), []
    best = _best(cells, ranks)
    what = quantity(best["metric"], best["unit"])
    value = number(best[centre(cells)])
    if best["p95"] > best["p05"]:
        value += f" (5th–95th percentile {number(best['p05'])} to {number(best['p95'])})"
    if len(cells) == 1:
        median = {"mean": "", "p50": "median "}[centre(cells)]
        return f"{name(best['optimizer'])}, tuned with {trials}, reaches a {median}{what} of {value}.", []  # fmt: skip
    lowest = {"mean": "lowest expected", "p50": "lowest median"}[centre(cells)]
    headline = (
        f"Tuned with {trials} each, {name(best['optimizer'])} has the {lowest} {what}: {value}."
    )
    return headline, [*_how_surely(best, ranks), *_told_apart(best, cells)]


def _best(cells: pd.DataFrame, ranks: pd.DataFrame) -> pd.Series:
    """The lowest; of equal medians, which errors in steps have, that which comes first most often."""
    errors = cells[centre(cells)]
    lowest = cells[errors == errors.min()]
    at = ranks[ranks["budget_trials"] == cells["budget_trials"].iloc[0]]
    first = lowest["optimizer"].map(at.set_index("optimizer")["first"]).fillna(0)
    return lowest.loc[first.idxmax()]


def _first_to_target(cells: pd.DataFrame, trials: str) -> str:
    """By the median: the mean is over the runs that reach the target, however few."""
    best = cells.loc[cells["p50"].idxmin()]
    if not np.isfinite(best["p50"]):
        best = cells.loc[cells["share_reached"].idxmax()]
        return (
            f"Tuned with {trials} each, no optimizer reaches the target in half of the tuning runs;"
            f" {name(best['optimizer'])} does most often, in {best['share_reached']:.0%}."
        )
    what = quantity(best["metric"], best["unit"])
    return (
        f"Tuned with {trials} each, {name(best['optimizer'])} has the lowest median {what}:"
        f" {number(best['p50'])}; {best['share_reached']:.0%} of its tuning runs reach the target."
    )


def _how_surely(best: pd.Series, ranks: pd.DataFrame) -> list[str]:
    at = ranks[ranks["budget_trials"] == best["budget_trials"]].dropna(subset=["first"])
    if best["optimizer"] not in set(at["optimizer"]):
        return []
    chance = at.set_index("optimizer")["first"]
    own, most = chance[best["optimizer"]], chance.idxmax()
    sentence = f"It comes out first in {own:.0%} of tuning races of that size"
    others = chance.drop(best["optimizer"]).sort_values(ascending=False)
    if most != best["optimizer"] and f"{own:.0%}" == f"{chance[most]:.0%}":
        sentence += f", {name(most)} as often"
    elif most != best["optimizer"]:
        sentence += f"; {name(most)} does more often, in {chance[most]:.0%}"
    elif own < 0.9 and len(others):
        sentence += f", {name(others.index[0])} in {others.iloc[0]:.0%}"
    return [sentence + ("." if chance[most] >= 0.5 else ": no optimizer wins most races.")]


def _told_apart(best: pd.Series, cells: pd.DataFrame) -> list[str]:
    """Whose 90% intervals of the median overlap the leader's, and whose lie above or below."""
    if pd.isna(best["median_high"]):
        return []
    rivals = cells[cells["optimizer"] != best["optimizer"]]
    above = rivals["median_low"] > best["median_high"]
    below = rivals["median_high"] < best["median_low"]
    level = rivals.loc[~above & ~below, "optimizer"]
    sentences = []
    if above.any():
        worse = listed(rivals.loc[above, "optimizer"])
        sentences.append(
            f"{worse} can be told apart from it: higher medians, and 90% intervals apart."
        )
    if len(level):
        sentences.append(
            f"{listed(level)} can't be told apart from it: the 90% intervals of the median overlap."
        )
    if below.any():
        better = listed(rivals.loc[below, "optimizer"])
        sentences.append(
            f"Yet the median of {better} is lower, 90% intervals apart:"
            f" {name(best['optimizer'])} leads in the mean because its bad runs are less bad."
        )
    return sentences


def _absent(cells: pd.DataFrame) -> list[str]:
    words = {
        NOT_RUN: "not run here",
        NO_FEASIBLE: "without a feasible trial",
        MOSTLY_DIVERGES: "finds no feasible trial in most tuning runs",
    }
    return [
        f"{listed(rows['optimizer'])}: {words.get(str(reason), reason)}."
        for reason, rows in cells[cells["missing"] != ""].groupby("missing", sort=False)
    ]


def _inclusions(verdicts: pd.DataFrame) -> list[str]:
    if verdicts.empty:
        return []
    counts = verdicts["verdict"].value_counts()
    total = len(verdicts)
    sentences = []
    for edge in verdicts[verdicts["verdict"] == VIOLATED].to_dict("records"):
        sentences.append(
            f"Violated: {name(edge['special'])} ⊆ {name(edge['general'])}. The more general"
            f" optimizer wins {edge['superiority']:.0%} of tuning races of K = {edge['budget_trials']:.0f},"
            f" ties counted half; of identical optimizers one would win {edge['null_low']:.0%} to"
            f" {edge['null_high']:.0%}."
        )
    if consistent := counts.get(CONSISTENT, 0):
        which = (
            "The inclusion tested is" if total == 1 else f"{consistent} of {total} inclusions are"
        )
        sentences.append(
            f"{which} consistent with these trials: the more general optimizer does no worse than chance"
            " explains."
        )
    if few := counts.get(NOT_ENOUGH, 0):
        sentences.append(f"For {few} of {total} inclusions there are not enough trials to say.")
    if lacking := what_spaces_lack(verdicts):
        sentences.append(lacking)
    return sentences


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
