"""Who wins tuning races, in sentences: from the paired test (`analysis.pairs`) alone.

A share of races is told with its interval, and a verdict of nothing with what is excluded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from harness.analysis import pairs as every_pair
from harness.analysis.cells import count_range, drawn, needed
from harness.analysis.counting import centre, noun
from harness.analysis.names import NAMES, listed, name, number, quantity
from harness.analysis.pairs import CANT_TELL, WORSE

ALMOST_ALL = 0.995  # said as "over 99%"


def told(cells: pd.DataFrame, pairs: pd.DataFrame, word: str, baseline: str | None) -> list[str]:
    """The headline and the sentences that go with it, of one workload.

    Args:
        cells: of `selected.errors`, of what selects.
        pairs: of `pairs.pairs`.
        word: what K counts.
        baseline: the optimizer that the others are told against, where it was judged.
    """
    there = drawn(cells)
    if there.empty:
        return ["No trial was feasible: there is nothing to compare."]
    budget = int(there["budget_trials"].iloc[0])
    trials = f"a single {word[:-1]}" if budget == 1 else f"{budget} {word}"
    if len(there) == 1:
        return [_alone(there.iloc[0], centre(there), trials)]
    tuned = f"Tuned with {trials} each"
    judged = every_pair.judged(pairs)
    if judged.empty:
        counts, least = count_range(cells["trials"][cells["trials"] > 0]), needed(budget)
        return [
            f"{tuned}, nothing can be said of which is better: that takes {least} {word} of each, and"
            f" there are {counts}."
        ]
    if baseline is not None and baseline in set(judged["b"]):
        return _against_the_baseline(judged, tuned, baseline)
    return _among_all(judged, tuned)


def _alone(row: pd.Series, column: str, trials: str) -> str:
    what, value = quantity(row["metric"], row["unit"]), number(row[column])
    if row["p95"] > row["p05"]:
        value += f" (5th–95th percentile {number(row['p05'])} to {number(row['p95'])})"
    kind = "median " if column == "p50" else "mean " if row["p95"] > row["p05"] else ""
    return f"{name(row['optimizer'])}, tuned with {trials}, reaches a {kind}{what} of {value}."


def _against_the_baseline(judged: pd.DataFrame, tuned: str, baseline: str) -> list[str]:
    """A sentence a rival: own optimizers, which have no known name, come first."""
    rows = judged[judged["b"] == baseline]
    rows = rows.sort_values("a", key=lambda names: names.isin(list(NAMES)), kind="stable")
    first, *others = rows.to_dict("records")
    counts = count_range(pd.concat([rows["trials_a"], rows["trials_b"]]))
    told = [f"{against(row)}." for row in others]
    sentences = [f"{tuned}, {against(first)}.", *told, f"N = {counts} trials of each optimizer."]
    return sentences + ([_adjusted(judged)] if len(judged) > 1 else [])


def _among_all(judged: pd.DataFrame, tuned: str) -> list[str]:
    sides = every_pair.both_ways(judged)
    everyone = list(dict.fromkeys(sides["a"]))
    if len(everyone) == 2:
        row = sides.sort_values("win", ascending=False, kind="stable").iloc[0]
        return [f"{tuned}, {against(row)}."]
    if first := every_pair.winner(judged):
        row = sides[sides["a"] == first].sort_values("win").iloc[0]
        headline = (
            f"{tuned}, {name(first)} is better than each of the other {len(everyone) - 1}: against"
            f" {name(row['b'])}, the nearest, it wins {share(row['win'])} of tuning races"
            f" {interval(row)}."
        )
        return [headline, *_worse(sides, [first]), _adjusted(judged)]
    level = every_pair.unbeaten(judged)
    if len(level) == len(everyone):
        headline = f"{tuned}, no optimizer can be told apart from any other: {listed(level)}."
    elif len(level) == 1:
        headline = f"{tuned}, {name(level[0])} alone is worse than no other, and better than some."
    else:
        headline = f"{tuned}, no optimizer is the best: {listed(level)} can't be told apart."
    return [headline, *_not_excluded(judged, level), *_worse(sides, level), _adjusted(judged)]


def _not_excluded(judged: pd.DataFrame, level: Sequence[str]) -> list[str]:
    """How far apart those may be that can't be told apart."""
    among = judged[judged["a"].isin(level) & judged["b"].isin(level)]
    if among.empty:
        return []
    _, most = every_pair.least_and_most(among)
    if most > ALMOST_ALL:
        return ["How often any of them wins against another is not narrowed down."]
    return [
        f"That any of them wins more than {share(most)} of tuning races against another is excluded;"
        " less is not."
    ]


