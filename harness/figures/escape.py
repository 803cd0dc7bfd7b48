"""Steps to leave a saddle point against how far from symmetric the start is: `analysis.escape.summary`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.names import name, optimizer_order
from harness.figures import style

SYMMETRIC = "0\n(symmetric)"


def draw(frame: pd.DataFrame, steps: int, caption: str) -> Figure:
    """A panel a setting. What never left is drawn on the line above ``steps``."""
    settings = list(frame["setting"].unique())
    figure = style.canvas(4.6 * len(settings) + 0.4, 3.6)
    for axes, setting in zip(
        figure.subplots(1, len(settings), sharey=True, squeeze=False)[0], settings, strict=True
    ):
        _panel(axes, frame[frame["setting"] == setting], steps)
        axes.set_title(setting)
    return style.finish(figure, caption, style.legend_handles(frame["optimizer"].unique()))


def _panel(axes: Axes, frame: pd.DataFrame, steps: int) -> None:
    perturbations = sorted(frame["perturbation"].unique())
    places = {each: place for place, each in enumerate(perturbations)}
    never = steps * 2.0
    axes.axhline(never, color="#bbbbbb", linewidth=0.8)
    optimizers = optimizer_order(frame["optimizer"])
    for nth, (optimizer, look) in enumerate(style.looks(optimizers).items()):
        own = frame[frame["optimizer"] == optimizer].sort_values("perturbation")
        aside = 0.06 * (nth - (len(optimizers) - 1) / 2)  # or markers would hide each other
        x = own["perturbation"].map(places) + aside
        median, least, most = (
            np.minimum(own[column].to_numpy(float), never) for column in ("median", "least", "most")
        )
        left = median < never
        axes.errorbar(
            x[left], median[left], yerr=[(median - least)[left], (most - median)[left]], color=look.colour, marker=look.marker, linewidth=1, elinewidth=1.2,
        )  # fmt: skip
        axes.plot(x[~left], median[~left], look.marker, color=look.colour, markerfacecolor="white")
    axes.set_yscale("log")
    ticks = [tick for tick in (1, 3, 10, 30, 100, 300, 1000) if tick <= steps]
    axes.set_yticks([*ticks, never], labels=[*map(str, ticks), "never"])
    axes.minorticks_off()
    labels = [SYMMETRIC if each == 0 else f"{each:g}" for each in perturbations]
    axes.set_xticks(range(len(perturbations)), labels=labels)
    axes.set(xlabel="deviation of the start from symmetric", ylabel="steps to leave the saddle")


def in_words(frame: pd.DataFrame) -> list[str]:
    """A line per setting and optimizer: the median steps at each perturbation.

    >>> row = {"setting": "tuned", "optimizer": "sgd", "perturbation": 0.1, "median": 7.0}
    >>> in_words(pd.DataFrame([row]))
    ['tuned, SGD: 7 from 0.1']
    """
    lines = []
    for (setting, optimizer), own in frame.groupby(["setting", "optimizer"], sort=False):
        told = ", ".join(
            f"{'never' if np.isinf(row.median) else f'{row.median:.0f}'} from {row.perturbation:g}"
            for row in own.sort_values("perturbation").itertuples()
        )
        lines.append(f"{setting}, {name(str(optimizer))}: {told}")
    return lines
