"""A study's queue beside those of other commands on the same folder: no trial is run by two."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import ConfigError
from harness.records.claims import Claims
from harness.records.folder import StudyFolder
from harness.records.record import Record
from harness.running.trial_queue import TrialQueue
from harness.study.request import Request
from harness.study.result import FINISHED


class SharedQueue:
    """Hands out the trials that no record is there of and no other command runs.

    A trial that another command runs is left to it and asked for again later: there is a record
    then, or, if that command died or was stopped, the trial is ours.
    """

    def __init__(
        self,
        request: Request,
        folder: StudyFolder,
        claims: Claims,
        found: Mapping[int, Record],
        retry_failed: bool,
    ):
        """``found``: the study's records as the command found them."""
        self.folder, self.claims = folder, claims
        # Failures to be run again; another command may have done so before we come to them.
        self.stale = {
            trial: record
            for trial, record in found.items()
            if retry_failed and record["status"] not in FINISHED
        }
        statuses = {trial: record["status"] for trial, record in found.items()}
        folder.clean_checkpoints({t for t, status in statuses.items() if status in FINISHED})
        self.queue = TrialQueue(request, statuses, retry_failed)
        asked_for = request.indices
        for trial, record in found.items():
            if trial in asked_for:
                self.queue.saw(record["val_error"])

    def take(self) -> int | None:
        """The next trial to run here, or None when there is none (yet)."""
        for deferred in sorted(self.queue.elsewhere):
            if self._ours(deferred):
                return deferred
        while (trial := self.queue.take()) is not None:
            if self._ours(trial):
                return trial
        return None

    def done(self, trial: int, status: str, val_error: float | None = None) -> None:
        self.queue.done(trial, status, val_error)
        self.claims.release(trial)

    def give_up(self, trial: int) -> None:
        """A trial that was stopped: another command may go on with it."""
        self.claims.release(trial)

    def new_record(self, trial: int) -> Record | None:
        """The record of a trial handed out here, if it has one by now."""
        record = self.folder.read(trial)
        return None if record == self.stale.get(trial) else record

    def _ours(self, trial: int) -> bool:
        """Claim first, then look for a record: in this order nothing slips between the two."""
        if not self.claims.take(trial):
            self.queue.defer(trial)
            return False
        self.queue.resume(trial)
        try:
            record = self.new_record(trial)
        except ConfigError:
            self.claims.release(trial)
            raise
        if record is None:
            return True
        self.queue.defer(trial)
        self.done(trial, record["status"], record["val_error"])
        return False
