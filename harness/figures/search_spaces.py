"""Figures 3 and 4: the same optimizers with ever more hyperparameters tuned, a column each.

Drawn from the table of `analysis.search_spaces.by_search_space`.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.checking import SEARCH_SPACE
from harness.analysis.counting import noun
from harness.analysis.names import measured, quantity
from harness.figures import selected, style


def draw(frame: pd.DataFrame, note: str = "") -> Figure:
    """A row a workload (and metric), a column a search space; the rows share their vertical axis."""
    rows = list(frame[["workload", "metric"]].drop_duplicates().itertuples(index=False, name=None))
    spaces = list(frame[SEARCH_SPACE].unique())
    width = max(1.9, 0.4 * frame["optimizer"].nunique() + 0.5)
    figure = style.canvas(width * len(spaces) + 0.8, 2.5 * len(rows) + 0.4)
    grid = figure.subplots(len(rows), len(spaces), squeeze=False, sharex=True, sharey="row")
    for (workload, metric), line in zip(rows, grid, strict=True):
        here = frame[(frame["workload"] == workload) & (frame["metric"] == metric)]
        for space, axes in zip(spaces, line, strict=True):
            cell = here[here[SEARCH_SPACE] == space]
            selected.draw_panel(axes, cell)
            axes.set_title(f"{style.short(space, 28)}\n{selected.budget_words(cell)}")
        selected.scale(line[0], here)  # shared by the row, so by all its columns' values
        line[0].set_ylabel(f"{style.short(workload, 26)}\n{quantity(metric, here['unit'].iloc[0])}")
    caption = (
        "More hyperparameters are tuned from left to right; ranges may differ too. Of the trial with"
        f" the lowest {measured('val_error', frame['unit'])} among K {noun(frame)}: {selected.marks(frame)} {note}"
    )
    return style.finish(figure, caption)
