"""The report's figures for plotly.js: from the same tidy tables to its JSON, as plain dicts.

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

from harness.figures import style

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

    def marker(self, optimizer: str, **more: Any) -> dict[str, Any]:
        symbol = SYMBOLS[self.looks[optimizer].marker]
        return {"symbol": symbol, "size": 8, "color": self.colour(optimizer), **more}

    def meta(self, optimizer: str) -> int:
        return self.index[optimizer]


def text(value: object) -> str:
    """A name as plotly.js shows it literally."""
    return html.escape(str(value))


def confidence(frame: pd.DataFrame, palette: Palette) -> Figure:
    """The medians of one workload with their 90% intervals, `budget_curves.data`'s rows."""
    traces = []
    drawn = frame[frame["missing"] == ""]
    for optimizer, rows in _groups(drawn, palette):
        names = _hover(optimizer, rows)
        apart = 2 ** (0.3 * ((palette.meta(optimizer) + 0.5) / len(palette.index) - 0.5))
        rows = rows.assign(budget_trials=rows["budget_trials"] * apart)  # whiskers side by side
        solid, beyond = _split(rows)
        known = solid[np.isfinite(solid[["median_low", "median_high"]]).all(axis=1)]
        bars = {
            "type": "data", "symmetric": False, "thickness": 1.3, "width": 4,
            "array": _list(known["median_high"] - known["p50"]),
            "arrayminus": _list(known["p50"] - known["median_low"]),
        }  # fmt: skip
        template = (
            "<b>%{customdata[0]}</b>, K = %{customdata[4]}<br>median %{y:.4g}<br>90% interval %{customdata[1]}"
            "<br>mean %{customdata[2]}, 5–95% %{customdata[3]}<extra></extra>"
        )
        same = {
            "type": "scatter",
            "name": text(style.name(optimizer)),
            "meta": palette.meta(optimizer),
        }
        same |= {"hovertemplate": template, "showlegend": False}
        line = {"color": palette.colour(optimizer), "width": 2}
        traces.append(same | _xy(known if len(known) == len(solid) else solid, "p50") | {
            "mode": "lines+markers", "line": line, "marker": palette.marker(optimizer),
            "customdata": names[: len(solid)],
            **({"error_y": bars} if len(known) == len(solid) and len(solid) else {}),
        })  # fmt: skip
        traces.append(same | _xy(beyond, "p50") | {
            "mode": "lines+markers", "line": line | {"dash": DASHED},
            "marker": palette.marker(optimizer, symbol=SYMBOLS[palette.looks[optimizer].marker] + "-open"),
            "customdata": names[max(len(solid) - 1, 0) :],
        })  # fmt: skip
    vouched = drawn[drawn["trusted"]]
    ends = vouched["median_low"], vouched["median_high"]
    return {"data": traces, "layout": _budget_layout(frame, drawn["p50"], *ends)}


def spread(frame: pd.DataFrame, palette: Palette) -> Figure:
    """The means of one workload with the 5th to 95th percentile shaded."""
    traces = []
    drawn = frame[frame["missing"] == ""]
    template = "<b>%{customdata[0]}</b>, K = %{x}<br>mean %{y:.4g}<br>5–95% %{customdata[3]}<extra></extra>"
    for optimizer, rows in _groups(drawn, palette):
        names, same = (
            _hover(optimizer, rows),
            {"meta": palette.meta(optimizer), "type": "scatter", "showlegend": False},
        )
        same["name"] = text(style.name(optimizer))
        finite = rows[np.isfinite(rows[["p05", "p95"]]).all(axis=1)]
        traces.append(same | {
            "x": _list(finite["budget_trials"]) + _list(finite["budget_trials"][::-1]),
            "y": _list(finite["p95"]) + _list(finite["p05"][::-1]), "mode": "lines", "fill": "toself",
            "line": {"width": 0}, "fillcolor": palette.colour(optimizer, 0.13), "hoverinfo": "skip",
        })  # fmt: skip
        solid, beyond = _split(rows)
        line = {"color": palette.colour(optimizer), "width": 2}
        for part, dash, start in ((solid, "solid", 0), (beyond, DASHED, max(len(solid) - 1, 0))):
            traces.append(same | _xy(part, "mean") | {
                "mode": "lines+markers", "line": line | {"dash": dash}, "hovertemplate": template,
                "marker": palette.marker(optimizer, size=6), "customdata": names[start : start + len(part)],
            })  # fmt: skip
    return {
        "data": traces,
        "layout": _budget_layout(frame, drawn["mean"], drawn["p05"], drawn["p95"]),
    }


