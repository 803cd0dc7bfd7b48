"""The file of difficulties that a curriculum goes by: a line a training example, under the head score."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import ConfigError

HEAD = "score"


def read(path: str | Path) -> NDArray[np.float64]:
    """The scores, [training examples], larger is harder.

    Raises:
        ConfigError: there is no such file, or it holds something else.
    """
    try:
        head, *lines = Path(path).expanduser().read_text(encoding="utf-8").split()
        scores = np.array(lines, dtype=np.float64)
        if head != HEAD or not len(scores) or not np.isfinite(scores).all():
            raise ValueError("a line an example is a finite number, under the head score")
    except OSError as error:
        raise ConfigError(
            f"order.scores={path} cannot be read ({error.strerror}); write it with harness difficulty"
        ) from None
    except ValueError as error:
        raise ConfigError(f"order.scores={path} holds no scores ({error}); mend it") from None
    return scores


def digest(scores: NDArray[np.float64]) -> str:
    """Of the numbers, whatever their file is called."""
    return hashlib.sha256(scores.tobytes()).hexdigest()
