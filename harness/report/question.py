"""What is asked of the trials: the same of a report and of the figures."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import ConfigError


@dataclass(frozen=True)
class Question:
    """What a command line can ask.

    ``metric`` is reported of the selected trial, the one lowest in ``select_by`` (None for the
    validation error), up to a tuning budget of ``max_budget``; ``target`` is the error of
    ``steps_to_target``, None for each workload's own. With ``count_infeasible`` every trial counts,
    diverged ones as infinitely bad, and medians stand for means.

    Raises:
        ConfigError: a budget under 1.
    """

    metric: str = "val_error"
    select_by: str | None = None
    max_budget: int | None = None
    target: float | None = None
    count_infeasible: bool = False

    def __post_init__(self) -> None:
        if self.max_budget is not None and self.max_budget < 1:
            raise ConfigError(f"--max-budget must be 1 or more, got {self.max_budget}")

    @property
    def selects(self) -> str:
        """The column that is lowest in the selected trial."""
        return self.select_by or "val_error"
