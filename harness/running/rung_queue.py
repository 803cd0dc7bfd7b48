"""A study's queue in stretches from rung to rung: a trial goes on only once its cohort has decided."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from harness.records.record import Record
from harness.running.rungs import Rungs
from harness.running.trial_queue import TrialQueue
from harness.study import indices
from harness.study.pruning import LAST, Value, decided
from harness.study.request import Request
from harness.study.result import FAILURES, FINISHED, PRUNED

GO, WAIT, OUT = "go", "wait", "out"  # what becomes of a trial at the rung it came to


class RungQueue(TrialQueue):
    """Hands out trials up to their next rung, the lowest index first, and says who is out.

    Trials of a cohort that the request leaves out count like any other: their values come from
    whoever runs them.
    """

    def __init__(
        self,
        request: Request,
        statuses: Mapping[int, str],
        found: Mapping[int, Record],
        rungs: Rungs,
        retry_failed: bool = False,
        leave_open: bool = False,
    ):
        """
        Args:
            statuses: of the trials that have a record.
            found: see `known`.
            leave_open: be finished when all that is left is run, or waited for, elsewhere.
        """
        self.rungs, self.leave_open = rungs, leave_open
        self.asked_for = frozenset(request.indices)
        self.values: dict[int, list[Value]] = {}
        self.steps_done: dict[int, int] = {}  # of those who came to a rung and have no result
        self.passed: dict[int, list[frozenset[int]]] = {}  # by a cohort's first trial
        self.ready: list[int] = []  # a heap of those who came to a rung and go on, or are out
        self.waiting: set[int] = set()
        self.results = {
            trial
            for trial, status in statuses.items()
            if self._has_place(status) and not (retry_failed and status in FAILURES)
        }
        self.audited_of: dict[int, int] = {}  # of a cohort, how many are out and go on all the same
        self.saved_steps = 0
        self.indices = request.indices
        self._read(found, retried=retry_failed)
        settled = {
            trial: status
            for trial, status in statuses.items()
            if trial in self.asked_for and (status != PRUNED or self.fate(trial) == OUT)
        }
        super().__init__(request, settled, retry_failed)

    # --- what the rungs say -------------------------------------------------------------------

    def fate(self, trial: int) -> str:
        """Whether a trial goes on, waits for its cohort, or is out."""
        came = len(self.values.get(trial, ()))
        if not came or trial < self.rungs.first:
            return GO
        if self.rungs.open:
            return WAIT
        if self.rungs.audits(trial):
            return GO
        if self.failed_at(trial) is not None:
            return OUT
        return GO if came <= len(self.passed[self._first(trial)]) else WAIT

    def failed_at(self, trial: int) -> int | None:
        """The rung a trial did not pass, audited or not; None as far as is decided."""
        passed = self.passed.get(self._first(trial), [])
        return next((rung for rung, those in enumerate(passed) if trial not in those), None)

    def until(self, trial: int) -> int | None:
        """The step at which a trial that goes on is stopped next; None at its end."""
        came = len(self.values.get(trial, ()))
        whole = trial < self.rungs.first or self.failed_at(trial) is not None
        if whole or came >= len(self.rungs.steps):
            return None
        return self.rungs.steps[came]

    def cohort(self, trial: int) -> range:
        return self.rungs.pruning.block(trial)

    def lacking(self, block: range) -> list[int]:
        """Those of a cohort whose values its first open rung waits for."""
        passed = self.passed.get(block.start, [])
        entrants = passed[-1] if passed else block
        if (
            self.rungs.open
            or block.start < self.rungs.first
            or len(passed) == len(self.rungs.steps)
        ):
            return []
        return [t for t in sorted(entrants) if len(self.values.get(t, ())) <= len(passed)]

    def note(self, record: Record) -> None:
        """What is known by now of a trial of one of the cohorts, see `known`."""
        trial = record["trial"]
        if self._has_place(record["status"]):
            self.results.add(trial)
        came = self.rungs.values(record)
        if len(came) >= len(self.values.get(trial, ())):
            self.values[trial] = came
            self.steps_done[trial] = record["steps"]
            self._decide(trial)

    def _decide(self, trial: int) -> None:
        first = self._first(trial)
        before = self.passed.get(first)
        now = self._decided(first)
        if before is not None and now != before:
            self.passed[first] = now
            self._count_audited(first)
            for each in self.waiting.intersection(self.cohort(trial)):
                self._place(each)

    def use(self, rungs: Rungs, found: Mapping[int, Record]) -> None:
        """Go on with rungs that have been chosen by now.

        Args:
            found: what is known of all trials, see `known`.
        """
        self.rungs = rungs
        self._read(found, retried=False)
        for trial in sorted(self.waiting):
            self._place(trial)

    def _read(self, found: Mapping[int, Record], retried: bool) -> None:
        for trial, record in found.items():
            self.values[trial] = self.rungs.values(record, retried)
            self.steps_done[trial] = record["steps"]
        for first in dict.fromkeys(map(self._first, self.indices)):
            self.passed[first] = self._decided(first)
            self._count_audited(first)

    def _decided(self, first: int) -> list[frozenset[int]]:
        if self.rungs.open or first < self.rungs.first:
            return []
        block = self.cohort(first)
        return decided(self.rungs.pruning, {t: self.values.get(t, ()) for t in block})

    def _place(self, trial: int) -> None:
        """Put a trial that came to a rung where its fate says."""
        fate = self.fate(trial)
        self.waiting.discard(trial)
        if fate == WAIT:
            self.waiting.add(trial)
        else:
            heapq.heappush(self.ready, trial)

    def _first(self, trial: int) -> int:
        return self.cohort(trial).start

    def _has_place(self, status: str) -> bool:
        """Whether a trial that ended so can be ranked: it has a result, or counts as the last."""
        last = status in FAILURES and self.rungs.pruning.failed == LAST
        return status in FINISHED or last

    @property
    def lacking_whole(self) -> set[int]:
        """The trials that rungs are to be chosen from and that have no result yet."""
        return set(range(self.rungs.first)) - self.results

    def why_waiting(self) -> str:
        """What the trials that wait at a rung wait for, in a line."""
        blocks = {self._first(trial): self.cohort(trial) for trial in self.waiting}
        lacking = {trial for block in blocks.values() for trial in self.lacking(block)}
        failed = {trial for trial in lacking if self.statuses.get(trial) in FAILURES}
        if self.rungs.open:
            lacking = self.lacking_whole
            failed = {trial for trial in lacking if self.statuses.get(trial) in FAILURES}
        line = f"{len(self.waiting)} trials wait at a rung for trial={indices.to_text(lacking)}"
        if failed:
            return (
                f"{line}, of which {indices.to_text(failed)} failed: retry_failed=true runs them again,"
                " pruning.failed=last ranks them last, pruning=none trains all to the end"
            )
        if self.leave_open:
            return f"{line}; whoever brings the last of them goes on"
        return f"{line}, which this command was not asked for; the same command goes on after them"

    # --- a queue ------------------------------------------------------------------------------

    def take(self) -> int | None:
        """The next trial whose fate is known: to be run to its next rung, or told that it is out."""
        fresh = self.position < len(self.indices)
        if self.ready and not (fresh and self.indices[self.position] < self.ready[0]):
            trial = heapq.heappop(self.ready)
            self.running.add(trial)
            return trial
        return super().take()

    def came(self, trial: int) -> None:
        """A trial that was handed out came to its rung, here or elsewhere, and its record is noted."""
        self.running.discard(trial)
        self.elsewhere.discard(trial)
        if trial not in self.statuses:
            self._place(trial)

    def done(self, trial: int, status: str, val_error: float | None = None) -> None:
        super().done(trial, status, val_error)
        if self._has_place(status):
            self.results.add(trial)
        self._count_saved(trial, status)
        self.values[trial] = self.rungs.filled(self.values.get(trial, []), status)
        self._decide(trial)

    @property
    def finished(self) -> bool:
        if self.running or self.ready or self.position < len(self.indices):
            return False
        return self.leave_open or not self.elsewhere

    @property
    def ended(self) -> int:
        return sum(self.counts.values())

    @property
    def asked(self) -> Sequence[int]:
        return self.indices

    @property
    def missing(self) -> int:
        return sum(trial not in self.statuses for trial in self.indices)

    def _skip(self) -> None:
        """Pass over the trials that have a result, which count, or came to a rung, which wait."""
        while self._wants_more():
            trial = self.indices[self.position]
            if trial in self.statuses:
                self.counts[self.statuses[trial]] += 1
                self._count_saved(trial, self.statuses[trial])
            elif self.values.get(trial):
                self._place(trial)
            else:
                break
            self.position += 1

    # --- for progress: asked four times a second ----------------------------------------------

    @property
    def alive(self) -> int:
        """How many trials came to a rung, and go on or wait."""
        busy = sum(bool(self.values.get(trial)) for trial in (*self.running, *self.elsewhere))
        return busy + len(self.waiting) + sum(self.fate(trial) == GO for trial in self.ready)

    @property
    def audited(self) -> int:
        """How many would have been pruned, and go on or went on because they are audited."""
        return sum(self.audited_of.values())

    @property
    def saved_share(self) -> float:
        """The share of the steps of all trials that ended which pruning saved."""
        return self.saved_steps / (self.rungs.total_steps * max(self.ended, 1))

    def _count_saved(self, trial: int, status: str) -> None:
        if status == PRUNED:
            total = self.rungs.total_steps
            self.saved_steps += total - self.steps_done.get(trial, total)

    def _count_audited(self, first: int) -> None:
        passed = self.passed[first]
        out = self.asked_for.intersection(self.cohort(first)).difference(*passed[-1:])
        self.audited_of[first] = sum(map(self.rungs.audits, out)) if passed else 0
