"""Which trials of a study are still to run, in index order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import ConfigError
from harness.study import Study


@dataclass(frozen=True)
class Request:
    """Trials asked of a study: indices ``[first, first + num)``, or as many as give K feasible ones."""

    study: Study
    root: str
    first_trial: int = 0
    num_trials: int = 1
    num_feasible: int | None = None
    max_trials: int | None = None

    def __post_init__(self) -> None:
        checks = {"num_trials": 1, "num_feasible": 1, "max_trials": 1, "first_trial": 0}
        for name, least in checks.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"{name} must be {least} or more, got {value}")
        if self.max_trials is not None and self.num_feasible is None:
            raise ConfigError("max_trials caps num_feasible=, which is not given; use num_trials=")

    @property
    def end(self) -> int:
        """One past the last index that may run."""
        if self.num_feasible is None:
            return self.first_trial + self.num_trials
        # A cap of our own when none is given: a space with under 5 % feasible trials is a finding.
        return self.first_trial + (self.max_trials or 20 * self.num_feasible)


class TrialQueue:
    """Hands out a request's missing trials and says when it is answered.

    With ``num_feasible=K`` an index is handed out only when every outcome of the trials before it
    would still need it, so the set that runs is the same whatever the number of workers.
    """

    def __init__(self, request: Request, statuses: Mapping[int, str], retry_failed: bool = False):
        self.request = request
        self.next_trial = request.first_trial
        self.running: set[int] = set()
        self.statuses = {
            trial: status
            for trial, status in statuses.items()
            if not (retry_failed and status not in ("complete", "diverged"))
        }
        self.new: set[int] = set()

    def take(self) -> int | None:
        """The next trial to run, or None when there is none (yet)."""
        while self._wants_more():
            trial = self.next_trial
            self.next_trial += 1
            if trial not in self.statuses:
                self.running.add(trial)
                return trial
        return None

    def done(self, trial: int, status: str) -> None:
        self.running.discard(trial)
        self.statuses[trial] = status
        self.new.add(trial)

    @property
    def finished(self) -> bool:
        return not self.running and not self._wants_more()

    @property
    def asked(self) -> list[int]:
        """The indices handed out or skipped so far: the set this request stands for."""
        return list(range(self.request.first_trial, self.next_trial))

    @property
    def feasible(self) -> int:
        return sum(self.statuses.get(trial) == "complete" for trial in self.asked)

    @property
    def failures(self) -> list[int]:
        return [
            t
            for t in self.asked
            if self.statuses.get(t, "complete") not in ("complete", "diverged")
        ]

    @property
    def expected(self) -> int:
        """How many trials the request will take, as far as can be told (for progress)."""
        if self.request.num_feasible is None:
            return self.request.num_trials
        missing = self.request.num_feasible - self.feasible
        share = max(self.feasible / max(len(self.asked) - len(self.running), 1), 0.05)
        guess = len(self.asked) - len(self.running) + round(missing / share)
        return max(min(guess, self.request.end - self.request.first_trial), len(self.asked))

    @property
    def capped(self) -> bool:
        """Whether max_trials ended the request before K feasible trials were found."""
        wanted = self.request.num_feasible
        return wanted is not None and self.finished and self.feasible < wanted

    def _wants_more(self) -> bool:
        if self.next_trial >= self.request.end:
            return False
        wanted = self.request.num_feasible
        return wanted is None or self.feasible + len(self.running) < wanted
