"""What `harness check` sees of a workload: losses by learning rate, activations by layer, first kernels."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.figures import style

CALLED = {"low": "#0072b2", "good": "#009e73", "high": "#e69f00", "too high": "#d55e00"}
MOST_KERNELS, MOST_LAYERS = 64, 24


def draw_rates(frame: pd.DataFrame, title: str) -> Figure:
    """The loss of the first steps, a line a rate, coloured by what the rate is called.

    Args:
        frame: lr, called, step, loss.
    """
    figure = style.canvas(6.4, 3.4)
    axes = figure.subplots()
    start = frame["loss"].iloc[0]
    shown: dict[str, Line2D] = {}
    low = frame.loc[frame["called"] == "low", "lr"].max()  # the others lie under one another
    for (lr, called), rows in frame.groupby(["lr", "called"], sort=False):
        (line,) = axes.plot(rows["step"], rows["loss"], color=CALLED[called])
        shown.setdefault(called, line)
        inside = rows[rows["loss"] < 1.6 * start]
        if len(inside) and (called != "low" or lr == low):
            last = inside.iloc[-1]
            axes.annotate(
                f"{lr:.0e}", (last["step"], last["loss"]), fontsize=7, color=CALLED[called],
                xytext=(3, 0), textcoords="offset points", va="center",
            )  # fmt: skip
    axes.set_ylim(0, 1.6 * start)
    axes.set(xlabel="step of plain gradient descent", ylabel="minibatch loss", title=title)
    ordered = [called for called in CALLED if called in shown]
    axes.legend([shown[called] for called in ordered], ordered, loc="upper right")
    return style.finish(
        figure,
        "The same weights and minibatches at nine decades of learning rate. Good: at least half of the"
        " best fall of the loss, and never a fifth above the start; a line that ends early diverged.",
    )


def draw_activations(frame: pd.DataFrame, title: str) -> Figure:
    """What each nonlinearity gives, as histograms.

    Args:
        frame: layer, low, high, count.
    """
    layers = list(frame["layer"].unique())[:MOST_LAYERS]
    columns = min(4, len(layers))
    rows = math.ceil(len(layers) / columns)
    figure = style.canvas(2.1 * columns + 0.6, 1.5 * rows + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, layer in zip(grid, layers, strict=False):
        own = frame[frame["layer"] == layer]
        share = own["count"] / own["count"].sum()
        axes.bar(own["low"], share, own["high"] - own["low"], align="edge", color="#0072b2")
        axes.set_title(style.short(layer, 30), fontsize=8)
        axes.set_ylim(bottom=0)
    for axes in grid[len(layers) :]:
        axes.set_visible(False)
    figure.suptitle(title, fontsize=9)
    return style.finish(figure, "Share of the activations of one minibatch, by layer.")


def draw_first_layer(kernels: np.ndarray, title: str) -> Figure:
    """The first convolution's kernels as small pictures, all on one scale of grey or colour.

    Args:
        kernels: [out, height, width, 1 or 3].
    """
    shown = kernels[:MOST_KERNELS]
    low, high = shown.min(), shown.max()
    scaled = (shown - low) / max(high - low, 1e-12)
    columns = min(8, len(shown))
    rows = math.ceil(len(shown) / columns)
    figure = style.canvas(0.7 * columns + 0.4, 0.7 * rows + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, kernel in zip(grid, scaled, strict=False):
        axes.imshow(
            kernel.squeeze(-1) if kernel.shape[-1] == 1 else kernel, cmap="gray", vmin=0, vmax=1
        )
    for axes in grid:
        axes.set_axis_off()
    figure.suptitle(title, fontsize=9)
    return style.finish(
        figure, f"{len(shown)} of {len(kernels)} kernels, from {low:.2g} to {high:.2g}."
    )
