"""What the report's interactive figures are made of: traces and axes for plotly.js, as plain dicts.

Colours are tokens that the page resolves for its light or dark theme: ``$3`` is the colour of the
fourth optimizer, ``$3:0.2`` the same at that opacity, ``$ink`` the text's. Every trace says in
``meta`` whose it is, so that an optimizer can be switched off everywhere at once. Names come from
tables that anyone may have written, so they are escaped: plotly.js reads a little HTML.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.counting import noun
from harness.analysis.names import name, quantity
from harness.figures import style
from harness.figures.axes import ENDS, plain_ticks, top

Figure = dict[str, Any]
SYMBOLS = {
    "o": "circle", "s": "square", "D": "diamond", "^": "triangle-up", "v": "triangle-down",
    "P": "cross", "X": "x", "<": "triangle-left", ">": "triangle-right", "p": "pentagon",
    "h": "hexagon", "H": "hexagon2", "8": "octagon", "*": "star", "d": "diamond-tall",
}  # fmt: skip
DASHED = "5px,4px"


class Palette:
    """The optimizers of a report in their order, with the look of each."""

    def __init__(self, optimizers: Sequence[str]):
        self.looks = style.looks(optimizers)
        self.index = {name: place for place, name in enumerate(optimizers)}

    def colour(self, optimizer: str, opacity: float | None = None) -> str:
        return f"${self.index[optimizer]}" + ("" if opacity is None else f":{opacity}")

    def symbol(self, optimizer: str) -> str:
        return SYMBOLS[self.looks[optimizer].marker]

    def trace(self, optimizer: str, **more: Any) -> Figure:
        """What every trace of an optimizer has."""
        return {
            "type": "scatter",
            "name": text(name(optimizer)),
            "meta": self.index[optimizer],
            "showlegend": False,
            **more,
        }


def text(value: object) -> str:
    """A name as plotly.js shows it literally."""
    return html.escape(str(value))


def whiskers(
    rows: pd.DataFrame, columns: tuple[str, str, str], optimizer: str, palette: Palette
) -> list[Figure]:
    """The intervals that have both ends, on marks that are not seen."""
    middle, low, high = columns
    known = rows[np.isfinite(rows[[low, high]].astype(float)).all(axis=1)]
    if known.empty:
        return []
    bars = {
        "type": "data", "symmetric": False, "thickness": 1.3, "width": 4,
        "array": numbers((known[high] - known[middle]).clip(lower=0)),
        "arrayminus": numbers((known[middle] - known[low]).clip(lower=0)),
        "color": palette.colour(optimizer),
    }  # fmt: skip
    return [palette.trace(
        optimizer, **_xy(known, middle), mode="markers", marker={"size": 1, "color": palette.colour(optimizer)},
        error_y=bars, hoverinfo="skip",
    )]  # fmt: skip


def of_each(frame: pd.DataFrame, palette: Palette) -> list[tuple[str, pd.DataFrame]]:
    return [
        (optimizer, frame[frame["optimizer"] == optimizer])
        for optimizer in palette.index
        if (frame["optimizer"] == optimizer).any()
    ]


def line(
    rows: pd.DataFrame,
    column: str,
    optimizer: str,
    palette: Palette,
    template: str,
    hover: list[list[str]],
    *,
    size: int = 7,
) -> list[Figure]:
    """Solid with filled marks as far as K is trusted, then dashed with hollow ones, joined to it."""
    last = int(rows["trusted"].sum())
    start = max(last - 1, 0) if last < len(rows) else last
    symbol, colour = palette.symbol(optimizer), palette.colour(optimizer)
    hollow = [symbol] * (last - start) + [f"{symbol}-open"] * (len(rows) - last)
    traces = []
    for part, dash, symbols in (
        (slice(last), "solid", symbol),
        (slice(start, None), DASHED, hollow),
    ):
        traces.append(palette.trace(
            optimizer, **_xy(rows.iloc[part], column), mode="lines+markers", hovertemplate=template,
            line={"color": colour, "width": 2, "dash": dash}, customdata=hover[part],
            marker={"symbol": symbols, "size": size, "color": colour},
        ))  # fmt: skip
    return traces


def apart(optimizer: str, palette: Palette) -> float:
    """By how much its budgets are shifted, so that whiskers stand side by side."""
    return float(2 ** (0.3 * ((palette.index[optimizer] + 0.5) / len(palette.index) - 0.5)))


def band(rows: pd.DataFrame, x: str, optimizer: str, palette: Palette, opacity: float) -> Figure:
    """The 5th to 95th percentile, there and back."""
    across = numbers(rows[x])
    return palette.trace(
        optimizer, x=across + across[::-1], y=numbers(rows["p95"]) + numbers(rows["p05"][::-1]), mode="lines",
        fill="toself", line={"width": 0}, fillcolor=palette.colour(optimizer, opacity), hoverinfo="skip",
    )  # fmt: skip


def _xy(rows: pd.DataFrame, column: str) -> dict[str, Any]:
    return {"x": numbers(rows["budget_trials"]), "y": numbers(rows[column])}


def numbers(values: Any) -> list[float | None]:
    """Numbers as JSON has them: what is not finite is null."""
    return [float(v) if np.isfinite(v) else None for v in np.asarray(values, dtype=float)]


def budget_layout(frame: pd.DataFrame, statistic: str, *values: pd.Series) -> dict[str, Any]:
    largest = max(2.0, float(np.nan_to_num(frame["budget_trials"].astype(float).max(), nan=2.0)))
    ticks = [2.0**i for i in range(int(np.log2(largest) + 0.35) + 1)]
    axis = {
        "title": {"text": f"tuning budget K ({noun(frame)})"}, "type": "log", "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks], "range": [-0.08, float(np.log10(largest)) + 0.08],
    }  # fmt: skip
    return {"xaxis": axis, "yaxis": error_axis(frame, statistic, *values)}


def error_axis(frame: pd.DataFrame, statistic: str, *values: pd.Series) -> dict[str, Any]:
    """Of the mean or the median, in a word; on a log scale where values span more than a factor of eight.

    It ends where `top` says, and its title says so; a double click on the figure shows all.
    """
    metric = frame["metric"].iloc[0] if "metric" in frame else "val_error"
    words = f"{statistic} {quantity(metric, frame['unit'].iloc[0])}".strip()
    every = np.concatenate([np.asarray(v, dtype=float) for v in values]) if values else np.array([])
    every, end = every[np.isfinite(every)], top(*values) if values else np.inf
    if clipped := bool(np.isfinite(end)):
        words, every = f"{words} (to the {ENDS}th percentile)", every[every <= end]
    axis: dict[str, Any] = {"title": {"text": text(words)}}
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 0.0)
    if low > 0 and high / low > 8:
        ticks = plain_ticks(low * 0.9, high * 1.1)
        axis |= {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
    if clipped:
        room = (high - low) / 20
        ends = np.array([low - room if low > room else low, high + room])
        axis["range"] = [float(end) for end in (np.log10(ends) if "type" in axis else ends)]
    return axis
