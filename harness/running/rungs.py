"""The rungs of one study, and what its records say there.

What decides lies in files (`harness.study.pruning`): the records of trials that have ended, and what is
known of those that came to a rung. So any number of commands on one folder, started in any order and
killed at any instant, prune the same trials.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from harness.errors import ConfigError
from harness.records.record import Record
from harness.study.pruning import (
    INFEASIBLE,
    LAST,
    Pruning,
    Value,
    is_audited,
    uncovered,
    values,
)
from harness.study.request import Request
from harness.study.result import DIVERGED, FAILURES, FINISHED
from harness.study.rung_choice import Auto, choose, curves_of, estimates
from harness.study.study import Study


class Rungs(NamedTuple):
    """A pruning of one study: its rungs as steps, and whom it audits."""

    pruning: Pruning
    steps: tuple[int, ...]
    total_steps: int
    seed: int
    first: int = 0  # trials before this one are trained whole
    open: bool = (
        False  # the rungs are still to be chosen; trials are stopped where the first may be
    )

    @staticmethod
    def of(pruning: Pruning, study: Study, first: int = 0) -> Rungs:
        """
        Raises:
            ConfigError: a rung that is no evaluation point.
        """
        workload = study.config["workload"]
        steps = pruning.steps(workload)
        return Rungs(pruning, steps, workload["steps"], study.config["seed"], first)

    def text(self, trial: int) -> str | None:
        """What the record of a trial tells of it; None where it is trained whole."""
        return None if self.open or trial < self.first else self.pruning.text

    def values(self, record: Record, retried: bool = False) -> list[Value]:
        """What a record says at the rungs, see `known`; a failure may be last at those it missed."""
        found = values(
            record["curve"], self.steps, self.pruning.metric, record["status"] == DIVERGED
        )
        return found if retried else self.filled(found, record["status"])

    def filled(self, found: list[Value], status: str) -> list[Value]:
        """With a place at the rungs that a trial missed, if it is never to come to them."""
        last = status == DIVERGED or (status in FAILURES and self.pruning.failed == LAST)
        return [*found, *[INFEASIBLE] * (len(self.steps) - len(found))] if last else found

    def audits(self, trial: int) -> bool:
        return is_audited(self.seed, trial, self.pruning.audit)


def undecided(auto: Auto, study: Study) -> Rungs:
    """What is known before the rungs are chosen: nobody is stopped later than the earliest of them.

    Raises:
        ConfigError: none of the candidates' rungs is an evaluation point.
    """
    workload = study.config["workload"]
    earliest = min(auto.candidates(workload), key=lambda one: one.steps(workload)[0])
    only = replace(earliest, rungs=earliest.rungs[:1], keep=earliest.keep[:1])
    return Rungs.of(only, study, auto.probe)._replace(open=True)


def chosen(auto: Auto, study: Study, found: Mapping[int, Record]) -> tuple[Rungs, str] | None:
    """The rungs that the first trials of a study speak for, and why; None before all have a result."""
    first = [found.get(trial) for trial in range(auto.probe)]
    places = (*FINISHED, *(FAILURES if auto.failed == LAST else ()))
    ended = [record for record in first if record is not None and record["status"] in places]
    if len(ended) < auto.probe:
        return None
    workload, seed = study.config["workload"], study.config["seed"]
    curves = curves_of(
        [record["curve"] for record in ended],
        [record["val_error"] for record in ended],
        [record["steps"] for record in ended],
        workload["steps"],
    )
    known = estimates(curves, auto, workload, seed)
    best = choose(known, auto.lost)
    if best is None:
        least = min(each.lost for each in known)
        return (
            undecided(auto, study)._replace(first=sys.maxsize, open=False),
            f"no rungs: the least that any would lose is {least:.2f} of what the best of"
            f" {auto.budget} needs, by its first {auto.probe} trials",
        )
    told = next(each for each in known if each.pruning == best)
    return (
        Rungs.of(best, study, auto.probe),
        f"{best.text}: by its first {auto.probe} trials {told.cost:.2f} of the steps, with"
        f" {told.lost:.2f} of what the best of {auto.budget} needs lost",
    )


def known(records: Mapping[int, Record], at_rungs: Mapping[int, Record]) -> dict[int, Record]:
    """Each trial's record; without a result, with what is known of it from the rung it came to last.

    A failure's own record has no curve, and a pruned trial may have been carried on to a later rung.
    """
    together = dict(at_rungs)
    for trial, record in records.items():
        at_rung = at_rungs.get(trial)
        if record["status"] not in FINISHED and at_rung and at_rung["steps"] >= record["steps"]:
            record = {**record, "curve": at_rung["curve"], "steps": at_rung["steps"]}
        together[trial] = record
    return together


def check_cohorts(request: Request, asked: Collection[int], pruning: Pruning | Auto) -> None:
    """That a pruned request is of whole cohorts, with what other commands were asked for.

    Raises:
        ConfigError: it ends inside one, or lacks the trials that rungs are chosen from.
    """
    if isinstance(pruning, Auto):
        lacking = set(range(pruning.probe)) - {*request.indices, *asked}
        if lacking:
            raise ConfigError(
                f"pruning=auto chooses the rungs of {request.study.name} from its trials"
                f" 0-{pruning.probe - 1}, of which {len(lacking)} were never asked for; ask for them"
                f" too, as num_trials={max(request.indices, default=0) + 1} with first_trial=0 does"
            )
    parts = uncovered(pruning.cohort, request.indices, asked)
    if parts:
        size, first = pruning.cohort, parts[0]
        raise ConfigError(
            f"pruning decides in cohorts of {size} trials, and of {first[0]}-{first[-1]} of"
            f" {request.study.name} only a part was asked for; ask for multiples of {size}"
            f" (num_trials={-(-len(request.indices) // size) * size}), or give pruning.cohort="
        )
