"""How many more good trials a narrowed space holds, a row a pair: by each rule.

Drawn from the table of `scripts/benchmark_refining.py`.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.names import name
from harness.figures import style
from harness.figures.axes import between_groups

LOOKS = {"marginal": ("#6e6e6e", "o"), "joint": ("#d55e00", "D")}


def draw(frame: pd.DataFrame, target: float) -> Figure:
    """Left the gain with the target, right the share of the good trials that is kept."""
    pairs = [
        f"{row.table}/{name(row.optimizer)}" + (" (stages)" if row.way == "stages" else "")
        for row in frame.itertuples()
    ]
    frame = frame.assign(pair=pairs)
    order = frame.drop_duplicates("pair").iloc[::-1]  # as they come, from the top
    figure = style.canvas(8.0, 0.16 * len(order) + 1.2)
    both = figure.subplots(1, 2, sharey=True)
    for axes, column in zip(both, ("tenth_gain", "tenth_held"), strict=True):
        for rule, (colour, marker) in LOOKS.items():
            rows = frame[frame["rule"] == rule].set_index("pair").reindex(order["pair"])
            axes.plot(
                rows[column], range(len(order)), marker, color=colour, markersize=3.5, label=rule
            )
    both[0].axvline(target, color="black", linewidth=0.8)
    both[0].set(xlabel="gain")
    both[0].legend(fontsize=7)
    both[1].set(xlabel="held", xlim=(0, 1.03))
    both[0].set_yticks(range(len(order)), order["pair"], fontsize=6)
    groups = order["group"].tolist()
    between_groups(both, groups)
    caption = (
        "Held: the share of the best tenth that the narrowed space keeps; gain: that over its share of all trials. Counted"
        " on held-out trials. Line: three times, the target for trials within 10 % of the best. Between dotted lines, from the"
        f" top: {', '.join(dict.fromkeys(reversed(groups)))}."
    )
    return style.finish(figure, caption)
