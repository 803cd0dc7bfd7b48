"""What `harness check` sees of a workload: losses by learning rate, activations and gradients by layer, the
weights of the first layer."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from harness.figures import style
from harness.figures.axes import power_of_ten

CALLED = {"low": "#0072b2", "good": "#009e73", "high": "#e69f00", "too high": "#d55e00"}
LINE = 0.05  # of the picture's height, between labels
MOST_OUTPUTS, MOST_LAYERS = 64, 24


def draw_rates(frame: pd.DataFrame, title: str) -> Figure:
    """The loss of the first steps, a line a rate, coloured by what the rate is called.

    Args:
        frame: lr, called, step, loss.
    """
    figure = style.canvas(6.4, 3.4)
    axes = figure.subplots()
    top = 1.6 * frame["loss"].iloc[0]
    inside: list[tuple[float, float, str]] = []  # a line's last loss, its rate, what that is called
    low = frame.loc[frame["called"] == "low", "lr"].max()  # the others lie under one another
    for (lr, called), rows in frame.groupby(["lr", "called"], sort=False):
        axes.plot(rows["step"], rows["loss"], color=CALLED[called])
        last = rows.iloc[-1]
        if (
            last["loss"] < top
            and last["step"] == frame["step"].max()
            and (called != "low" or lr == low)
        ):
            inside.append((last["loss"], lr, called))
    height = (0.02 - LINE) * top  # the first one clear of the axis
    for loss, lr, called in sorted(inside):
        height = max(loss, height + LINE * top)
        axes.annotate(
            f"{lr:.0e}", (frame["step"].max(), height), fontsize=7, color=CALLED[called],
            xytext=(3, 0), textcoords="offset points", va="center",
        )  # fmt: skip
    axes.set_ylim(0, top)
    axes.set(xlabel="step of plain gradient descent", ylabel="minibatch loss", title=title)
    handles = []
    for called, colour in CALLED.items():
        if len(rates := frame.loc[frame["called"] == called, "lr"].unique()):
            ends = " to ".join(f"{each:g}" for each in sorted({min(rates), max(rates)}))
            handles.append(Line2D([], [], color=colour, label=f"{called}: {ends}"))
    return style.finish(
        figure,
        "The same weights and minibatches at nine decades of learning rate. Good: at least half of the"
        " best fall of the loss, and never a fifth above the start; a line that ends early diverged.",
        handles,
    )


def draw_activations(frame: pd.DataFrame, title: str) -> Figure:
    """What each nonlinearity gives, as histograms.

    Args:
        frame: layer, low, high, count.
    """
    figure, panels = _panels(frame)
    for layer, axes in panels.items():
        own = frame[frame["layer"] == layer]
        share = own["count"] / own["count"].sum()
        axes.bar(own["low"], share, own["high"] - own["low"], align="edge", color="#0072b2")
        axes.set_ylim(bottom=0)
    figure.suptitle(title, fontsize=9)
    return style.finish(figure, "Share of the activations of one minibatch, by layer.")


def draw_gradients(frame: pd.DataFrame, title: str) -> Figure:
    """How large the components of each tensor's gradient are, at the start and some steps later.

    Args:
        frame: layer, steps, zero, low, high, count; bins even on a logarithmic scale, the same for all.
    """
    figure, panels = _panels(frame, shared=True)
    first, last = frame["steps"].min(), frame["steps"].max()
    for layer, axes in panels.items():
        for steps, fill in ((last, True), (first, False)):
            own = frame[(frame["layer"] == layer) & (frame["steps"] == steps)]
            share = own["count"] / max(own["count"].sum(), 1)
            axes.stairs(
                share, [*own["low"], own["high"].iloc[-1]], fill=fill,
                color="#0072b2" if fill else "black", linewidth=0.9,
            )  # fmt: skip
        if zero := own["zero"].iloc[0]:
            axes.text(
                0.03, 0.95, f"{zero:.0%} are 0", transform=axes.transAxes, va="top", fontsize=7
            )
        axes.set_ylim(bottom=0)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=4))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(power_of_ten))
    figure.suptitle(title, fontsize=9)
    return style.finish(
        figure,
        f"Sizes of the components of the gradient of one minibatch that are not 0, by tensor: share in each bin."
        f" Line: at the start. Filled: after {last} steps of plain gradient descent at a good rate. Layers whose"
        " gradients vanish lie further left.",
    )


def _panels(frame: pd.DataFrame, shared: bool = False) -> tuple[Figure, dict[str, Axes]]:
    """One a layer, as many as fit, with its name."""
    layers = list(frame["layer"].unique())[:MOST_LAYERS]
    columns = min(4, len(layers))
    rows = math.ceil(len(layers) / columns)
    figure = style.canvas(2.1 * columns + 0.6, 1.5 * rows + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=shared).flatten()
    for place, (axes, layer) in enumerate(zip(grid, layers, strict=False)):
        axes.set_title(style.short(layer, 30), fontsize=8)
        axes.tick_params(labelbottom=place + columns >= len(layers) or not shared)
    for axes in grid[len(layers) :]:
        axes.set_visible(False)
    return figure, dict(zip(layers, grid, strict=False))


def draw_first_layer(weights: np.ndarray, title: str) -> Figure:
    """The first layer's weights as small pictures, an output each, all on one scale of grey or colour.

    Args:
        weights: [out, height, width, 1 or 3].
    """
    shown = weights[:MOST_OUTPUTS]
    low, high = shown.min(), shown.max()
    scaled = (shown - low) / max(high - low, 1e-12)
    columns = min(8, len(shown))
    rows = math.ceil(len(shown) / columns)
    figure = style.canvas(0.7 * columns + 0.4, 0.7 * rows + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, each in zip(grid, scaled, strict=False):
        axes.imshow(each.squeeze(-1) if each.shape[-1] == 1 else each, cmap="gray", vmin=0, vmax=1)
    for axes in grid:
        axes.set_axis_off()
    figure.suptitle(title, fontsize=9)
    return style.finish(
        figure, f"Weights of {len(shown)} of {len(weights)} outputs, from {low:.2g} to {high:.2g}."
    )
