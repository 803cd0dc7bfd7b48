"""``pruning=auto``: rungs chosen from evidence, the first trials of a study trained whole.

What a pruning loses is ``x``, the chance that it prunes the trial that a search of K trials would have
selected: it makes the tuning curve at K what the true one is near K (1 - x). Estimated on the first
trials, taken as the population: cohorts are drawn from them with replacement, so that the luck of a
cohort's company counts. Of the candidates with x at or under a limit the cheapest is chosen; where
there are none, nothing is pruned. The same records give the same choice, whoever computes it.

Measured on 18 pairs of the committed tables, chosen on the first 64 trials (docs/pruning.md): the loss
above predicts which pairs pruning harms, and no chosen rungs did. Cohorts drawn without replacement
miss it where a table is one cohort.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import ConfigError
from harness.study.pruning import WAIT, Pruning

Array = NDArray[np.float64]

# Rungs as shares of the steps, and what passes each. A quarter at least passes all: of 32 trials 8,
# where the best of 16 needs the best 4 %.
CANDIDATES = (
    ((0.1, 0.2), (0.5, 0.5)),
    ((0.1, 0.4), (0.5, 0.5)),
    ((0.2,), (0.25,)),
    ((0.2, 0.4), (0.5, 0.5)),
    ((0.2, 0.6), (0.5, 0.5)),
    ((0.2, 0.4, 0.6), (0.67, 0.6, 0.6)),
    ((0.4,), (0.25,)),
    ((0.2,), (0.5,)),
    ((0.4, 0.6), (0.5, 0.5)),
    ((0.2, 0.4), (0.75, 0.67)),
    ((0.4,), (0.5,)),
    ((0.2,), (0.75,)),
    ((0.4,), (0.75,)),
)
METRICS = ("val_error", "val_loss")
COHORTS = 300  # drawn for each estimate: x is good to .01
CHOICE_SALT = 0xC401CE


@dataclass(frozen=True)
class Auto:
    """Train ``probe`` trials whole, then take the cheapest rungs that lose ``lost`` at most.

    Raises:
        ConfigError: a number out of range; a probe that ends inside a cohort.
    """

    probe: int = 64
    lost: float = 0.1
    budget: int = 16
    cohort: int = 32
    audit: float = 0.0
    failed: str = WAIT

    def __post_init__(self) -> None:
        Pruning((0.5,), (0.5,), self.cohort, self.audit, failed=self.failed)
        if self.probe < self.cohort or self.probe % self.cohort:
            raise ConfigError(
                f"pruning.probe must be a multiple of pruning.cohort={self.cohort}, got {self.probe}"
            )
        if not 0 < self.lost < 1:
            raise ConfigError(f"pruning.lost must be a share, 0 < lost < 1, got {self.lost:g}")
        if not 1 <= self.budget <= self.probe // 2:
            raise ConfigError(
                f"pruning.budget must be 1 or more and at most half of pruning.probe={self.probe},"
                f" got {self.budget}"
            )

    def candidates(self, workload: Mapping[str, Any]) -> list[Pruning]:
        """The prunings whose rungs are evaluation points of a workload.

        Raises:
            ConfigError: there are none.
        """
        found = []
        for rungs, keep in CANDIDATES:
            for metric in METRICS:
                one = Pruning(rungs, keep, self.cohort, self.audit, metric, self.failed)
                try:
                    one.steps(workload)
                except ConfigError:
                    continue
                found.append(one)
        if not found:
            raise ConfigError(
                f"pruning=auto chooses among rungs at 0.1 to 0.6 of the steps, and no validation"
                f" result is there; give workload.eval_every={max(workload['steps'] // 10, 1)}"
            )
        return found


class Curves(NamedTuple):
    """Trials trained to the end: ``[trials, evaluations]`` each, infinite where there is nothing."""

    steps: Array  # [evaluations]
    columns: Mapping[str, Array]  # val_error and val_loss
    final: Array  # [trials] val_error, infinite of a diverged trial
    trained: Array  # [trials] the share of the steps that it took


def curves_of(
    evaluations: Sequence[Mapping[str, Sequence[float | None]]],
    final: Sequence[float | None],
    steps: Sequence[int],
    total: int,
) -> Curves:
    """The curves of trials that have ended, whole or diverged.

    Args:
        evaluations: the columns of each trial's curve.
        final: its last validation error; None where it diverged.
        steps: that it took, of ``total``.
    """
    grid = sorted({int(step or 0) for each in evaluations for step in each["step"]})
    place = {step: at for at, step in enumerate(grid)}
    columns = {name: np.full((len(final), len(grid)), np.inf) for name in METRICS}
    for trial, each in enumerate(evaluations):
        at = [place[int(step or 0)] for step in each["step"]]
        for name in METRICS:
            values = np.array([np.inf if v is None else v for v in each[name]], dtype=float)
            columns[name][trial, at] = np.where(np.isfinite(values), values, np.inf)
    errors = np.array([np.inf if error is None else error for error in final], dtype=float)
    return Curves(np.array(grid, dtype=float), columns, errors, np.asarray(steps) / total)


class Estimate(NamedTuple):
    """What a pruning would do on trials that were trained whole."""

    pruning: Pruning
    lost: float  # x: the chance that it prunes what the best of K would have been
    cost: float  # the share of the steps of full training
    correlations: tuple[float, ...]  # ranks at each rung with final ranks


def estimate(
    curves: Curves, pruning: Pruning, workload: Mapping[str, Any], budget: int, seed: int
) -> Estimate:
    """The loss and cost of a pruning on these trials, over cohorts drawn from them."""
    total = workload["steps"]
    ranks = [_ranks(curves, step, pruning.metric) for step in pruning.steps(workload)]
    rng = np.random.default_rng([seed, CHOICE_SALT])
    drawn = rng.integers(len(curves.final), size=(COHORTS, pruning.cohort))
    alive = passing_all(np.stack([rank[drawn] for rank in ranks], axis=-1), pruning.keep)
    last = np.array([*pruning.steps(workload), total]) / total
    stopped_at = last[alive.sum(axis=-1)]
    kept = alive.all(axis=-1)
    chance = selected(curves.final, budget)[drawn]
    lost = 1 - (chance * kept).sum() / chance.sum()
    cost = np.minimum(stopped_at, curves.trained[drawn]).sum() / curves.trained[drawn].sum()
    own = _ranks(curves, total, "val_error")
    correlations = tuple(round(float(np.corrcoef(rank, own)[0, 1]), 6) for rank in ranks)
    return Estimate(pruning, round(float(lost), 6), round(float(cost), 6), correlations)


def estimates(known: Curves, auto: Auto, workload: Mapping[str, Any], seed: int) -> list[Estimate]:
    """`estimate` of every candidate, in their order."""
    return [
        estimate(known, pruning, workload, auto.budget, seed)
        for pruning in auto.candidates(workload)
    ]


def choose(estimates: Sequence[Estimate], lost: float) -> Pruning | None:
    """The cheapest that loses ``lost`` at most; of equally cheap ones that which loses least."""
    fit = [each for each in estimates if each.lost <= lost and each.cost < 1]
    return min(fit, key=lambda each: (each.cost, each.lost)).pruning if fit else None


def passing_all(ranks: NDArray, keep: Sequence[float]) -> NDArray[np.bool_]:
    """Who passes each rung: ``[cohorts, trials, rungs]`` for ranks of that shape."""
    alive = np.ones(ranks.shape[:2], dtype=bool)
    passed = np.zeros(ranks.shape, dtype=bool)
    for rung, share in enumerate(keep):
        came = int(alive[0].sum())
        order = np.argsort(np.where(alive, ranks[..., rung], np.inf), axis=1, kind="stable")
        better = np.zeros_like(alive)
        np.put_along_axis(better, order[:, : int(np.ceil(share * came - 1e-9))], True, axis=1)
        alive = better
        passed[..., rung] = alive
    return passed


def selected(errors: Array, budget: int) -> Array:
    """The chance of each trial to be the best of K drawn from them, ties shared (`best_of_k.weights`)."""
    count, ranked = len(errors), np.sort(errors)
    first, after = (np.searchsorted(ranked, errors, side) for side in ("left", "right"))
    return (((count - first) / count) ** budget - ((count - after) / count) ** budget) / (
        after - first
    )


def _ranks(curves: Curves, step: int, metric: str) -> Array:
    """The order at a step as `pruning.passing` has it: by the metric, then the loss, then the index."""
    at = int(np.flatnonzero(curves.steps == step)[0])
    order = np.lexsort((curves.columns["val_loss"][:, at], curves.columns[metric][:, at]))
    ranks = np.empty(len(order))
    ranks[order] = np.arange(len(order))
    return ranks
