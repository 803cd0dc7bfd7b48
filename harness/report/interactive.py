"""The report's figures for plotly.js: from the tables of numbers to its JSON, as plain dicts.

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

from harness.analysis.cells import drawn
from harness.analysis.counting import centre, middle, noun
from harness.analysis.names import name, quantity
from harness.figures import style
from harness.figures.axes import plain_ticks

Figure = dict[str, Any]
SYMBOLS = {
    "o": "circle", "s": "square", "D": "diamond", "^": "triangle-up", "v": "triangle-down",
    "P": "cross", "X": "x", "<": "triangle-left", ">": "triangle-right", "p": "pentagon",
    "h": "hexagon", "*": "star", "d": "diamond-tall",
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


def confidence(frame: pd.DataFrame, palette: Palette) -> Figure:
    """The medians of one workload with their 90% intervals: `tuning_curves.in_cells`."""
    template = (
        "<b>%{customdata[0]}</b>, K = %{customdata[4]}<br>median %{y:.4g}<br>90% interval %{customdata[1]}"
        "<br>mean %{customdata[2]}, 5–95% %{customdata[3]}<extra></extra>"
    )
    traces = []
    for optimizer, rows in _groups(drawn(frame), palette):
        apart = 2 ** (0.3 * ((palette.index[optimizer] + 0.5) / len(palette.index) - 0.5))
        beside = rows.assign(budget_trials=rows["budget_trials"] * apart)  # whiskers side by side
        traces += _line(
            beside, "p50", optimizer, palette, template, _hover(optimizer, rows), size=8
        )
        traces += _whiskers(beside, optimizer, palette)
    vouched = drawn(frame)[drawn(frame)["trusted"]]
    ends = vouched["median_low"], vouched["median_high"]
    return {"data": traces, "layout": _budget_layout(frame, drawn(frame)["p50"], *ends)}


def _whiskers(rows: pd.DataFrame, optimizer: str, palette: Palette) -> list[Figure]:
    """The intervals that have both ends, where they are trusted: on marks that are not seen."""
    known = rows[rows["trusted"] & np.isfinite(rows[["median_low", "median_high"]]).all(axis=1)]
    if known.empty:
        return []
    bars = {
        "type": "data", "symmetric": False, "thickness": 1.3, "width": 4,
        "array": _list(known["median_high"] - known["p50"]),
        "arrayminus": _list(known["p50"] - known["median_low"]),
        "color": palette.colour(optimizer),
    }  # fmt: skip
    return [palette.trace(
        optimizer, **_xy(known, "p50"), mode="markers", marker={"size": 1, "color": palette.colour(optimizer)},
        error_y=bars, hoverinfo="skip",
    )]  # fmt: skip


def spread(frame: pd.DataFrame, palette: Palette) -> Figure:
    """The means of one workload with the 5th to 95th percentile shaded; medians where all trials count."""
    template = (
        f"<b>%{{customdata[0]}}</b>, K = %{{x}}<br>{middle(frame)} %{{y:.4g}}"
        "<br>5–95% %{customdata[3]}<extra></extra>"
    )
    traces = []
    for optimizer, rows in _groups(drawn(frame), palette):
        finite = rows[np.isfinite(rows[["p05", "p95"]]).all(axis=1)]
        traces.append(_band(finite, "budget_trials", optimizer, palette, 0.13))
        traces += _line(
            rows, centre(frame), optimizer, palette, template, _hover(optimizer, rows), size=6
        )
    columns = (drawn(frame)[column] for column in (centre(frame), "p05", "p95"))
    return {"data": traces, "layout": _budget_layout(frame, *columns)}


def ranks(frame: pd.DataFrame, palette: Palette) -> Figure:
    """The chance of coming first against the budget, of one workload: `ranks.first_and_mean_rank`."""
    template = (
        "<b>%{customdata[0]}</b>, K = %{x}<br>first in %{y:.0%}<br>expected rank %{customdata[1]}"
        "<extra></extra>"
    )
    traces = []
    for optimizer, rows in _groups(drawn(frame).dropna(subset=["first"]), palette):
        hover = [[text(name(optimizer)), f"{rank:.2f}"] for rank in rows["mean_rank"]]
        traces += _line(rows, "first", optimizer, palette, template, hover)
    layout = _budget_layout(frame)
    layout["yaxis"] = {
        "title": {"text": "P(best of all)"},
        "range": [-0.03, 1.03],
        "tickformat": ".0%",
    }
    return {"data": traces, "layout": layout}


def selection_bias(frame: pd.DataFrame, palette: Palette) -> Figure:
    """Test less validation error of the selected trial, of one workload: `analysis.selection_bias`."""
    template = (
        "<b>%{customdata[0]}</b>, K = %{x}<br>test − validation %{y:.4g}<br>validation %{customdata[1]},"
        " test %{customdata[2]}<extra></extra>"
    )
    traces = []
    for optimizer, rows in _groups(drawn(frame), palette):
        pairs = zip(rows["val_error"], rows["test_error"], strict=True)
        hover = [[text(name(optimizer)), f"{val:.4g}", f"{test:.4g}"] for val, test in pairs]
        traces += _line(rows, "gap", optimizer, palette, template, hover)
    layout = _budget_layout(frame)
    layout["yaxis"] = {
        "title": {"text": "test − validation error"},
        "zeroline": True,
        "rangemode": "tozero",
    }
    return {"data": traces, "layout": layout}


def errors(frame: pd.DataFrame, palette: Palette) -> Figure:
    """Figure 1 of one workload: a marker, a bar of spread and an interval for each optimizer and metric."""
    metrics = list(frame["metric"].unique())
    layout: dict[str, Any] = {
        "barmode": "overlay",
        "grid": {"rows": 1, "columns": len(metrics), "pattern": "independent", "xgap": 0.22},
    }
    traces = []
    for place, metric in enumerate(metrics):
        anchor = "" if place == 0 else str(place + 1)
        rows = drawn(frame)[drawn(frame)["metric"] == metric]
        for optimizer, own in _groups(rows, palette):
            traces += _error_marks(own, optimizer, palette, anchor)
        layout[f"xaxis{anchor}"] = {"type": "category", "tickangle": -35}
        title = quantity(metric, frame["unit"].iloc[0])
        layout[f"yaxis{anchor}"] = {"title": {"text": title}}
    return {"data": traces, "layout": layout}


def _error_marks(rows: pd.DataFrame, optimizer: str, palette: Palette, anchor: str) -> list[Figure]:
    """The one row of an optimizer."""
    row, shown = rows.iloc[0], text(name(optimizer))
    known = np.isfinite(row[["median_low", "median_high"]].astype(float)).all()
    template = (
        f"<b>{shown}</b>, K = {row['budget_trials']:.0f}<br>{middle(rows)} {row[centre(rows)]:.4g}"
        f"<br>5–95% {row['p05']:.4g} to {row['p95']:.4g}"
    )
    if known:
        template += (
            f"<br>90% interval of the median {row['median_low']:.4g} to {row['median_high']:.4g}"
        )
    same = palette.trace(optimizer, xaxis=f"x{anchor}", yaxis=f"y{anchor}")
    bar = same | {
        "x": [shown, shown], "y": _list(row[["p05", "p95"]]), "mode": "lines", "hoverinfo": "skip",
        "line": {"color": palette.colour(optimizer, 0.35), "width": 12},
    }  # fmt: skip
    point = same | {
        "x": [shown], "y": _list([row[centre(rows)]]), "mode": "markers",
        "hovertemplate": template + "<extra></extra>",
        "marker": {"symbol": palette.symbol(optimizer), "size": 10, "color": palette.colour(optimizer)},
    }  # fmt: skip
    if not known:
        return [bar, point]
    median = same | {
        "x": [shown], "y": _list([row["p50"]]), "mode": "markers", "hoverinfo": "skip",
        "marker": {"symbol": "line-ew-open", "size": 8, "color": "$ink"},
        "error_y": {
            "type": "data", "symmetric": False, "array": [max(row["median_high"] - row["p50"], 0)],
            "arrayminus": [max(row["p50"] - row["median_low"], 0)], "color": "$ink", "thickness": 1.2, "width": 5,
        },
    }  # fmt: skip
    return [bar, point, median]


def learning_curves(frame: pd.DataFrame, palette: Palette) -> Figure:
    """Best trial's curve and spread, of one workload: `analysis.learning_curves`."""
    traces = []
    for optimizer, rows in _groups(drawn(frame), palette):
        traces.append(_band(rows, "step", optimizer, palette, 0.10))
        colour = palette.colour(optimizer)
        traces.append(palette.trace(
            optimizer, x=_list(rows["step"]), y=_list(rows["best"]), mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"symbol": palette.symbol(optimizer), "size": 5, "color": colour},
            hovertemplate=f"<b>{text(name(optimizer))}</b>, step %{{x}}<br>best trial %{{y:.4g}}<extra></extra>",
        ))  # fmt: skip
    columns = (drawn(frame)[column] for column in ("best", "p05", "p95"))
    layout = {"xaxis": {"title": {"text": "step"}}, "yaxis": _error_axis(frame, *columns)}
    return {"data": traces, "layout": layout}


