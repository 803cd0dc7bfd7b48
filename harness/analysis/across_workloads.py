"""Optimizers compared over several workloads: win shares, mean ranks, and what one workload decides.

Every workload has one vote, however many trials it has, and all are judged at one budget K. The unit is
the workload, so intervals say what other workloads like these might have given; what the trials of
one workload leave open is within how much the workloads differ.

The **interval** of a mean win share is Student's over the workloads on the scale arcsin √win, at 95%,
each by itself. With few workloads of unlike spread the t-test stays conservative at 5% (Bakirov and
Székely 2005; Ibragimov and Müller 2010, doi:10.1198/jbes.2009.08046), if each workload's value were normal.
Simulated for 3 to 8 workloads it holds the truth in 91 to 96% (tests/analysis/test_across_workloads.py);
on the plain scale it is 89 to 95%. That of a mean rank is on the plain scale.

The **verdict** takes no normal distribution: were two optimizers alike, each workload would be as likely
to lean as far the other way, so the signs are flipped in all 2^n ways. Its least p-value is 2^(1-n), so 5
workloads tell no pair apart whatever they show, and after Holm's adjustment 15 pairs take 10 (`least`).
Demšar (2006, jmlr.org/papers/v7/demsar06a.html) has the case against a plain t-test for verdicts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special, stats

from harness.analysis import best_of_k
from harness.analysis.cells import comparison_budget
from harness.analysis.counting import counted, values
from harness.analysis.names import optimizer_order
from harness.analysis.paired import LEVEL, Array, holm
from harness.analysis.pairs import BETTER, CANT_TELL, WORSE
from harness.analysis.pooling import groups
from harness.errors import ConfigError

PAIRS = (
    "workload", "a", "b", "workloads", "budget_trials", "win", "win_low", "win_high", "ahead",
    "behind", "p_adjusted", "verdict",
)  # fmt: skip
RANKS = (
    "workload", "without", "optimizer", "workloads", "budget_trials", "mean_rank", "rank_low",
    "rank_high", "place",
)  # fmt: skip
MOST_FLIPS = 2**14
HALF = 0.5 + 1e-9  # a share of one half up to rounding


class Across(NamedTuple):
    """What several workloads say together.

    ``pairs`` (across.csv) and ``ranks`` (ranks.csv) have a row for all workloads, whose ``workload`` is
    empty, and one for each; ``ranks`` also one for all ``without`` one of them.
    """

    workloads: list[str]
    optimizers: list[str]  # compared: in every workload
    aside: dict[str, str]  # optimizer: why it is not
    budget: int
    pairs: pd.DataFrame
    ranks: pd.DataFrame


def across(trials: pd.DataFrame, metric: str = "val_error", *, budget: int | None = None) -> Across:
    """Compare the optimizers that every workload has.

    Args:
        trials: a checked table, one study per workload and optimizer.
        metric: the column that is lowest in the best trial.
        budget: K of all workloads; None for the smallest of their own (`cells.comparison_budget`).

    Raises:
        ConfigError: one workload alone, or fewer than two optimizers in all of them.
    """
    errors: dict[str, dict[str, Array]] = {}
    for group in groups(trials):
        own = errors.setdefault(group.workload, {})
        own[group.optimizer] = values(counted(group.trials), metric)
    workloads = list(errors)
    if len(workloads) < 2:
        raise ConfigError(
            f"one workload alone, {workloads[0]}; give the results of two or more (two budgets or two"
            " spaces of one are one workload)"
        )
    k = int(comparison_budget(trials, budget=budget).min())
    every = optimizer_order(name for own in errors.values() for name in own)
    aside = {name: why for name in every if (why := _why_not(name, errors, k))}
    optimizers = [name for name in every if name not in aside]
    if len(optimizers) < 2:
        told = "; ".join(f"{name}: {why}" for name, why in aside.items())
        raise ConfigError(
            f"fewer than two optimizers are in every workload ({told}); tune them there"
        )
    fields = [[errors[workload][name] for name in optimizers] for workload in workloads]
    return Across(
        workloads,
        optimizers,
        aside,
        k,
        _pairs(workloads, optimizers, fields, k),
        _ranks(workloads, optimizers, fields, k),
    )


def _why_not(name: str, errors: dict[str, dict[str, Array]], k: int) -> str:
    absent = [workload for workload, own in errors.items() if name not in own]
    few = [workload for workload, own in errors.items() if name in own and len(own[name]) < k]
    words = [f"not run on {', '.join(absent)}"] if absent else []
    words += [f"fewer than K = {k} feasible trials on {', '.join(few)}"] if few else []
    return "; ".join(words)


def least(pairs: int) -> int:
    """How many workloads it takes that one of so many pairs can be told apart.

    >>> least(1), least(15)
    (6, 10)
    """
    return math.ceil(1 + math.log2(pairs / LEVEL))


# --- pairs ----------------------------------------------------------------------------------------


def _pairs(
    workloads: list[str], optimizers: list[str], fields: list[list[Array]], k: int
) -> pd.DataFrame:
    both = list(itertools.combinations(range(len(optimizers)), 2))
    wins = np.array([[_win(own[a], own[b], k) for a, b in both] for own in fields])
    adjusted, _ = holm([flipped(each) for each in wins.T])
    rows = []
    for place, (a, b) in enumerate(both):
        names = {"a": optimizers[a], "b": optimizers[b], "budget_trials": k}
        own, p = wins[:, place], float(adjusted[place])
        low, high = interval(own)
        verdict = CANT_TELL if p > LEVEL else BETTER if own.mean() > 0.5 else WORSE
        leaning = {"ahead": int((own > HALF).sum()), "behind": int((own < 1 - HALF).sum())}
        rows.append(
            names
            | {"workload": "", "workloads": len(own), "win": own.mean(), "win_low": low}
            | {"win_high": high, "p_adjusted": p, "verdict": verdict}
            | leaning
        )
        rows += [
            names | {"workload": workload, "workloads": 1, "win": win}
            for workload, win in zip(workloads, own, strict=True)
        ]
    return pd.DataFrame(rows, columns=list(PAIRS))


def _win(a: Array, b: Array, k: int) -> float:
    win, tie = best_of_k.win_and_tie(a, b, [k], replacement=False)
    return float(win[0] + tie[0] / 2)


def interval(wins: Array) -> tuple[float, float]:
    """The 95% interval of the mean win share over workloads, from one share each: ``[workloads]``.

    >>> [round(float(end), 2) for end in interval(np.array([0.6, 0.7, 0.8, 0.9]))]
    [0.52, 0.93]
    """
    low, high = _student(np.arcsin(np.sqrt(np.clip(wins, 0.0, 1.0))))
    return np.sin(max(low, 0.0)) ** 2, np.sin(min(high, np.pi / 2)) ** 2


def _student(each: Array) -> tuple[float, float]:
    n = len(each)
    if n < 2:
        return -math.inf, math.inf
    reach = special.stdtrit(n - 1, 1 - LEVEL / 2) * each.std(ddof=1) / math.sqrt(n)
    return float(each.mean() - reach), float(each.mean() + reach)


def flipped(wins: Array) -> float:
    """The chance, were the two alike, of a mean win share as far from one half: ``[workloads]`` to p.

    >>> flipped(np.array([0.9, 0.8, 0.7, 0.6, 0.9, 1.0])), 2 ** (1 - 6)
    (0.03125, 0.03125)
    """
    away = np.round(wins - 0.5, 12)  # shares of one half up to rounding lean nowhere
    tested = stats.permutation_test(
        (away,),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=MOST_FLIPS,  # all of them up to 14 workloads
        rng=np.random.default_rng(0),
    )
    return float(min(tested.pvalue, 1.0))


# --- ranks ----------------------------------------------------------------------------------------


def _ranks(
    workloads: list[str], optimizers: list[str], fields: list[list[Array]], k: int
) -> pd.DataFrame:
    count = np.arange(1.0, len(optimizers) + 1)
    expected = np.stack(
        [best_of_k.rank_probabilities(own, [k], replacement=False)[0] @ count for own in fields]
    )  # [workloads, optimizers]
    of_all = _rank_rows(optimizers, expected, {"workload": "", "without": ""})
    of_one = [
        _rank_rows(optimizers, expected[[place]], {"workload": workload, "without": ""})
        for place, workload in enumerate(workloads)
    ]
    but_one = [
        _rank_rows(optimizers, np.delete(expected, place, 0), {"workload": "", "without": workload})
        for place, workload in enumerate(workloads)
    ]
    rows = [row for part in (of_all, *of_one, *but_one) for row in part]
    return pd.DataFrame(rows).assign(budget_trials=k)[list(RANKS)]


def _rank_rows(
    optimizers: Sequence[str], expected: Array, labels: dict[str, str]
) -> list[dict[str, object]]:
    means = expected.mean(axis=0)
    places = stats.rankdata(np.round(means, 9), method="min")
    rows = []
    for own, optimizer in enumerate(optimizers):
        low, high = _student(expected[:, own])
        rows.append(
            labels
            | {"optimizer": optimizer, "workloads": len(expected), "mean_rank": means[own]}
            | {"rank_low": max(low, 1.0), "rank_high": min(high, float(len(optimizers)))}
            | {"place": int(places[own])}
        )
    return rows


def of_all(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of `Across.pairs` or `Across.ranks` that are of all workloads together."""
    frame = frame[frame["workload"] == ""]
    return frame[frame["without"] == ""] if "without" in frame else frame


def swaps(ranks: pd.DataFrame, without: str) -> list[tuple[str, str]]:
    """The pairs whose order by mean rank turns round when one workload is left out, the leader first."""
    whole = of_all(ranks).set_index("optimizer")["mean_rank"].sort_values(kind="stable")
    rest = ranks[ranks["without"] == without].set_index("optimizer")["mean_rank"]
    return [
        (str(a), str(b))
        for a, b in itertools.combinations(whole.index, 2)
        if whole[a] < whole[b] and rest[a] > rest[b]
    ]
