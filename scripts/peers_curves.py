"""What a tuning curve gains from training fewer steps, by each way to prune: simulated on a committed table.

As in `benchmark_pruning.py`: the trials of a table stand for a population, searches are drawn from it, and
the squared error of their best of 16 (its mean, bias included) is compared at equal steps. What is
pruned counts as worse than what was not. Successive halving of Optuna and Ray is asynchronous: trials
come to a rung one after the other, and are compared with those that came before.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmark_pruning import FULL, Pair, best_of, interpolated, pairs, ranks_at, reaching

from harness.study.pruning import Pruning
from harness.study.rung_choice import passing_all

COUNTS = (16, 32, 64, 96, 128, 192, 256, 384, 512)
Stopping = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(drawn ``[tables, trials]``, uniform numbers alike) -> evaluations that each trial takes, and whether it
passed all rungs: who is audited took all and passed none."""


class Gain(NamedTuple):
    """Of one way to prune, beside training 64 trials whole."""

    cost: float  # steps a trial, of whole training
    steps: (
        float  # that give the same squared error as 64 whole trials, of theirs; infinite: none do
    )
    costs: tuple[float, ...]  # of searches of `COUNTS` trials, in steps of 64 whole ones
    squared: tuple[float, ...]  # their squared error, in that of 64 whole ones

    def error_at(self, cost: float) -> float:
        """The squared error at that many steps, in that of 64 whole trials."""
        return interpolated(self.costs, self.squared, cost)


def population(results: Path, name: str) -> Pair:
    """The committed trials ``table/optimizer``.

    Raises:
        ValueError: there are none.
    """
    for pair in pairs(results):
        if pair.name == name:
            return pair
    raise ValueError(f"no table {name} under {results}; give --results")


def gain(pair: Pair, stopping: Stopping, tables: int = 1000) -> Gain:
    """Simulate searches of `COUNTS` trials."""
    curves = pair.curves
    rng = np.random.default_rng(0)
    truth = best_of(curves.final[None])["mean"]
    share = np.concatenate([[0.0], curves.steps]) / pair.workload["steps"]

    def simulated(count: int, stop: Stopping) -> tuple[float, float]:
        drawn = rng.integers(len(curves.final), size=(tables, count))
        taken, passed = stop(drawn, rng.random(drawn.shape))
        cost = np.minimum(share[taken], curves.trained[drawn]).sum() / tables
        found = best_of(np.where(passed, curves.final[drawn], np.inf))["mean"]
        return float(cost), float(np.nanmean((found - truth) ** 2))

    budget, full = simulated(FULL, whole_training(pair))
    found = [simulated(count, stopping) for count in COUNTS]
    costs = [cost / budget for cost, _ in found]
    squared = [error / full for _, error in found]
    per_trial = costs[-1] / (COUNTS[-1] / FULL)
    return Gain(per_trial, reaching(costs, squared, 1.0), tuple(costs), tuple(squared))


# --- ways to prune -------------------------------------------------------------------------------


def whole_training(pair: Pair) -> Stopping:
    last = len(pair.curves.steps)
    return lambda drawn, _: (np.full(drawn.shape, last), np.ones(drawn.shape, dtype=bool))


def cohorts(pair: Pair, pruning: Pruning) -> Stopping:
    """This harness: the better share of a cohort, once all have come; a share audited."""
    curves = pair.curves
    steps = pruning.steps(pair.workload)
    ranks = [ranks_at(curves, step, pruning.metric) for step in steps]
    ends = np.array(
        [*(int(np.flatnonzero(curves.steps == s)[0]) + 1 for s in steps), len(curves.steps)]
    )

    def stop(drawn: np.ndarray, uniforms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        by_cohort = drawn.reshape(-1, min(pruning.cohort, drawn.shape[1]))
        alive = passing_all(np.stack([rank[by_cohort] for rank in ranks], axis=-1), pruning.keep)
        taken = ends[alive.sum(axis=-1)].reshape(drawn.shape)
        return np.where(uniforms < pruning.audit, ends[-1], taken), taken == ends[-1]

    return stop


def asynchronous(pair: Pair, first: int, eta: int, *, counts_itself: bool) -> Stopping:
    """Optuna's SuccessiveHalvingPruner (``counts_itself``) or Ray's ASHAScheduler, from their source.

    Rungs are evaluations first, first·eta, …. Optuna: among the best n // eta of the n that came, itself
    included, or the best of all. Ray: at most the 1/eta quantile of those that came before; its first
    passes. Ray interpolates between two values where this takes the lower.
    """
    error = pair.curves.columns["val_error"]
    last = len(pair.curves.steps)
    rungs = []
    while first < last:
        rungs.append(first)
        first *= eta

    def stop(drawn: np.ndarray, _: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        taken = np.full(drawn.shape, last)
        came = np.ones(drawn.shape, dtype=bool)
        for rung in rungs:
            value = error[drawn, rung - 1]
            passed = np.zeros(drawn.shape, dtype=bool)
            for at in range(drawn.shape[1]):
                before = came[:, :at]
                better = (before & (value[:, :at] < value[:, at : at + 1])).sum(axis=1)
                total = before.sum(axis=1)
                if counts_itself:
                    enough = better <= np.maximum((total + 1) // eta - 1, 0)
                else:
                    enough = (total == 0) | (better <= (total - 1) // eta)
                passed[:, at] = came[:, at] & enough
            taken = np.where(came & ~passed, rung, taken)
            came = passed
        return taken, came

    return stop
