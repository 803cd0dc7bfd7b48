"""What evaluation sees of the parameters: as they are after the last step, or an average of them."""

from __future__ import annotations

import contextlib
from typing import Any


class LastIterate:
    """No average: evaluation sees the parameters as they are."""

    def update(self) -> None:
        """Called after each step."""

    def evaluated(self) -> contextlib.AbstractContextManager[None]:
        """While this is entered, the model holds what is evaluated; afterwards what is trained."""
        return contextlib.nullcontext()

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass
