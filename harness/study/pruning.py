"""Successive halving in cohorts, as data: which trials pass a rung, and which are pruned there.

A *cohort* is a block of consecutive indices, a *rung* an evaluation point early in training. Once every
trial of a cohort has a value at a rung, the better share of those that came so far passes; the others
are pruned. That depends on these values alone, so it is computed anew whenever it is asked for, by
whoever asks, and stored nowhere. Jamieson & Talwalkar's successive halving (arXiv:1502.07943), with
cohorts instead of one bracket so that a study can be extended.

An *audited* trial, a seeded share of all, is trained to the end whatever its rungs say: the audited
among those that would have been pruned tell how much pruning loses (`harness.analysis.censored`). It
takes nobody's place.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from harness.errors import ConfigError

METRICS = ("val_error", "val_loss")
WAIT, LAST = "wait", "last"  # for a trial that failed before a rung; or rank it last there
AUDIT_SALT = 0x5EED  # the audit's draws are no trial's seeds


class Value(NamedTuple):
    """What a trial is compared by at a rung, lowest first: infinite where it is not finite."""

    metric: float
    val_loss: float  # between equal metrics: errors on a few hundred examples often are


INFEASIBLE = Value(math.inf, math.inf)


@dataclass(frozen=True)
class Pruning:
    """How a study is pruned: ``keep[r]`` of those who come to rung r, at ``rungs[r]`` of the steps, pass.

    Raises:
        ConfigError: shares out of range, rungs that do not rise, a cohort of which nobody is pruned.
    """

    rungs: tuple[float, ...]
    keep: tuple[float, ...]
    cohort: int = 32
    audit: float = 0.0
    metric: str = "val_error"
    failed: str = WAIT

    def __post_init__(self) -> None:
        rising = list(self.rungs) == sorted(set(self.rungs))
        if not self.rungs or not rising or not all(0 < share < 1 for share in self.rungs):
            raise ConfigError(
                "pruning.rungs must be shares of the steps, rising and between 0 and 1, such as"
                f" [0.2, 0.4]; got {list(self.rungs)}"
            )
        if len(self.keep) != len(self.rungs) or not all(0 < share < 1 for share in self.keep):
            raise ConfigError(
                "pruning.keep must be a share between 0 and 1 such as 0.5, or a list of one a rung;"
                f" got {list(self.keep)} for {len(self.rungs)} rungs"
            )
        if self.cohort < 2:
            raise ConfigError(f"pruning.cohort must be 2 trials or more, got {self.cohort}")
        if not 0 <= self.audit < 1:
            raise ConfigError(f"pruning.audit must be a share, 0 ≤ audit < 1, got {self.audit:g}")
        for name, known in (("metric", METRICS), ("failed", (WAIT, LAST))):
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"pruning.{name} must be {' or '.join(known)}, got {getattr(self, name)!r}"
                )

    @property
    def text(self) -> str:
        """In one line, as records carry it; `parse` reads it.

        >>> Pruning((0.2, 0.4), (0.5, 0.5), audit=0.1).text
        'halving rungs=0.2,0.4 keep=0.5,0.5 cohort=32 audit=0.1 metric=val_error failed=wait'
        """
        rungs, keep = (",".join(f"{x:.12g}" for x in shares) for shares in (self.rungs, self.keep))
        return (
            f"halving rungs={rungs} keep={keep} cohort={self.cohort} audit={self.audit:.12g}"
            f" metric={self.metric} failed={self.failed}"
        )

    def steps(self, workload: Mapping[str, Any]) -> tuple[int, ...]:
        """The rungs as steps of a workload's training.

        Raises:
            ConfigError: one that is no evaluation point.
        """
        total, every = workload["steps"], workload["eval_every"]
        found = [round(share * total) for share in self.rungs]
        for share, step in zip(self.rungs, found, strict=True):
            if step % every or not 0 < step < total:
                nearest = (step // every * every, -(-step // every) * every)
                shown = " or ".join(f"{n / total:.4g}" for n in nearest if 0 < n < total)
                raise ConfigError(
                    f"pruning.rungs: {share:g} of {total} steps is step {step}, and validation"
                    f" results are there every {every} steps; give "
                    + (shown or f"workload.eval_every={max(step, 1)}")
                )
        if len(set(found)) < len(found):
            raise ConfigError(
                f"pruning.rungs {list(self.rungs)} are one step of {total}; give fewer"
            )
        return tuple(found)

    def block(self, trial: int) -> range:
        """The cohort a trial is of."""
        return block(trial, self.cohort)


def parse(text: str) -> Pruning:
    """The pruning that a record's line tells.

    Raises:
        ValueError: it tells none.
    """
    match = re.fullmatch(
        r"halving rungs=(\S+) keep=(\S+) cohort=(\d{1,9}) audit=(\S+) metric=(\w+) failed=(\w+)",
        text,
    )
    if not match:
        raise ValueError(f"{text!r} tells no pruning")
    rungs, keep, cohort, audit, metric, failed = match.groups()
    shares = {"rungs": rungs, "keep": keep}
    numbers = {name: tuple(map(float, words.split(","))) for name, words in shares.items()}
    return Pruning(
        numbers["rungs"],
        numbers["keep"],
        cohort=int(cohort),
        audit=float(audit),
        metric=metric,
        failed=failed,
    )


@functools.cache
def is_audited(seed: int, trial: int, share: float) -> bool:
    """Whether a trial is one of the audited share: a function of (study seed, trial)."""
    return bool(np.random.default_rng([seed, trial, AUDIT_SALT]).random() < share)


def block(trial: int, cohort: int) -> range:
    """The consecutive indices, so many, that a trial is one of."""
    first = trial // cohort * cohort
    return range(first, first + cohort)


def uncovered(cohort: int, trials: Iterable[int], asked: Iterable[int]) -> list[range]:
    """The cohorts of a size that the trials are of and that are not asked for whole."""
    known = {*trials, *asked}
    starts = sorted({trial // cohort * cohort for trial in trials})
    return [one for one in (block(start, cohort) for start in starts) if not known.issuperset(one)]


# --- what a rung says ---------------------------------------------------------------------------


def values(
    curve: Mapping[str, Sequence[float | None]], steps: Sequence[int], metric: str, ended: bool
) -> list[Value]:
    """A trial's values at the rungs it has come to.

    Args:
        curve: columns of its evaluations so far.
        steps: of the rungs.
        ended: whether its training is over; it is infeasible then at rungs it never came to.
    """
    rows = dict(zip(curve["step"], zip(curve[metric], curve["val_loss"], strict=True), strict=True))
    found = []
    for step in steps:
        if step in rows:
            found.append(Value(*map(_ranked, rows[step])))
        elif ended:
            found.append(INFEASIBLE)
        else:
            break
    return found


def _ranked(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) else math.inf


def passing(entrants: Mapping[int, Value], share: float) -> frozenset[int]:
    """Those who pass a rung: the better share of the trials that came to it, rounded up.

    Equal values go by index: in a table of trials drawn alike that is a draw.
    """
    count = math.ceil(share * len(entrants) - 1e-9)
    ranked = sorted(entrants, key=lambda trial: (entrants[trial], trial))
    return frozenset(ranked[:count])


def decided(pruning: Pruning, found: Mapping[int, Sequence[Value]]) -> list[frozenset[int]]:
    """Who passes each rung of a cohort, as far as its rungs are decided.

    Args:
        found: the values of every trial of the cohort so far, an entry a rung.
    """
    entrants = frozenset(found)
    result: list[frozenset[int]] = []
    for rung, share in enumerate(pruning.keep):
        if any(len(found[trial]) <= rung for trial in entrants):
            break
        entrants = passing({trial: found[trial][rung] for trial in entrants}, share)
        result.append(entrants)
    return result
