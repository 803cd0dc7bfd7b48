"""The report as one HTML page: plotly.js, styles, script and data are all in it, so it opens from disk.

Tables may come from anyone, so nothing of theirs is trusted: Jinja2 escapes every value, the data
block has no ``<`` in it, and a content security policy forbids the page to load anything.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from matplotlib.markers import MarkerStyle

from harness import __version__
from harness.analysis import across_spaces
from harness.analysis.borders import WEIGHED
from harness.analysis.cells import drawn
from harness.analysis.checking import TABLE_STATUSES, hyperparameter_columns
from harness.analysis.counting import centre, middle, noun
from harness.analysis.inclusion_verdicts import CONSISTENT, VIOLATED
from harness.analysis.names import name, number, optimizer_order, quantity
from harness.analysis.pairs import BETTER, WORSE, judged
from harness.analysis.reading import Results
from harness.analysis.space_check import TOLD
from harness.report import confirmed, interactive, own_curves, traces
from harness.report.comparison import Analysis
from harness.report.races import end, share
from harness.report.spaces import table_cells
from harness.study.parametrisation import label
from harness.study.study import Study, key_of, portable

EXACT = 2**53  # whole numbers under it are JavaScript's too
MOST_ROWS = 10_000  # trials in the page: 100,000 would make it 40 MB and slow to open


def render(analysis: Analysis) -> str:
    """The page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"name": name, "axis": label, "number": number}
    environment.globals["share"] = lambda value: "" if pd.isna(value) else f"{value:.0%}"
    environment.globals["again"] = confirmed
    environment.globals |= {"races": share, "end": end, "found_by": TOLD, "weighed": WEIGHED}
    environment.globals["marks"] = {
        VIOLATED: "bad",
        CONSISTENT: "good",
        WORSE: "bad",
        BETTER: "good",
    }
    trials = analysis.results.trials
    optimizers = optimizer_order(trials["optimizer"].unique())
    palette = traces.Palette(optimizers)
    workloads = list(trials["workload"].unique())
    figures: dict[str, Any] = {}
    context = {
        "version": __version__,
        "workloads": workloads,
        "sections": [
            _section(analysis, place, workload, palette, figures)
            for place, workload in enumerate(workloads)
        ],
        "optimizers": [_chip(optimizer, palette) for optimizer in optimizers],
        "note": analysis.results.sampler(),
        "counted": noun(trials),
        "every": analysis.question.count_infeasible,
        "bands": analysis.question.bands,
        "centre": centre(trials),
        "middle": middle(trials),
        "statuses": TABLE_STATUSES,
        "trial_count": len(trials),
        "shown_count": min(len(trials), MOST_ROWS),
        "by": " / ".join(dict.fromkeys(map(analysis.measured, workloads))),
        "data": _json(
            {
                "figures": figures,
                "colours": [[look.colour, on_dark(look.colour)] for look in palette.looks.values()],
                "symbols": [traces.SYMBOLS[look.marker] for look in palette.looks.values()],
                "trials": _trials(_best(trials), analysis.results, palette),
            }
        ),
        "plotly": jinja2.utils.markupsafe.Markup(_plotly()),
    }
    return environment.get_template("report.html.j2").render(context)


def _plotly() -> str:
    from plotly.offline import get_plotlyjs  # imported here: half a second, for the page alone

    return get_plotlyjs().replace("</script", "<\\/script")


