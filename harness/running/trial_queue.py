"""Which trials of a study are still to run, in index order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from harness.records.requests import Asked
from harness.study.request import Request
from harness.study.result import COMPLETE, FAILURES
from harness.study.study import Study


class TrialQueue:
    """Hands out a request's missing trials and says when it is answered.

    With ``num_feasible=K`` an index is handed out only when every outcome of the trials before it
    would still need it, so the set that runs is the same whatever the number of workers.
    """

    def __init__(self, request: Request, statuses: Mapping[int, str], retry_failed: bool = False):
        self.request = request
        self.indices = request.indices
        self.position = 0  # indices[:position] have been handed out or skipped
        self.running: set[int] = set()
        self.elsewhere: set[int] = set()  # another command runs these
        self.statuses = {
            trial: status
            for trial, status in statuses.items()
            if not (retry_failed and status in FAILURES)
        }
        self.counts: Counter[str] = Counter()  # statuses of the trials asked for so far
        self.best: float | None = None  # the lowest validation error among them
        self.new = 0  # trials that ended since this command started, and were run by it
        self._skip()

    def take(self) -> int | None:
        """The next trial to run, or None when there is none (yet)."""
        if not self._wants_more():
            return None
        trial = self.indices[self.position]
        self.position += 1
        self.running.add(trial)
        self._skip()
        return trial

    def done(self, trial: int, status: str, val_error: float | None = None) -> None:
        """A trial that was handed out has ended, with this final validation error if it has one."""
        self.saw(val_error)
        self.new += trial in self.running
        self.running.discard(trial)
        self.elsewhere.discard(trial)
        self.statuses[trial] = status
        self.counts[status] += 1
        self._skip()

    def saw(self, val_error: float | None) -> None:
        """The final validation error of a trial asked for, if it has one."""
        if val_error is not None:
            self.best = min(val_error, self.best if self.best is not None else val_error)

    def defer(self, trial: int) -> None:
        """A trial that was handed out turns out to be run by another command."""
        self.running.discard(trial)
        self.elsewhere.add(trial)

    def resume(self, trial: int) -> None:
        """The other command gave a trial up: it is ours after all."""
        self.elsewhere.discard(trial)
        self.running.add(trial)

    @property
    def finished(self) -> bool:
        return not self.pending and not self._wants_more()

    @property
    def pending(self) -> int:
        return len(self.running) + len(self.elsewhere)

    @property
    def asked(self) -> Sequence[int]:
        """The indices handed out or skipped so far: the set this request stands for."""
        return self.indices[: self.position]

    @property
    def ended(self) -> int:
        return self.position - self.pending

    @property
    def feasible(self) -> int:
        return self.counts[COMPLETE]

    @property
    def failed(self) -> int:
        return sum(self.counts[status] for status in FAILURES)

    @property
    def failures(self) -> list[int]:
        return [t for t in self.asked if self.statuses.get(t) in FAILURES]

    @property
    def missing(self) -> int:
        """How many trials are still to be handed out, at least one where there are any."""
        rest = sum(trial not in self.statuses for trial in self.indices[self.position :])
        wanted = self.request.num_feasible
        return rest if wanted is None else min(rest, wanted - self.feasible)

    @property
    def expected(self) -> int:
        """How many trials the request will take, as far as can be told (for progress)."""
        if self.request.num_feasible is None:
            return len(self.indices)
        missing = self.request.num_feasible - self.feasible
        share = max(self.feasible / max(self.ended, 1), 0.05)
        return max(min(self.ended + round(missing / share), len(self.indices)), self.position)

    @property
    def capped(self) -> bool:
        """Whether max_trials ended the request before K feasible trials were found."""
        wanted = self.request.num_feasible
        return wanted is not None and self.finished and self.feasible < wanted

    def _skip(self) -> None:
        """Count the trials that have a record already, up to the next one that has none."""
        while self._wants_more() and self.indices[self.position] in self.statuses:
            self.counts[self.statuses[self.indices[self.position]]] += 1
            self.position += 1

    def _wants_more(self) -> bool:
        if self.position >= len(self.indices):
            return False
        wanted = self.request.num_feasible
        return wanted is None or self.feasible + self.pending < wanted


def wanted(asked: Asked, study: Study, statuses: Mapping[int, str]) -> list[int]:
    """The indices asked for, as far as they are known while the trials have these statuses.

    With num_feasible= these are the trials that every outcome of the others would still need.
    """
    found = set(asked.trials)
    for first, feasible, cap in asked.feasible:
        request = Request(study, "", first, num_feasible=feasible, max_trials=cap)
        queue = TrialQueue(request, statuses)
        while queue.take() is not None:
            pass
        found.update(queue.asked)
    return sorted(found)