def _worse(sides: pd.DataFrame, level: Sequence[str]) -> list[str]:
    """Who is worse than whom: of each the clearest loss."""
    lost = sides[(sides["verdict"] == WORSE) & ~sides["a"].isin(level)]
    clearest = lost.sort_values("win", kind="stable").drop_duplicates("a")
    return [
        f"Worse than {name(str(better))}, by the share of tuning races won and its 95% interval: "
        + ", ".join(
            f"{name(row['a'])} ({share(row['win'])}, {end(row['win_low'])} to {end(row['win_high'])})"
            for row in own.to_dict("records")
        )
        + "."
        for better, own in clearest.groupby("b", sort=False)
    ]


def _adjusted(judged: pd.DataFrame) -> str:
    return f"All {len(judged)} pairs were tested; verdicts and intervals are adjusted for that."


def not_judged(cells: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """Optimizers with something to show and too few trials, where others have enough."""
    judged = every_pair.judged(pairs)
    seen = {*judged["a"], *judged["b"]}
    if not seen:
        return []
    few = cells[~cells["optimizer"].isin(seen) & (cells["trials"] > 0)]
    if few.empty:
        return []
    counts = ", ".join(f"{name(row.optimizer)} ({row.trials})" for row in few.itertuples())
    budget = int(cells["budget_trials"].max())
    return [
        f"Not judged, for too few trials: {counts}; K = {budget} takes {needed(budget)} {noun(cells)}."
    ]


# --- words ----------------------------------------------------------------------------------------


def share(value: float) -> str:
    """A share of races; nothing is certain.

    >>> share(0.756), share(0.9996), share(0.001)
    ('76%', 'over 99%', 'under 1%')
    """
    if value > ALMOST_ALL:
        return "over 99%"
    return "under 1%" if value < 0.005 else f"{value:.0%}"


def end(value: float) -> str:
    """An end of an interval, which rounding moves to neither side of one half.

    >>> end(0.385), end(0.496), end(0.4998), end(0.5)
    ('38%', '49.6%', '49.98%', '50%')
    """
    digits = 0
    while digits < 3 and value != 0.5 and float(f"{100 * value:.{digits}f}") == 50:
        digits += 1
    return f"{value:.{digits}%}"


def interval(row: Any) -> str:
    """That of a row of `pairs`, in brackets.

    >>> interval({"win_low": 0.385, "win_high": 0.71})
    '(95% interval 38% to 71%)'
    """
    return f"(95% interval {end(row['win_low'])} to {end(row['win_high'])})"


def excluded(row: Any) -> str:
    """What an interval that holds one half leaves out.

    >>> excluded({"win_low": 0.385, "win_high": 0.71}), excluded({"win_low": 0.2, "win_high": 1.0})
    ('that it wins more than 71% or fewer than 38% is excluded', 'that it wins fewer than 20% is excluded')
    """
    ends = [
        *([f"more than {end(row['win_high'])}"] if row["win_high"] < 0.995 else []),
        *([f"fewer than {end(row['win_low'])}"] if row["win_low"] >= 0.005 else []),
    ]
    return f"that it wins {' or '.join(ends)} is excluded" if ends else "nothing is excluded"


def against(row: Any) -> str:
    """A row of `pairs` as a clause, of a."""
    a, b = name(row["a"]), name(row["b"])
    wins = f"it wins {share(row['win'])} of tuning races {interval(row)}"
    if row["verdict"] != CANT_TELL:
        return f"{a} is {row['verdict']} than {b}: {wins}"
    return f"{a} can't be told apart from {b}: {wins}; {excluded(row)}"