def _json(data: Any) -> Any:
    """JSON that can stand in a script element: no ``<`` and no line separators."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return jinja2.utils.markupsafe.Markup(text)


# --- one workload -----------------------------------------------------------------------------------


def _section(
    analysis: Analysis,
    place: int,
    workload: str,
    palette: traces.Palette,
    figures: dict[str, Any],
) -> dict[str, Any]:
    """What the template shows of a workload; its figures go into ``figures`` by their id."""
    drawn = _figures(analysis, workload, palette)
    figures |= {f"w{place}-{name}": figure for name, figure in drawn.items()}
    of = {
        table: _rows(getattr(analysis, table), workload)
        for table in ("inclusions", "borders", "importance", "feasibility", "spaces")
    }
    answer = next(a for a in analysis.answers if a.workload == workload)
    again = analysis.confirmed
    return {
        "id": f"w{place}",
        "workload": workload,
        "answer": answer,
        "figures": list(drawn),
        "k": analysis.compared_at(workload),
        "by": analysis.measured(workload),
        "val": analysis.measured(workload, "val_error"),
        "test": analysis.measured(workload, "test_error"),
        "final": _final(analysis, workload),
        "budgets": analysis.shown(workload),
        "pairs": judged(analysis.pairs[analysis.pairs["workload"] == workload]).to_dict("records"),
        "across": _across(analysis, workload),
        "confirmed": list(confirmed.cells(again[again["workload"] == workload])),
        **of,
    }


def _across(analysis: Analysis, workload: str) -> dict[str, Any] | None:
    """The same on other search spaces, where those are given."""
    across = analysis.across
    if across is None:
        return None
    errors = across.errors[across.errors["workload"] == workload]
    return {
        "spaces": across.spaces,
        "k": int(errors["budget_trials"].max()),
        "rows": list(table_cells(across, workload)),
        "sentences": across_spaces.sentences(across, workload),
    }


def _rows(frame: pd.DataFrame, workload: str) -> list[dict[str, Any]]:
    return frame[frame["workload"] == workload].to_dict("records")


def _figures(analysis: Analysis, workload: str, palette: traces.Palette) -> dict[str, Any]:
    """The interactive figures of a workload by name; those without anything to show are left out."""
    tables = {
        "errors": (interactive.errors, analysis.errors),
        "confidence": (interactive.confidence, analysis.curves),
        "spread": (interactive.spread, analysis.curves),
        "ranks": (interactive.ranks, analysis.ranks),
        "bias": (interactive.selection_bias, analysis.bias),
        "learning": (interactive.learning_curves, analysis.learning),
    }
    own = {
        kind: (draw, frame[frame["workload"] == workload]) for kind, (draw, frame) in tables.items()
    }
    drawn = {kind: draw(frame, palette) for kind, (draw, frame) in own.items() if len(frame)}
    return {kind: figure for kind, figure in drawn.items() if figure["data"]}


def _final(analysis: Analysis, workload: str) -> list[dict[str, Any]]:
    """The rows of the outcome table: final.csv's, with the curve at a few budgets."""
    errors, curves = (
        t[t["workload"] == workload] for t in (analysis.errors, drawn(analysis.outcome))
    )
    selects, tests = (
        errors[errors["metric"] == metric].set_index("optimizer")
        for metric in (errors["metric"].iloc[0], "test_error")
    )
    rows = []
    for row in _rows(analysis.final, workload):
        optimizer = row["optimizer"]
        own = curves[curves["optimizer"] == optimizer].set_index("budget_trials")
        budgets = analysis.shown(workload)
        row["at"] = [own.loc[k].to_dict() if k in own.index else None for k in budgets]
        row["compared"] = selects.loc[optimizer].to_dict()
        row["test"] = tests.loc[optimizer].to_dict()
        rows.append(row)
    return rows


def _chip(optimizer: str, palette: traces.Palette) -> dict[str, Any]:
    """An optimizer's switch: its number, name and marker."""
    look = palette.looks[optimizer]
    return {
        "index": palette.index[optimizer],
        "name": name(optimizer),
        "path": marker_path(look.marker),
        "light": look.colour,
        "dark": on_dark(look.colour),
    }


