"""How to run, as opposed to what: none of it changes a result."""

from __future__ import annotations

from dataclasses import dataclass

from harness.records.checkpoint import Every
from harness.study.pruning import Pruning
from harness.study.rung_choice import Auto


@dataclass(frozen=True)
class Options:
    """The settings of one command, which one pool serves (``device`` picks the machine's)."""

    workers: int | None = None
    device: str = "auto"
    retry_failed: bool = False
    trial_timeout_seconds: float | None = None
    checkpoint_every: Every | None = None
    set_damaged_aside: bool = False
    pruning: Pruning | Auto | None = None
    leave_open: bool = False  # end when all that is left runs, or is waited for, elsewhere
    keep: str | None = None  # weights: see harness.records.weights
    stack: int | str = 1  # trials trained as one, or stacking.AUTO
    quiet: bool = False
