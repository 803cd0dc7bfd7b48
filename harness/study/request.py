"""Which trials of a study are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import ConfigError
from harness.study.indices import MOST_TRIALS
from harness.study.study import Study


@dataclass(frozen=True)
class Request:
    """Trials asked of a study: ``[first, first + num)``, as many as give K feasible ones, or a list."""

    study: Study
    root: str
    first_trial: int = 0
    num_trials: int = 1
    num_feasible: int | None = None
    max_trials: int | None = None
    trials: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        checks = {"num_trials": 1, "num_feasible": 1, "max_trials": 1, "first_trial": 0}
        for name, least in checks.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"{name} must be {least} or more, got {value}")
            if value is not None and value > MOST_TRIALS:
                raise ConfigError(f"{name} must be at most {MOST_TRIALS:,}, got {value}")
        if self.max_trials is not None and self.num_feasible is None:
            raise ConfigError(
                "max_trials caps num_feasible=, which is not given; use num_trials= and max_trials=null"
            )

    @property
    def indices(self) -> Sequence[int]:
        """The indices that may run, in the order they are handed out."""
        if self.trials is not None:
            return self.trials
        count = self.num_trials
        if self.num_feasible is not None:
            # A cap of our own when none is given: a space with under 5 % feasible is a finding.
            count = self.max_trials or 20 * self.num_feasible
        return range(self.first_trial, self.first_trial + count)