def marker_path(marker: str) -> str:
    """A matplotlib marker as the ``d`` of an SVG path in a box from -1 to 1."""
    drawn = MarkerStyle(marker)
    path = drawn.get_path().transformed(drawn.get_transform())
    polygons = [np.asarray(polygon) for polygon in path.to_polygons()]
    size = max(np.abs(polygon).max() for polygon in polygons)
    parts = []
    for polygon in polygons:
        points = [f"{x / size:.3g},{-y / size:.3g}" for x, y in polygon[:-1]]
        parts.append(f"M{' L'.join(points)}Z")
    return " ".join(parts)


def on_dark(colour: str) -> str:
    """A colour bright enough on a dark page: mixed with white until it is.

    >>> on_dark("#332288"), on_dark("#e69f00")
    ('#857bb8', '#e69f00')
    """
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    while rgb @ [0.2126, 0.7152, 0.0722] < 0.5:
        rgb = rgb + (1 - rgb) * 0.05
    return "#" + "".join(f"{round(float(c) * 255):02x}" for c in rgb)


# --- all trials -------------------------------------------------------------------------------------


def _trials(shown: pd.DataFrame, results: Results, palette: traces.Palette) -> dict[str, Any]:
    """The table of these trials, column by column, names as indices: what the page's script reads."""
    trials, studies = results.trials, results.studies
    first = ("val_error", "test_error", "train_loss", "steps", "train_seconds")
    values = [
        column
        for column in (*first, *hyperparameter_columns(trials))
        if trials[column].notna().any()
    ]
    workloads = list(trials["workload"].unique())
    fingerprints = list(shown["study"].unique())
    return {
        "workloads": workloads,
        "optimizers": [name(optimizer) for optimizer in palette.index],
        "statuses": list(TABLE_STATUSES),
        "studies": fingerprints,
        "commands": [command(studies[each]) if each in studies else None for each in fingerprints],
        "values": values,
        "labels": [_label(column, _unit(trials)) for column in values],
        "workload": [workloads.index(each) for each in shown["workload"]],
        "optimizer": [palette.index[each] for each in shown["optimizer"]],
        "status": [TABLE_STATUSES.index(each) for each in shown["status"]],
        "study": [fingerprints.index(each) for each in shown["study"]],
        "trial": [t if abs(t) < EXACT else str(t) for t in shown["trial"].tolist()],
        "columns": [_column(shown[column]) for column in values],
        "curves": own_curves.of(shown, results.curves, _unit(trials)),
    }


def _label(column: str, unit: str) -> str:
    return label(column) if column.startswith("hp.") else quantity(column, unit)


def _unit(trials: pd.DataFrame) -> str:
    """What the errors of all workloads are, where that is one thing."""
    units = trials["metric"].fillna("").unique() if "metric" in trials else [""]
    return str(units[0]) if len(units) == 1 else ""


def _column(values: pd.Series) -> list[Any]:
    """Numbers to six digits, names as they are, null for nothing."""
    if not pd.api.types.is_numeric_dtype(values):
        return [None if pd.isna(value) else str(value) for value in values]
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values.astype(float)]


def _best(trials: pd.DataFrame) -> pd.DataFrame:
    """All rows, or of a table too long for a page the best of every workload and optimizer."""
    if len(trials) <= MOST_ROWS:
        return trials
    groups = trials.groupby(["workload", "optimizer"], sort=False)
    rank = groups["val_error"].rank(method="first", na_option="bottom")
    return trials[rank <= max(1, MOST_ROWS // groups.ngroups)]


def command(study: Study) -> str:
    """The command that runs a trial of the study again, but for its index."""
    kept = portable(study.overrides)
    keys = [key_of(word) for word in kept]
    if "experiment" not in keys:
        given = {"workload": study.workload, "optimizer": study.optimizer}
        kept = [f"{key}={value}" for key, value in given.items() if key not in keys] + kept
    # An experiment may ask for feasible trials and for a report: not here.
    more = ["num_feasible=null", "max_trials=null", "report=null"] if "experiment" in keys else []
    return shlex.join(["harness", *kept, *more, "root=reproduced", "num_trials=1"])
