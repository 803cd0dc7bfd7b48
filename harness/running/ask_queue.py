"""Trials whose points are chosen by those before them: each is handed out once these have ended."""

from __future__ import annotations

from collections.abc import Mapping

from harness.records.folder import StudyFolder
from harness.records.record import Record
from harness.running.trial_queue import TrialQueue
from harness.study.asking import Told
from harness.study.request import Request
from harness.study.result import COMPLETE, FINISHED
from harness.study.study import Study


class AskQueue(TrialQueue):
    """Waits where a trial before has no record yet; a failed one has one, and says nothing."""

    def __init__(
        self, request: Request, statuses: Mapping[int, str], retry_failed: bool, folder: StudyFolder
    ):
        self.folder = folder
        self.told: dict[int, Told | None] = {}  # None: ended without a result
        super().__init__(request, statuses, retry_failed)

    def take(self) -> int | None:
        if self._wants_more():
            trial = self.indices[self.position]
            before = range(self.request.study.told_up_to(trial))
            if not all(each in self.statuses for each in before):
                return None
        return super().take()

    def study(self, trial: int) -> Study:
        """The study with the point of a trial that was taken.

        Raises:
            DamagedRecord: a record that it is chosen by cannot be trusted.
        """
        study = self.request.study
        told = [self._told(each) for each in range(study.told_up_to(trial))]
        return study.asked(trial, [each for each in told if each is not None])

    def _told(self, trial: int) -> Told | None:
        if trial not in self.told:
            record = self.folder.read(trial)
            if record is not None and record["status"] not in FINISHED:
                return None  # it may be run again
            self.told[trial] = None if record is None else _of(record)
        return self.told[trial]


def _of(record: Record) -> Told:
    error = record["val_error"] if record["status"] == COMPLETE else None
    return Told(record["point"], error)
