"""The words of a run that trains one point of a study again: its axes are constants, all else as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.study.space import Value
    from harness.study.study import Study


def at(study: Study, point: Mapping[str, Value]) -> list[str]:
    """Words for `harness.config.compose.compose`; root=, num_trials= and the like are to be added.

    Args:
        point: a value for each axis of the study's search space.
    """
    from harness.study.study import portable

    whole = portable(study.overrides)
    # An axis that was taken out (~search_space.lr) stays out.
    rest = [word for word in whole if not word.lstrip("+").startswith("search_space.")]
    locations = [word for word in study.overrides if word not in whole]
    constants = [f"++search_space.{name}={value!r}" for name, value in point.items()]
    return [*rest, *locations, *constants, "sampler=halton"]
