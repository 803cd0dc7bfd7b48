"""The noisy quadratic of DeepOBS (`quadratic_deep`; arXiv:1903.05499): its matrix and its points.

The eigenvalues are spread as those found in deep networks: 90 small, 10 large.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

SMALL, LARGE = 90, 10  # how many eigenvalues in (0, 1), and how many in (30, 60)
POINTS, DEVIATION = 1_000, 0.6
INSTANCE_SEED = 42
# Of the first two DeepOBS has the same; the validation part is ours, it has none.
SEEDS = {"train": 42, "test": 43, "validation": 44}


class Instance(NamedTuple):
    """matrix: [100, 100] float64, symmetric; points: [1000, 100] float32 of each split."""

    eigenvalues: np.ndarray
    matrix: np.ndarray
    points: dict[str, np.ndarray]

    @property
    def sha256(self) -> str:
        """Of eigenvalues and points. Not of the matrix: its last bits depend on the BLAS."""
        parts = [self.eigenvalues, *self.points.values()]
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def instance() -> Instance:
    """The same on every machine, in 10 ms."""
    import numpy as np

    # RandomState: its streams are frozen, those of default_rng may change (NEP 19).
    random = np.random.RandomState(INSTANCE_SEED)
    eigenvalues = np.concatenate([random.uniform(0, 1, SMALL), random.uniform(30, 60, LARGE)])
    turn = rotation(len(eigenvalues), random)
    points = {
        name: np.random.RandomState(seed)
        .normal(0, DEVIATION, (POINTS, len(eigenvalues)))
        .astype(np.float32)
        for name, seed in SEEDS.items()
    }
    return Instance(eigenvalues, turn.T @ np.diag(eigenvalues) @ turn, points)


def rotation(size: int, random: np.random.RandomState) -> np.ndarray:
    """A rotation [size, size] uniform by the Haar measure: a random turn, then a reflection a
    dimension, which takes the first axis to a random direction.

    Diaconis and Shahshahani, *The subgroup algorithm for generating uniform random variables*
    (1987); the order of the draws is DeepOBS's.
    """
    import numpy as np

    angle = 2 * np.pi * random.uniform()
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    for dimension in range(2, size):
        direction = random.normal(size=dimension + 1)
        direction /= np.linalg.norm(direction)
        x = -direction
        x[0] += 1
        x /= np.linalg.norm(x)
        larger = np.eye(dimension + 1)
        larger[1:, 1:] = turn
        turn = larger - 2 * np.outer(x, x @ larger)
    return -turn
