"""A study's queue beside those of other commands on the same folder: no trial is run by two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.errors import ConfigError
from harness.records.claims import Claims
from harness.records.folder import StudyFolder
from harness.records.record import Record
from harness.running.ask_queue import AskQueue
from harness.running.rung_queue import OUT, WAIT, RungQueue
from harness.running.rungs import Rungs, chosen, known, undecided
from harness.running.trial_queue import TrialQueue
from harness.study.pruning import Pruning
from harness.study.request import Request
from harness.study.result import FAILURES, FINISHED, PRUNED
from harness.study.rung_choice import Auto
from harness.study.study import Study


class SharedQueue:
    """Hands out the trials that no record is there of and no other command runs.

    A trial that another command runs is left to it and asked for again later: there is a record
    then, or, if that command died or was stopped, the trial is ours. Under a pruning it may also
    have come to a rung meanwhile: then its cohort says what becomes of it, and whoever hears that a
    trial is out writes its record.
    """

    def __init__(
        self,
        request: Request,
        folder: StudyFolder,
        claims: Claims,
        found: Mapping[int, Record],
        retry_failed: bool,
        pruning: Pruning | Auto | None = None,
        leave_open: bool = False,
    ):
        """
        Args:
            found: the study's records as the command found them.
            leave_open: see `harness.running.rungs.RungQueue`.

        Raises:
            DamagedRecord: what is known of a trial that came to a rung cannot be trusted.
        """
        self.folder, self.claims = folder, claims
        self.news: list[str] = []  # lines for whoever runs us to say
        self.stack = 1  # how many trials are handed out to be trained as one
        self.auto = pruning if isinstance(pruning, Auto) else None
        # Failures to be run again; another command may have done so before we come to them.
        self.stale = {
            trial: record
            for trial, record in found.items()
            if retry_failed and record["status"] in FAILURES
        }
        statuses = {trial: record["status"] for trial, record in found.items()}
        finished = {trial for trial, status in statuses.items() if status in FINISHED}
        folder.clean_checkpoints(finished)
        self.rungs: RungQueue | None = None
        if pruning is None:  # what others pruned is carried on
            kept = {trial: status for trial, status in statuses.items() if status != PRUNED}
            self.queue = (
                AskQueue(request, kept, retry_failed, folder)
                if request.study.asks
                else TrialQueue(request, kept, retry_failed)
            )
        else:
            together = known(found, folder.read_rungs(but_for=finished))
            self.rungs = RungQueue(
                request, statuses, together, self._rungs(pruning, request, together), retry_failed,
                leave_open,
            )  # fmt: skip
            self.queue = self.rungs
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

    def take_together(self) -> list[int]:
        """The next trials to be trained as one here; none when there are none (yet)."""
        trials: list[int] = []
        while len(trials) < self.stack and (trial := self.take()) is not None:
            trials.append(trial)
        return trials

    def split(self, trials: Sequence[int], why: str) -> None:
        """A block came to nothing, nobody knows by which trial: they are run again, fewer as one."""
        self.stack = min(self.stack, len(trials) // 2)
        how = f"{self.stack} as one" if self.stack > 1 else "one by one"
        self.news.append(
            f"{self.queue.request.study.name}: {why}; its {len(trials)} trials are run again, {how}"
        )
        for trial in trials:
            self.queue.defer(trial)
            self.claims.release(trial)

    def study(self, trial: int) -> Study:
        """The study as a trial taken here is trained under it, its point chosen.

        Raises:
            DamagedRecord: a record that it is chosen by cannot be trusted.
        """
        queue = self.queue
        return queue.study(trial) if isinstance(queue, AskQueue) else queue.request.study

    def until(self, trial: int) -> int | None:
        """The step of the rung that a trial taken here is stopped at next; None at its end."""
        return None if self.rungs is None else self.rungs.until(trial)

    def text(self, trial: int) -> str | None:
        """The pruning that a trial's record tells."""
        return None if self.rungs is None else self.rungs.rungs.text(trial)

    def done(self, trial: int, status: str, val_error: float | None = None) -> None:
        if self.rungs is not None and status in FINISHED:  # it may have come to rungs meanwhile
            self._look_up(trial)
        self.queue.done(trial, status, val_error)
        self.claims.release(trial)
        if self.rungs is not None and self.rungs.rungs.open and not self.rungs.lacking_whole:
            self._choose(self.rungs)

    def came(self, trial: int) -> None:
        """A trial handed out here came to a rung; perhaps its cohort was waiting for it alone.

        What others brought meanwhile is looked up after our own is written: of two commands that
        bring the last two, one at least sees both.

        Raises:
            DamagedRecord: what lies there cannot be trusted.
        """
        assert self.rungs is not None
        self._look_up(trial)
        self.rungs.came(trial)
        self.claims.release(trial)
        for other in self.rungs.lacking(self.rungs.cohort(trial)):
            if other not in self.rungs.running:
                self._look_up(other)
        if self.rungs.rungs.open:
            for other in sorted(self.rungs.lacking_whole - self.rungs.asked_for):
                self._look_up(other)
            if not self.rungs.lacking_whole:
                self._choose(self.rungs)

    def came_to_rung(self, trial: int) -> bool:
        """Whether a trial handed out here has come to the rung it was to be stopped at."""
        until = self.until(trial)
        record = None if until is None else self.folder.read_rung(trial)
        return record is not None and until is not None and record["steps"] >= until

    def give_up(self, trial: int) -> None:
        """A trial that was stopped: another command may go on with it."""
        self.claims.release(trial)

    def new_record(self, trial: int) -> Record | None:
        """The record of a trial handed out here, if it has one by now; a pruned one may go on."""
        record = self.folder.read(trial)
        if record is None or record == self.stale.get(trial) or record["status"] == PRUNED:
            return None
        return record

    def _ours(self, trial: int) -> bool:
        """Claim first, then look for a record: in this order nothing slips between the two."""
        if not self.claims.take(trial):
            self.queue.defer(trial)
            return False
        self.queue.resume(trial)
        try:
            record = self.new_record(trial)
            if record is None and self.rungs is not None:
                return self._goes_on(trial, self.rungs)
        except ConfigError:
            self.claims.release(trial)
            raise
        if record is None:
            return True
        self.queue.defer(trial)
        self.done(trial, record["status"], record["val_error"])
        return False

    # --- at a rung ----------------------------------------------------------------------------

    def _goes_on(self, trial: int, rungs: RungQueue) -> bool:
        """Whether a claimed trial without a result is to be run on; if it is out, it is told so."""
        self._look_up(trial)
        fate = rungs.fate(trial)
        if fate == WAIT:
            rungs.came(trial)
            self.claims.release(trial)
        elif fate == OUT:
            self._prune(trial)
            rungs.defer(trial)
            self.done(trial, PRUNED)
        return fate not in (WAIT, OUT)

    def _prune(self, trial: int) -> None:
        """Write the record of a trial that is out: what is known of it, the same whoever writes it."""
        record = self.folder.read_rung(trial) or self.folder.read(trial)
        assert record is not None
        self.folder.write({**record, "run": {**record["run"], "pruning": self.text(trial)}})

    def _rungs(
        self, pruning: Pruning | Auto, request: Request, found: Mapping[int, Record]
    ) -> Rungs:
        if isinstance(pruning, Pruning):
            return Rungs.of(pruning, request.study)
        if (choice := chosen(pruning, request.study, found)) is None:
            return undecided(pruning, request.study)
        self.news.append(f"{request.study.name}: {choice[1]}")
        return choice[0]

    def _choose(self, rungs: RungQueue) -> None:
        """Go on with the rungs that the first trials speak for, now that all of them have ended.

        Raises:
            DamagedRecord: what lies there cannot be trusted.
        """
        assert self.auto is not None
        found = known(self.folder.read_all(), self.folder.read_rungs())
        rungs.use(self._rungs(self.auto, rungs.request, found), found)

    def _look_up(self, trial: int) -> None:
        """Note what lies there of a trial by now."""
        assert self.rungs is not None
        record, so_far = self.folder.read(trial), self.folder.read_rung(trial)
        if record == self.stale.get(trial):  # a failure says nothing once it is run again
            record = None
        there, at_rung = ({} if each is None else {trial: each} for each in (record, so_far))
        for each in known(there, at_rung).values():
            self.rungs.note(each)
