"""A measure against the learning rate: ours as lines with twice their spread, published runs as rings."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from harness.figures import style
from harness.figures.axes import error_axis


def draw(table: pd.DataFrame, measure: str, epoch: int) -> Figure:
    """
    Args:
        table: of `harness.analysis.published_runs.compared`.
        measure: what its values are, such as ``test_loss``, which is drawn on a logarithmic axis.
    """
    optimizers = list(table["optimizer"].unique())
    with style.settings():
        figure = style.canvas(7.5, 3.2)
        axes = figure.subplots(1, 1)
        for optimizer, look in style.looks(optimizers).items():
            rows = table[table["optimizer"] == optimizer].sort_values("lr")
            kept = rows[rows["ours_diverged"] == 0]
            axes.errorbar(
                kept["lr"], kept["ours_mean"], yerr=2 * kept["ours_sd"].fillna(0), color=look.colour,
                marker=look.marker, markersize=3, capsize=2, elinewidth=0.8,
                linestyle="-" if len(kept) > 2 else "",
            )  # fmt: skip
            axes.plot(
                rows["lr"], rows["published_mean"], "o", markersize=8, color=look.colour,
                markerfacecolor="none",
            )  # fmt: skip
        axes.set(xlabel="learning rate", ylabel=measure.replace("_", " "))
        error_axis(axes, table["lr"], which="x")
        if measure == "test_loss":
            error_axis(axes, table["ours_mean"], table["published_mean"])
        caption = (
            f"After epoch {epoch}. Small markers: ours, mean and twice the standard deviation of its runs, where"
            " none diverged. Rings: DeepOBS's published runs."
        )
        return style.finish(figure, caption, style.legend_handles(optimizers))