# --- parts ----------------------------------------------------------------------------------------


def _groups(frame: pd.DataFrame, palette: Palette) -> list[tuple[str, pd.DataFrame]]:
    return [
        (optimizer, frame[frame["optimizer"] == optimizer])
        for optimizer in palette.index
        if (frame["optimizer"] == optimizer).any()
    ]


def _line(
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


def _band(rows: pd.DataFrame, x: str, optimizer: str, palette: Palette, opacity: float) -> Figure:
    """The 5th to 95th percentile, there and back."""
    across = _list(rows[x])
    return palette.trace(
        optimizer, x=across + across[::-1], y=_list(rows["p95"]) + _list(rows["p05"][::-1]), mode="lines",
        fill="toself", line={"width": 0}, fillcolor=palette.colour(optimizer, opacity), hoverinfo="skip",
    )  # fmt: skip


def _xy(rows: pd.DataFrame, column: str) -> dict[str, Any]:
    return {"x": _list(rows["budget_trials"]), "y": _list(rows[column])}


def _hover(optimizer: str, rows: pd.DataFrame) -> list[list[str]]:
    return [
        [
            text(name(optimizer)),
            f"{row.median_low:.4g} to {row.median_high:.4g}"
            if row.trusted and np.isfinite(row.median_low)
            else "unknown beyond N/5",
            f"{row.mean:.4g}",
            f"{row.p05:.4g} to {row.p95:.4g}",
            f"{row.budget_trials:.0f}",
        ]
        for row in rows.itertuples()
    ]


def _list(values: Any) -> list[float | None]:
    """Numbers as JSON has them: what is not finite is null."""
    return [float(v) if np.isfinite(v) else None for v in np.asarray(values, dtype=float)]


def _budget_layout(frame: pd.DataFrame, *values: pd.Series) -> dict[str, Any]:
    largest = max(2.0, float(np.nan_to_num(frame["budget_trials"].astype(float).max(), nan=2.0)))
    ticks = [2.0**i for i in range(int(np.log2(largest) + 0.35) + 1)]
    axis = {
        "title": {"text": f"tuning budget K ({noun(frame)})"}, "type": "log", "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks], "range": [-0.08, float(np.log10(largest)) + 0.08],
    }  # fmt: skip
    return {"xaxis": axis, "yaxis": _error_axis(frame, *values)}


def _error_axis(frame: pd.DataFrame, *values: pd.Series) -> dict[str, Any]:
    metric = frame["metric"].iloc[0] if "metric" in frame else "val_error"
    axis: dict[str, Any] = {"title": {"text": text(quantity(metric, frame["unit"].iloc[0]))}}
    every = np.concatenate([np.asarray(v, dtype=float) for v in values]) if values else np.array([])
    every = every[np.isfinite(every)]
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 0.0)
    if low > 0 and high / low > 8:
        ticks = plain_ticks(low * 0.9, high * 1.1)
        axis |= {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
    return axis
