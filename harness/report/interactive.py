"""The report's figures for plotly.js: from the tables of numbers to its JSON (`traces`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.cells import drawn
from harness.analysis.counting import centre, middle
from harness.analysis.names import name, quantity
from harness.report.traces import (
    DASHED,
    Figure,
    Palette,
    apart,
    band,
    budget_layout,
    error_axis,
    line,
    numbers,
    of_each,
    text,
    whiskers,
)


def confidence(frame: pd.DataFrame, palette: Palette) -> Figure:
    """The medians of one workload with their simultaneous 90% intervals: `tuning_curves.in_cells`."""
    template = (
        "<b>%{customdata[0]}</b>, K = %{customdata[4]}<br>median %{y:.4g}<br>90% interval %{customdata[1]}"
        "<extra></extra>"
    )
    traces = []
    for optimizer, rows in of_each(drawn(frame), palette):
        beside = rows.assign(budget_trials=rows["budget_trials"] * apart(optimizer, palette))
        traces += line(beside, "p50", optimizer, palette, template, _hover(optimizer, rows), size=8)
        traces += whiskers(
            beside[beside["trusted"]], ("p50", "median_low", "median_high"), optimizer, palette
        )
    vouched = drawn(frame)[drawn(frame)["trusted"]]
    ends = vouched["median_low"], vouched["median_high"]
    return {"data": traces, "layout": budget_layout(frame, "median", drawn(frame)["p50"], *ends)}


def spread(frame: pd.DataFrame, palette: Palette) -> Figure:
    """The means of one workload with the 5th to 95th percentile shaded; medians where all trials count."""
    template = (
        f"<b>%{{customdata[0]}}</b>, K = %{{x}}<br>{middle(frame)} %{{y:.4g}}"
        "<br>5–95% %{customdata[3]}<extra></extra>"
    )
    traces = []
    for optimizer, rows in of_each(drawn(frame), palette):
        finite = rows[np.isfinite(rows[["p05", "p95"]]).all(axis=1)]
        last = int(finite["band_trusted"].sum())
        known, beyond = finite.iloc[:last], finite.iloc[max(last - 1, 0) :]
        traces.append(band(known, "budget_trials", optimizer, palette, 0.15))
        edges = {"width": 1, "dash": DASHED, "color": palette.colour(optimizer, 0.5)}
        traces.append(band(beyond, "budget_trials", optimizer, palette, 0.05) | {"line": edges})
        traces += line(
            rows, centre(frame), optimizer, palette, template, _hover(optimizer, rows), size=6
        )
    columns = (drawn(frame)[column] for column in ("p95", centre(frame), "p05"))
    return {"data": traces, "layout": budget_layout(frame, middle(frame), *columns)}


def ranks(frame: pd.DataFrame, palette: Palette) -> Figure:
    """The chance of coming first against the budget, of one workload: `ranks.first_and_mean_rank`."""
    template = (
        "<b>%{customdata[0]}</b>, K = %{customdata[3]}<br>first in %{y:.0%} (%{customdata[2]})"
        "<br>expected rank %{customdata[1]}<extra></extra>"
    )
    traces = []
    for optimizer, rows in of_each(drawn(frame).dropna(subset=["first"]), palette):
        hover = [
            [
                text(name(optimizer)),
                f"{row.mean_rank:.2f}",
                f"{row.first_low:.0%} to {row.first_high:.0%}",
                f"{row.budget_trials:.0f}",
            ]
            for row in rows.itertuples()
        ]
        beside = rows.assign(
            budget_trials=rows["budget_trials"] * apart(optimizer, palette), trusted=True
        )
        traces += line(beside, "first", optimizer, palette, template, hover)
        traces += whiskers(beside, ("first", "first_low", "first_high"), optimizer, palette)
    layout = budget_layout(frame, "")
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
    for optimizer, rows in of_each(drawn(frame), palette):
        pairs = zip(rows["val_error"], rows["test_error"], strict=True)
        hover = [[text(name(optimizer)), f"{val:.4g}", f"{test:.4g}"] for val, test in pairs]
        traces += line(rows, "gap", optimizer, palette, template, hover)
    layout = budget_layout(frame, "")
    layout["yaxis"] = {
        "title": {"text": f"mean test − {quantity('val_error', frame['unit'].iloc[0])}"},
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
        for optimizer, own in of_each(rows, palette):
            traces += _error_marks(own, optimizer, palette, anchor)
        layout[f"xaxis{anchor}"] = {"type": "category", "tickangle": -35}
        columns = (rows[c] for c in ("p95", centre(rows), "p05", "median_low", "median_high"))
        axis = error_axis(frame.assign(metric=metric), middle(rows), *columns)
        whiskered = any("error_y" in trace for trace in traces if trace["yaxis"] == f"y{anchor}")
        if whiskered and centre(rows) != "p50":
            axis["title"]["text"] += "<br>(whiskers: median)"
        layout[f"yaxis{anchor}"] = axis
    return {"data": traces, "layout": layout}


def _error_marks(rows: pd.DataFrame, optimizer: str, palette: Palette, anchor: str) -> list[Figure]:
    """The one row of an optimizer."""
    row, shown = rows.iloc[0], text(name(optimizer))
    known = np.isfinite(row[["median_low", "median_high"]].astype(float)).all()
    template = (
        f"<b>{shown}</b>, K = {row['budget_trials']:.0f}<br>{middle(rows)} {row[centre(rows)]:.4g}"
        f"<br>5–95% {'' if row['band_trusted'] else 'at most '}{row['p05']:.4g} to {row['p95']:.4g}"
    )
    if known:
        template += (
            f"<br>90% interval of the median {row['median_low']:.4g} to {row['median_high']:.4g}"
        )
    same = palette.trace(optimizer, xaxis=f"x{anchor}", yaxis=f"y{anchor}")
    bar = same | {
        "x": [shown, shown], "y": numbers(row[["p05", "p95"]]), "mode": "lines", "hoverinfo": "skip",
        "line": {"color": palette.colour(optimizer, 0.35 if row["band_trusted"] else 0.16), "width": 12},
    }  # fmt: skip
    point = same | {
        "x": [shown], "y": numbers([row[centre(rows)]]), "mode": "markers",
        "hovertemplate": template + "<extra></extra>",
        "marker": {"symbol": palette.symbol(optimizer), "size": 10, "color": palette.colour(optimizer)},
    }  # fmt: skip
    if not known:
        return [bar, point]
    median = same | {
        "x": [shown], "y": numbers([row["p50"]]), "mode": "markers", "hoverinfo": "skip",
        "marker": {"symbol": "line-ew-open", "size": 8, "color": "$ink"},
        "error_y": {
            "type": "data", "symmetric": False, "array": numbers([max(row["median_high"] - row["p50"], 0)]),
            "arrayminus": numbers([max(row["p50"] - row["median_low"], 0)]), "color": "$ink", "thickness": 1.2, "width": 5,
        },
    }  # fmt: skip
    return [bar, point, median]


def learning_curves(frame: pd.DataFrame, palette: Palette) -> Figure:
    """Best trial's curve and spread, of one workload: `analysis.learning_curves`."""
    traces = []
    against = quantity(frame["against"].iloc[0])
    for optimizer, rows in of_each(drawn(frame), palette):
        traces.append(band(rows, "spent", optimizer, palette, 0.10))
        colour = palette.colour(optimizer)
        traces.append(palette.trace(
            optimizer, x=numbers(rows["spent"]), y=numbers(rows["best"]), mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"symbol": palette.symbol(optimizer), "size": 5, "color": colour},
            hovertemplate=f"<b>{text(name(optimizer))}</b>, {against} %{{x}}<br>best trial %{{y:.4g}}<extra></extra>",
        ))  # fmt: skip
    columns = (drawn(frame)[column] for column in ("p95", "best", "p05"))
    layout = {"xaxis": {"title": {"text": against}}, "yaxis": error_axis(frame, "", *columns)}
    return {"data": traces, "layout": layout}


def _hover(optimizer: str, rows: pd.DataFrame) -> list[list[str]]:
    return [
        [
            text(name(optimizer)),
            f"{row.median_low:.4g} to {row.median_high:.4g}"
            if row.trusted and np.isfinite(row.median_low)
            else "unknown beyond N/5",
            f"{row.mean:.4g}",
            f"{'' if row.band_trusted else 'at most '}{row.p05:.4g} to {row.p95:.4g}",
            f"{row.budget_trials:.0f}",
        ]
        for row in rows.itertuples()
    ]