def ranks(frame: pd.DataFrame, palette: Palette) -> Figure:
    """The chance of coming first against the budget, `rank_probability.data`'s rows of one workload."""
    drawn = frame[frame["missing"] == ""].dropna(subset=["first"])
    template = "<b>%{customdata[0]}</b>, K = %{x}<br>first in %{y:.0%}<br>expected rank %{customdata[1]}<extra></extra>"
    extra = {
        o: [[text(style.name(o)), f"{rank:.2f}"] for rank in rows["mean_rank"]]
        for o, rows in _groups(drawn, palette)
    }
    layout = _budget_layout(frame)
    layout["yaxis"] = {
        "title": {"text": "P(best of all)"},
        "range": [-0.03, 1.03],
        "tickformat": ".0%",
    }
    return {"data": _lines(drawn, "first", palette, template, extra), "layout": layout}


def selection_bias(frame: pd.DataFrame, palette: Palette) -> Figure:
    """Test less validation error of the selected trial, `selection_bias.data`'s rows of one workload."""
    drawn = frame[frame["missing"] == ""]
    template = (
        "<b>%{customdata[0]}</b>, K = %{x}<br>test − validation %{y:.4g}<br>validation %{customdata[1]},"
        " test %{customdata[2]}<extra></extra>"
    )
    extra = {
        o: [
            [text(style.name(o)), f"{v:.4g}", f"{t:.4g}"]
            for v, t in zip(rows["val_error"], rows["test_error"], strict=True)
        ]
        for o, rows in _groups(drawn, palette)
    }
    layout = _budget_layout(frame)
    layout["yaxis"] = {
        "title": {"text": "test − validation error"},
        "zeroline": True,
        "rangemode": "tozero",
    }
    return {"data": _lines(drawn, "gap", palette, template, extra), "layout": layout}


def errors(frame: pd.DataFrame, palette: Palette) -> Figure:
    """Figure 1 of one workload: a marker, a bar of spread and an interval for each optimizer and metric."""
    metrics = list(frame["metric"].unique())
    traces, drawn = [], frame[frame["missing"] == ""]
    for place, metric in enumerate(metrics):
        anchor = "" if place == 0 else str(place + 1)
        for optimizer, rows in _groups(drawn[drawn["metric"] == metric], palette):
            row = rows.iloc[0]
            traces += _error_marks(row, text(style.name(optimizer)), optimizer, palette, anchor)
    unit = frame["unit"].iloc[0]
    layout: dict[str, Any] = {
        "barmode": "overlay",
        "xaxis": {"title": {"text": ""}, "type": "category"},
    }
    layout["grid"] = {"rows": 1, "columns": len(metrics), "pattern": "independent", "xgap": 0.22}
    for place, metric in enumerate(metrics):
        anchor = "" if place == 0 else str(place + 1)
        layout[f"xaxis{anchor}"] = {"type": "category", "tickangle": -35}
        layout[f"yaxis{anchor}"] = {"title": {"text": style.quantity(metric, unit)}}
    return {"data": traces, "layout": layout}


def _error_marks(
    row: pd.Series, name: str, optimizer: str, palette: Palette, anchor: str
) -> list[Figure]:
    same = {"type": "scatter", "meta": palette.meta(optimizer), "name": name, "showlegend": False}
    same |= {"xaxis": f"x{anchor}", "yaxis": f"y{anchor}"}
    template = (
        f"<b>{name}</b>, K = {row['budget_trials']:.0f}<br>mean {row['mean']:.4g}"
        f"<br>5–95% {row['p05']:.4g} to {row['p95']:.4g}"
    )
    if np.isfinite(row["median_low"]) and np.isfinite(row["median_high"]):
        template += (
            f"<br>90% interval of the median {row['median_low']:.4g} to {row['median_high']:.4g}"
        )
    bar = same | {
        "x": [name, name], "y": _list(row[["p05", "p95"]]), "mode": "lines", "hoverinfo": "skip",
        "line": {"color": palette.colour(optimizer, 0.35), "width": 12},
    }  # fmt: skip
    point = same | {
        "x": [name], "y": _list([row["mean"]]), "mode": "markers", "hovertemplate": template + "<extra></extra>",
        "marker": palette.marker(optimizer, size=10),
    }  # fmt: skip
    if not (np.isfinite(row["median_low"]) and np.isfinite(row["median_high"])):
        return [bar, point]
    median = same | {
        "x": [name], "y": _list([row["p50"]]), "mode": "markers", "hoverinfo": "skip",
        "marker": {"symbol": "line-ew-open", "size": 8, "color": "$ink"},
        "error_y": {
            "type": "data", "symmetric": False, "array": [max(row["median_high"] - row["p50"], 0)],
            "arrayminus": [max(row["p50"] - row["median_low"], 0)], "color": "$ink", "thickness": 1.2, "width": 5,
        },
    }  # fmt: skip
    return [bar, point, median]


