"""The one line of this project: solid with filled markers as far as N trials vouch for it, K = N/5, dashed
with hollow markers beyond. And the band, vouched for up to K = N/20, and whiskers that go with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from harness.figures.style import Look

BEYOND = (0, (2.5, 1.8))  # the dashes of what N trials don't vouch for
OUT_OF_SIGHT = 1e9  # stands for infinity where something reaches to the top of its panel


def line(axes: Axes, rows: pd.DataFrame, y: str, look: Look, *, x: str = "budget_trials") -> None:
    """A column of one optimizer against its budgets, or another column, by the column ``trusted``.

    Budgets rise, so the trusted rows come first; the dashed part begins where the solid one ends.
    """
    across, up = (rows[name].to_numpy(float) for name in (x, y))
    last = _trusted(rows)
    edges: dict[str, Any] = {"markeredgewidth": 0.9, "markeredgecolor": look.colour}
    axes.plot(across[:last], up[:last], "-", color=look.colour, marker=look.marker, **edges)
    beyond = slice(max(last - 1, 0), None)
    axes.plot(across[beyond], up[beyond], linestyle=BEYOND, color=look.colour)
    axes.plot(
        across[last:], up[last:], linestyle="", color=look.colour, marker=look.marker,
        markerfacecolor="white", **edges,
    )  # fmt: skip


def band(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    """The 5th to 95th percentile; pale with dashed edges beyond N/20; to the top where it is infinite."""
    last = int(np.count_nonzero(rows["band_trusted"]))
    for part, alpha in ((slice(last), 0.28), (slice(max(last - 1, 0), None), 0.08)):
        own = rows.iloc[part]
        own = own[np.isfinite(own["p05"].astype(float))]
        k, low, high = (own[name].to_numpy(float) for name in ("budget_trials", "p05", "p95"))
        axes.fill_between(
            k, low, _in_sight(high), color=look.colour, alpha=alpha, linewidth=0
        )  # fmt: skip
        if part.stop is None:
            for edge in (low, _in_sight(high)):
                axes.plot(k, edge, linestyle=BEYOND, color=look.colour, linewidth=0.7)


MEDIAN = ("p50", "median_low", "median_high")


def whiskers(
    axes: Axes, rows: pd.DataFrame, look: Look, columns: tuple[str, str, str] = MEDIAN
) -> None:
    """An interval, where it has both ends: of the median, or of the first of other columns."""
    middle, low, high = columns
    known = rows[np.isfinite(rows[[low, high]].astype(float)).all(axis=1)]
    if len(known):
        lengths = [known[middle] - known[low], known[high] - known[middle]]
        axes.errorbar(
            known["budget_trials"], known[middle], yerr=np.clip(np.stack(lengths), 0, None), fmt="none",
            ecolor=look.colour, elinewidth=1.1, capsize=2.2, capthick=1.1,
        )  # fmt: skip


def _trusted(rows: pd.DataFrame) -> int:
    return int(np.count_nonzero(rows["trusted"]))


def _in_sight(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, OUT_OF_SIGHT)
