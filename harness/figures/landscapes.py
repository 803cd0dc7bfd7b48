"""Trajectories on contours and on a saddle's surface, drawn up to any step.

Drawn from a table of `analysis.landscapes.COLUMNS` and the `Surface` of each workload in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.landscapes import Surface
from harness.analysis.names import name, optimizer_order
from harness.figures import style

LEVELS = 24
FLOOR = 1e-3  # of the contours' logarithm: the minima are 0
SECOND_ORDER = ("newton", "lbfgs")
DASHED = (0, (3, 1.5))
ABOVE = 0.01  # the surface, so that no facet hides a line


class Drawing:
    """A figure of trajectories whose lines can be cut at any step: `show`."""

    def __init__(self, figure: Figure, paths: pd.DataFrame, lines: list[tuple[Any, Any, Any]]):
        """
        Args:
            lines: (line, its end, coordinates [steps + 1, 2 or 3]) of each trajectory.
        """
        self.figure, self.lines = figure, lines
        self.steps = int(paths["step"].max())

    def show(self, step: int) -> None:
        """All trajectories up to this step."""
        for line, end, along in self.lines:
            for artist, part in ((line, along[: step + 1]), (end, along[: step + 1][-1:])):
                artist.set_data(*part.T[:2])
                if part.shape[1] == 3:
                    artist.set_3d_properties(part.T[2])


def on_contours(
    paths: pd.DataFrame, surfaces: Mapping[str, Surface], title: str, caption: str
) -> Drawing:
    """A panel a workload, all optimizers in each."""
    workloads = list(paths["workload"].unique())
    columns = min(3, len(workloads))
    rows = -(-len(workloads) // columns)
    size = 5.6 if columns == 1 else 3.6
    figure = style.canvas(size * columns + 0.4, size * 0.82 * rows + 0.3)
    grid = figure.subplots(rows, columns, squeeze=False)
    lines: list[tuple[Any, Any, Any]] = []
    for workload, axes in zip(workloads, grid.flat, strict=False):
        own = paths[paths["workload"] == workload]
        _contours(axes, surfaces[workload])
        axes.set_title(title if columns == 1 else surfaces[workload].label)
        for optimizer, look in style.looks(optimizer_order(own["optimizer"])).items():
            along = own.loc[own["optimizer"] == optimizer, ["x", "y"]].to_numpy()
            lines.append((*_line(axes, optimizer, look), along))
    for axes in list(grid.flat)[len(workloads) :]:
        axes.remove()
    return _finished(figure, paths, lines, caption)


def on_saddle(paths: pd.DataFrame, surface: Surface, title: str, caption: str) -> Drawing:
    """The surface itself, seen from above the ridge, its trajectories on it."""
    figure = style.canvas(6.4, 5.2)
    axes: Any = figure.add_subplot(projection="3d", computed_zorder=False)
    x, y = np.meshgrid(surface.x, surface.y)
    axes.plot_surface(
        x, y, surface.z, cmap="cividis", alpha=0.55, rcount=60, ccount=60, linewidth=0, zorder=1
    )
    axes.set(title=title, xlabel="x", ylabel="y", zlabel="value")
    axes.view_init(elev=34, azim=18)  # from where the start is, so that falling is to the sides
    axes.set_box_aspect((1, 1.25, 0.6), zoom=1.0)
    axes.grid(False)
    lines: list[tuple[Any, Any, Any]] = []
    for optimizer, look in style.looks(optimizer_order(paths["optimizer"])).items():
        own = paths[paths["optimizer"] == optimizer]
        along = own[["x", "y", "value"]].to_numpy() + np.array([0, 0, ABOVE])
        lines.append((*_line(axes, optimizer, look, depth=True), along))
    return _finished(figure, paths, lines, caption)


def _contours(axes: Axes, surface: Surface) -> None:
    height = np.log10(surface.z + FLOOR)
    axes.imshow(  # filled contours would be most of an animation's time
        height, extent=(surface.x[0], surface.x[-1], surface.y[0], surface.y[-1]), origin="lower",
        aspect="auto", cmap="Greys", alpha=0.55, interpolation="bilinear", zorder=0,
    )  # fmt: skip
    axes.contour(
        surface.x, surface.y, height, LEVELS, colors="#ffffff", linewidths=0.5, linestyles="solid"
    )
    for x, y in surface.minima:
        axes.plot(x, y, "*", color="white", markeredgecolor="black", markersize=11, zorder=5)
    if surface.saddle:
        axes.plot(*surface.saddle, "x", color="black", markersize=6, zorder=5)
    axes.set(
        xlim=(surface.x[0], surface.x[-1]), ylim=(surface.y[0], surface.y[-1]), xlabel="x", ylabel="y"
    )  # fmt: skip
    axes.grid(False)


def _line(axes: Any, optimizer: str, look: style.Look, depth: bool = False) -> tuple[Any, Any]:
    """An empty line, and the marker that goes with its end."""
    empty: list[list[float]] = [[]] * (3 if depth else 2)
    dashes = DASHED if optimizer in SECOND_ORDER else "-"
    (line,) = axes.plot(
        *empty, color=look.colour, linewidth=1.5, linestyle=dashes, marker=".", markersize=2.5,
        zorder=6,
    )  # fmt: skip
    (end,) = axes.plot(
        *empty, color=look.colour, marker=look.marker, markersize=7, markeredgecolor="white",
        linestyle="", zorder=7,
    )  # fmt: skip
    return line, end


def _finished(
    figure: Figure, paths: pd.DataFrame, lines: list[tuple[Any, Any, Any]], caption: str
) -> Drawing:
    optimizers = optimizer_order(paths["optimizer"])
    handles = [
        Line2D(
            [], [], color=look.colour, marker=look.marker, label=style.short(name(each)),
            linestyle=DASHED if each in SECOND_ORDER else "-",
        )
        for each, look in style.looks(optimizers).items()
    ]  # fmt: skip
    drawing = Drawing(style.finish(figure, caption, handles), paths, lines)
    drawing.show(drawing.steps)
    return drawing
