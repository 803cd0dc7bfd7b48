"""Early stopping: training ends once the validation error has not improved for a while."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Patience(NamedTuple):
    """Stops after ``patience`` evaluations without an improvement by more than ``margin``.

    The trial then reports the evaluation that improved last, as Prechelt (1998), *Early stopping, but
    when?*, keeps the weights of the lowest validation error.
    """

    patience: int
    margin: float = 0.0

    def best(self, errors: Sequence[float | None]) -> int:
        """The evaluation that improved last.

        >>> Patience(2, margin=0.1).best([0.9, 0.5, 0.45, 0.6])
        1
        """
        best, lowest = 0, math.inf
        for place, error in enumerate(errors):
            if error is not None and error < lowest - self.margin:
                best, lowest = place, error
        return best

    def over(self, errors: Sequence[float | None]) -> bool:
        """Whether training ends with the last of these evaluations.

        >>> Patience(2).over([0.5, 0.6]), Patience(2).over([0.5, 0.6, 0.5])
        (False, True)
        """
        return len(errors) - 1 - self.best(errors) >= self.patience
