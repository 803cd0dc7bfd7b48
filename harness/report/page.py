"""The report as one HTML page: plotly.js, styles, script and data are all in it, so it opens from disk.

Tables may come from anyone, so nothing of theirs is trusted: Jinja2 escapes every value, the data
block has no ``<`` in it, and a content security policy forbids the page to load anything.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np
import pandas as pd
from matplotlib.markers import MarkerStyle

from harness import __version__
from harness.analysis import table
from harness.analysis.cells import evaluated_once
from harness.analysis.inclusion_verdicts import VIOLATED
from harness.analysis.tuning_curves import tuning_curves
from harness.figures import learning_curves, selection_bias, style
from harness.report import interactive
from harness.report.terminal import number
from harness.study.study import key_of, portable

if TYPE_CHECKING:
    from harness.report.comparison import Analysis

MOST_ROWS = 10_000  # trials in the page: 100,000 would make it 40 MB and slow to open
BUDGETS = (1, 4, 16)


def render(analysis: Analysis) -> str:
    """The page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"name": style.name, "axis": style.axis, "number": number}
    environment.globals["share"] = lambda value: "" if pd.isna(value) else f"{value:.0%}"
    trials = analysis.results.trials
    optimizers = table.optimizer_order(trials["optimizer"].unique())
    palette = interactive.Palette(optimizers)
    workloads = list(trials["workload"].unique())
    figures: dict[str, Any] = {}
    context = {
        "version": __version__,
        "workloads": workloads,
        "sections": [
            _section(analysis, place, workload, palette, figures)
            for place, workload in enumerate(workloads)
        ],
        "optimizers": [_chip(name, palette) for name in optimizers],
        "note": analysis.results.sampler(),
        "trial_count": len(trials),
        "shown_count": min(len(trials), MOST_ROWS),
        "by": style.quantity(analysis.options.selects),
        "data": _json(
            {
                "figures": figures,
                "colours": [[look.colour, on_dark(look.colour)] for look in palette.looks.values()],
                "symbols": [interactive.SYMBOLS[look.marker] for look in palette.looks.values()],
                "trials": _trials(trials, analysis.results.studies, palette),
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
    palette: interactive.Palette,
    figures: dict[str, Any],
) -> dict[str, Any]:
    """What the template shows of a workload; its figures go into ``figures`` by their id."""
    drawn = _figures(analysis, workload, palette)
    figures |= {f"w{place}-{name}": figure for name, figure in drawn.items()}
    of = {
        name: _rows(getattr(analysis, name), workload)
        for name in ("inclusions", "borders", "importance", "feasibility")
    }
    answer = next(a for a in analysis.answers if a.workload == workload)
    return {
        "id": f"w{place}",
        "workload": workload,
        "answer": answer,
        "figures": list(drawn),
        "k": _compared(analysis, workload),
        "final": _final(analysis, workload),
        "budgets": _budgets(analysis, workload),
        "violated": VIOLATED,
        **of,
    }


def _rows(frame: pd.DataFrame, workload: str) -> list[dict[str, Any]]:
    return frame[frame["workload"] == workload].to_dict("records")


def _figures(analysis: Analysis, workload: str, palette: interactive.Palette) -> dict[str, Any]:
    """The interactive figures of a workload by name; those without anything to show are left out."""
    trials, curves, _ = analysis.results
    here = trials[trials["workload"] == workload]

    def of(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["workload"] == workload]

    drawn = {"errors": interactive.errors(of(analysis.errors), palette)}
    drawn["confidence"] = interactive.confidence(of(analysis.curves), palette)
    drawn["spread"] = interactive.spread(of(analysis.curves), palette)
    drawn["ranks"] = interactive.ranks(of(analysis.ranks), palette)
    bias = selection_bias.data(here, max_budget=analysis.options.max_budget)
    drawn["bias"] = interactive.selection_bias(bias, palette)
    if curves is not None and not evaluated_once(of(curves)):
        frame = learning_curves.data(here, of(curves))
        drawn["learning"] = interactive.learning_curves(frame, palette)
    return {name: figure for name, figure in drawn.items() if figure["data"]}


def _final(analysis: Analysis, workload: str) -> list[dict[str, Any]]:
    """The rows of the outcome table: final.csv's, with the curve at a few budgets."""
    select_by = analysis.options.selects
    trials = analysis.results.trials
    here = trials[trials["workload"] == workload]
    budgets = _budgets(analysis, workload)
    curves = tuning_curves(here, select_by, select_by, budgets=budgets)
    cells = analysis.errors[
        (analysis.errors["workload"] == workload)
        & (analysis.errors["metric"] == analysis.errors["metric"].iloc[0])
    ].set_index("optimizer")
    tests = analysis.errors[
        (analysis.errors["workload"] == workload) & (analysis.errors["metric"] == "test_error")
    ].set_index("optimizer")
    rows = []
    for row in _rows(analysis.final, workload):
        own = curves[curves["optimizer"] == row["optimizer"]].set_index("budget_trials")
        row["at"] = [own.loc[k].to_dict() if k in own.index else None for k in budgets]
        row["compared"] = cells.loc[row["optimizer"]].to_dict()
        row["test"] = tests.loc[row["optimizer"]].to_dict()
        rows.append(row)
    return rows


def _budgets(analysis: Analysis, workload: str) -> list[int]:
    """The columns of the outcome table: the budget compared at among 1, 4 and 16."""
    most = analysis.options.max_budget
    compared = _compared(analysis, workload) or 1
    return [k for k in sorted({*BUDGETS, compared}) if most is None or k <= most]


def _compared(analysis: Analysis, workload: str) -> int:
    """The budget that the optimizers are compared at, 0 where none has a feasible trial."""
    return int(analysis.errors[analysis.errors["workload"] == workload]["budget_trials"].max())


def _chip(optimizer: str, palette: interactive.Palette) -> dict[str, Any]:
    """An optimizer's switch: its number, name and marker."""
    look = palette.looks[optimizer]
    return {
        "index": palette.index[optimizer],
        "name": style.name(optimizer),
        "path": marker_path(look.marker),
        "light": look.colour,
        "dark": on_dark(look.colour),
    }


def marker_path(marker: str) -> str:
    """A matplotlib marker as the ``d`` of an SVG path in a box from -1 to 1."""
    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
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


def _trials(
    trials: pd.DataFrame, studies: Mapping[str, Mapping[str, Any]], palette: interactive.Palette
) -> dict[str, Any]:
    """The table of all trials, column by column, names as indices: what the page's script reads."""
    shown = _best(trials)
    hyperparameters = table.hyperparameter_columns(trials)
    values = [
        name
        for name in (
            "val_error",
            "test_error",
            "train_loss",
            "steps",
            "train_seconds",
            *hyperparameters,
        )
        if trials[name].notna().any()
    ]
    workloads = list(trials["workload"].unique())
    commands = {name: command(studies[name]) for name in shown["study"].unique() if name in studies}
    fingerprints = list(shown["study"].unique())
    return {
        "workloads": workloads,
        "optimizers": [style.name(name) for name in palette.index],
        "statuses": list(table.STATUSES),
        "studies": fingerprints,
        "commands": [commands.get(name) for name in fingerprints],
        "values": values,
        "labels": [_label(name) for name in values],
        "workload": [workloads.index(name) for name in shown["workload"]],
        "optimizer": [palette.index[name] for name in shown["optimizer"]],
        "status": [table.STATUSES.index(name) for name in shown["status"]],
        "study": [fingerprints.index(name) for name in shown["study"]],
        "trial": shown["trial"].tolist(),
        "columns": [_column(shown[name]) for name in values],
    }


def _label(column: str) -> str:
    return style.axis(column) if column.startswith("hp.") else style.quantity(column)


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


def command(study: Mapping[str, Any]) -> str | None:
    """The command that runs a trial of the study again, but for its index; None where not known."""
    words = study.get("overrides")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    kept = portable(words)
    names = [key_of(word) for word in kept]
    if "experiment" not in names:
        given = {"workload": study["workload"]["name"], "optimizer": study["optimizer"]["name"]}
        kept = [f"{key}={value}" for key, value in given.items() if key not in names] + kept
    # An experiment may ask for feasible trials and for a report: not here.
    more = ["num_feasible=null", "max_trials=null", "report=null"] if "experiment" in names else []
    return shlex.join(["python", "-m", "harness", *kept, *more, "root=reproduced", "num_trials=1"])
