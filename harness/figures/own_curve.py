"""A trial's own learning curve: its errors above, its training loss and learning rate below.

Drawn from the rows of one trial in a table of learning curves.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.names import quantity
from harness.figures import style
from harness.figures.axes import error_axis

LINES = {"val_error": "-", "test_error": ":", "train_loss": "-"}


def draw(curve: pd.DataFrame, optimizer: str, title: str, unit: str = "", note: str = "") -> Figure:
    """One trial: three panels over the steps, those of which there are numbers."""
    panels = [("val_error", "test_error"), ("train_loss",), ("learning_rate",)]
    shown = [[name for name in names if curve[name].notna().any()] for names in panels]
    shown = [names for names in shown if names]
    figure = style.canvas(5.6, 1.0 + 1.5 * max(1, len(shown)))
    grid = figure.subplots(max(1, len(shown)), 1, squeeze=False, sharex=True)[:, 0]
    look = style.looks([optimizer])[optimizer]
    if not shown:
        style.empty_panel(grid[0], "no evaluation")
    for names, axes in zip(shown, grid, strict=False):
        for name in names:
            _line(axes, curve, name, look)
        axes.set_ylabel(quantity(names[0], unit).capitalize())
        error_axis(axes, *(curve[name] for name in names))
        if len(names) > 1:
            axes.legend([quantity(name, unit) for name in names], loc="upper right")
    grid[0].set_title(title)
    grid[-1].set_xlabel("step")
    return style.finish(figure, note)


def _line(axes: Axes, curve: pd.DataFrame, name: str, look: style.Look) -> None:
    known = curve[np.isfinite(curve[name].astype(float))]
    axes.plot(
        known["step"], known[name], LINES.get(name, "-"), color=look.colour, marker=look.marker,
        markersize=3 if name != "test_error" else 5, markerfacecolor="none" if name == "test_error" else None,
        markevery=max(1, len(known) // 12),
    )  # fmt: skip