def learning_curves(frame: pd.DataFrame, palette: Palette) -> Figure:
    """Best trial's curve and spread, `learning_curves.data`'s rows of one workload."""
    traces = []
    drawn = frame[frame["missing"] == ""]
    for optimizer, rows in _groups(drawn, palette):
        same = {
            "meta": palette.meta(optimizer),
            "type": "scatter",
            "showlegend": False,
            "name": text(style.name(optimizer)),
        }
        steps = _list(rows["step"])
        traces.append(same | {
            "x": steps + steps[::-1], "y": _list(rows["p95"]) + _list(rows["p05"][::-1]), "mode": "lines",
            "fill": "toself", "line": {"width": 0}, "fillcolor": palette.colour(optimizer, 0.10), "hoverinfo": "skip",
        })  # fmt: skip
        traces.append(same | {
            "x": steps, "y": _list(rows["best"]), "mode": "lines+markers", "line": {"color": palette.colour(optimizer), "width": 2},
            "marker": palette.marker(optimizer, size=5),
            "hovertemplate": f"<b>{text(style.name(optimizer))}</b>, step %{{x}}<br>best trial %{{y:.4g}}<extra></extra>",
        })  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": "step"}},
        "yaxis": _error_axis(frame, drawn["best"], drawn["p05"], drawn["p95"]),
    }
    return {"data": traces, "layout": layout}


# --- parts ----------------------------------------------------------------------------------------


def _groups(frame: pd.DataFrame, palette: Palette) -> list[tuple[str, pd.DataFrame]]:
    return [
        (optimizer, frame[frame["optimizer"] == optimizer])
        for optimizer in palette.index
        if (frame["optimizer"] == optimizer).any()
    ]


def _split(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The trusted part, and the rest joined to it."""
    last = int(rows["trusted"].sum())
    return rows.iloc[:last], rows.iloc[max(last - 1, 0) :] if last < len(rows) else rows.iloc[:0]


def _lines(
    drawn: pd.DataFrame,
    column: str,
    palette: Palette,
    template: str,
    extra: dict[str, list[list[str]]],
) -> list[Figure]:
    traces = []
    for optimizer, rows in _groups(drawn, palette):
        solid, beyond = _split(rows)
        for part, dash, start in ((solid, "solid", 0), (beyond, DASHED, max(len(solid) - 1, 0))):
            traces.append(_xy(part, column) | {
                "type": "scatter", "mode": "lines+markers", "meta": palette.meta(optimizer), "showlegend": False,
                "name": text(style.name(optimizer)), "line": {"color": palette.colour(optimizer), "width": 2, "dash": dash},
                "marker": palette.marker(optimizer, size=7), "hovertemplate": template,
                "customdata": extra[optimizer][start : start + len(part)],
            })  # fmt: skip
    return traces


def _xy(rows: pd.DataFrame, column: str) -> dict[str, Any]:
    return {"x": _list(rows["budget_trials"]), "y": _list(rows[column])}


def _hover(optimizer: str, rows: pd.DataFrame) -> list[list[str]]:
    name = text(style.name(optimizer))
    return [
        [
            name,
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
        "title": {"text": "tuning budget K (feasible trials)"}, "type": "log", "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks], "range": [-0.08, float(np.log10(largest)) + 0.08],
    }  # fmt: skip
    return {"xaxis": axis, "yaxis": _error_axis(frame, *values)}


def _error_axis(frame: pd.DataFrame, *values: pd.Series) -> dict[str, Any]:
    metric = frame["metric"].iloc[0] if "metric" in frame else "val_error"
    axis: dict[str, Any] = {"title": {"text": text(style.quantity(metric, frame["unit"].iloc[0]))}}
    every = np.concatenate([np.asarray(v, dtype=float) for v in values]) if values else np.array([])
    every = every[np.isfinite(every)]
    if len(every) and every.min() > 0 and every.max() / every.min() > 8:
        ticks = style.plain_ticks(every.min() * 0.9, every.max() * 1.1)
        axis |= {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
    return axis
