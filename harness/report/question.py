"""What is asked of the trials: the same of a report and of the figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.errors import ConfigError
from harness.study.result import STEPS


@dataclass(frozen=True)
class Question:
    """What a command line can ask.

    ``metric`` is reported of the selected trial, the one lowest in ``select_by`` (None for the
    validation error), up to a tuning budget of ``max_budget``. Optimizers are compared at ``budget``,
    None for that of `analysis.cells.comparison_budget`; against the ``baseline`` first, where one is
    named. ``target`` is the error of ``steps_to_target``, None for each workload's own. With
    ``count_infeasible`` every trial counts, diverged ones as infinitely bad, and medians stand for
    means. With ``bands`` the curves of medians have opda's simultaneous bands. What a target takes and
    learning curves are drawn ``against`` steps, gradients or seconds.

    Raises:
        ConfigError: a budget under 1, or one above the largest.
    """

    metric: str = "val_error"
    select_by: str | None = None
    max_budget: int | None = None
    target: float | None = None
    count_infeasible: bool = False
    budget: int | None = None
    baseline: str | None = None
    bands: bool = False
    against: str = STEPS

    def __post_init__(self) -> None:
        for option, value in (("--max-budget", self.max_budget), ("--budget", self.budget)):
            if value is not None and value < 1:
                raise ConfigError(f"{option} must be 1 or more, got {value}")
        if self.budget is not None and (self.max_budget or self.budget) < self.budget:
            raise ConfigError(
                f"--budget {self.budget} is above --max-budget {self.max_budget}; raise the latter, or"
                " leave it out"
            )

    @property
    def at(self) -> dict[str, Any]:
        """The budgets asked for, as functions of `analysis` take them."""
        return {"budget": self.budget, "max_budget": self.max_budget}

    @property
    def selects(self) -> str:
        """The column that is lowest in the selected trial."""
        return self.select_by or "val_error"
