"""What the runner and its workers say to each other."""

from __future__ import annotations

from typing import NamedTuple

from harness.records.checkpoint import Every
from harness.study.study import Study

# What the runner says, besides an Assignment. None: there is no more work.
STOP = "stop"
# What a worker says, besides Ready, Outcome and Warn.
LEAVING = "leaving"  # after the outcome that follows: another process is to take its place
BEGUN = "begun"  # training, the data being open: trial_timeout counts from here


class Assignment(NamedTuple):
    study: Study
    root: str
    trial: int
    checkpoint_every: Every | None = None
    until: int | None = None  # the step of the rung that the trial is to stop at
    pruning: str | None = None  # as its record tells it
    keep: str | None = None  # which weights, see harness.records.weights
    block: tuple[int, ...] = ()  # these trials instead, trained as one

    @property
    def trials(self) -> tuple[int, ...]:
        return self.block or (self.trial,)


class Ready(NamedTuple):
    """For assignments, on the device of this name."""

    device_name: str


class Outcome(NamedTuple):
    """What the runner needs to know of an ended trial; the record itself is in the store."""

    status: str
    val_error: float | None = None
    error: str | None = None
    steps: int = 0  # of a stopped trial: those made since it was begun or resumed


class Outcomes(NamedTuple):
    """Of the trials of a block, whose records are in the store."""

    by_trial: dict[int, Outcome]


class Warn(NamedTuple):
    """A line for the user."""

    line: str


# Statuses of an outcome, never of a record:
AT_RUNG = "at rung"  # the trial came to the rung it was to stop at
STOPPED = "stopped"  # the trial was asked to stop
REFUSED = "refused"  # the workload refused its data or model settings: a mistake in the config
UNWRITABLE = "unwritable"  # the record or a checkpoint could not be written
SPLIT = "split"  # a block came to nothing: its trials are to be run again, fewer as one
