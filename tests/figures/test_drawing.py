"""The pictures: what is drawn, dashed, labelled and said to be missing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from harness.analysis.axis_projections import axis_projections
from harness.analysis.checking import check
from harness.analysis.counting import every_trial
from harness.analysis.failure_map import failure_map
from harness.analysis.names import NAMES
from harness.analysis.reading import Results
from harness.analysis.search_spaces import by_search_space
from harness.analysis.selected import errors
from harness.analysis.targets import steps_to_target
from harness.analysis.tuning_curves import in_cells
from harness.config import shipped
from harness.figures import (
    axis_projections as draw_axis_projections,
)
from harness.figures import (
    budget_curves,
    lines,
    search_spaces,
    selected,
    style,
)
from harness.figures import (
    failure_map as draw_failure_map,
)
from tests.analysis import made_up
from tests.analysis.made_up import DIGITS, with_spaces


@pytest.fixture(scope="module")
def results() -> Results:
    return made_up.results()


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    with style.settings():
        yield


MODERN = (
    "adagrad", "adadelta", "adamax", "adamw", "radam", "nadamw", "adafactor", "rprop", "lion", "muon",
    "soap", "shampoo", "schedule_free_sgd", "schedule_free_adamw", "prodigy", "ademamix", "sam", "lbfgs",
)  # fmt: skip


def words(figure: Figure) -> str:
    return "\n".join(
        text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))
    )


def titled(figure: Figure, title: str) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_title() == title]


def test_every_optimizer_has_one_colour_and_marker_of_its_own() -> None:
    looks = style.looks([*style.LOOKS, "sophia", "mine", "yours"])
    assert len({look.colour for look in looks.values()}) == len(looks)
    many = style.looks([*style.LOOKS, *(f"other_{number}" for number in range(60))])
    assert len(set(many.values())) == len(many)
    classical = list(style.LOOKS)[:12]
    assert len({style.LOOKS[name].marker for name in classical}) == len(classical)
    assert style.looks(["mine", "adam"])["adam"] == style.looks(["adam"])["adam"]


def test_every_shipped_optimizer_has_a_look_and_a_name() -> None:
    shipped_ones = set(shipped.names("optimizer"))
    assert sorted(set(MODERN) - set(style.LOOKS)) == []
    assert sorted(set(MODERN) - set(NAMES)) == []
    assert set(MODERN) <= shipped_ones


def test_tuning_curves_are_solid_to_a_fifth_and_dashed_beyond(results: Results) -> None:
    frame = in_cells(results.trials)
    axes = Figure().subplots()
    budget_curves.draw_confidence(axes, frame[frame["workload"] == DIGITS])
    colours = {to_hex(line.get_color()) for line in axes.lines}
    assert {
        style.LOOKS[name].colour for name in ("sgd", "momentum", "rmsprop", "adam", "nadam")
    } <= colours
    mine = [
        line
        for line in axes.lines
        if to_hex(line.get_color()) == style.LOOKS["adam"].colour and len(line.get_xdata()) > 1
    ]
    solid = next(
        line
        for line in mine
        if line.get_linestyle() == "-" and line.get_marker() == style.LOOKS["adam"].marker
    )
    dashed = next(line for line in mine if line.get_linestyle() == "--")
    assert len(solid.get_xdata()) == 4  # K = 1, 2, 4, 8 of 53 trials
    assert dashed.get_xdata()[0] == solid.get_xdata()[-1]  # joined
    assert "tuning budget K" in axes.get_xlabel()
    assert axes.get_ylabel().startswith("median validation error rate")


@pytest.mark.parametrize("trusted", [0, 2, 4])
def test_a_line_is_solid_then_dashed_and_hollow(trusted: int) -> None:
    rows = pd.DataFrame({"budget_trials": [1, 2, 4, 8], "mean": [4.0, 3.0, 2.0, 1.0]})
    axes = Figure().subplots()
    lines.line(axes, rows.assign(trusted=[True] * trusted + [False] * (4 - trusted)), "mean",
               style.LOOKS["adam"])  # fmt: skip
    solid, dashed, hollow = axes.lines
    assert solid.get_ydata().tolist() == [4.0, 3.0, 2.0, 1.0][:trusted]
    assert dashed.get_ydata().tolist() == [4.0, 3.0, 2.0, 1.0][max(trusted - 1, 0) :]  # joined
    assert hollow.get_ydata().tolist() == [4.0, 3.0, 2.0, 1.0][trusted:]
    assert (solid.get_linestyle(), dashed.get_linestyle(), hollow.get_linestyle()) == (
        "-", "--", "None",
    )  # fmt: skip
    assert hollow.get_markerfacecolor() == "white"


def test_where_every_trial_counts_medians_are_drawn_and_said(results: Results) -> None:
    trials = every_trial(results.trials)
    figure = selected.draw_errors(errors(trials))
    text = " ".join(words(figure).split())
    assert "among K trials: median (marker)" in text
    row = errors(trials).query("optimizer == 'adam' and metric == 'val_error'").iloc[0]
    drawn = [
        line for line in figure.axes[0].lines if line.get_marker() == style.LOOKS["adam"].marker
    ]
    assert [float(line.get_ydata()[0]) for line in drawn] == [row["p50"]]
    frame = in_cells(trials)
    text = " ".join(words(budget_curves.draw(frame)).split())
    assert "N = 59–60 trials per optimizer" in text
    assert "Right, spread: median (line)" in text
    spread = Figure().subplots()
    adam = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "adam")]
    assert np.isinf(adam["p95"].iloc[0])
    budget_curves.draw_spread(spread, adam, style.LOOKS["adam"])
    top = spread.collections[0].get_paths()[0].vertices[:, 1].max()
    assert top == lines.OUT_OF_SIGHT  # the band reaches the top of its panel


def test_spread_is_shaded_and_confidence_is_whiskers(results: Results) -> None:
    frame = in_cells(results.trials)
    adam = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "adam")]
    spread, confidence = Figure().subplots(1, 2)
    budget_curves.draw_spread(spread, adam, style.LOOKS["adam"])
    assert [type(c).__name__ for c in spread.collections] == ["FillBetweenPolyCollection"] * 2
    budget_curves.draw_confidence(confidence, adam)
    whiskers = confidence.containers[0]
    assert whiskers.has_yerr
    assert not any("Fill" in type(c).__name__ for c in confidence.collections)


def test_a_missing_cell_is_drawn_as_missing(results: Results) -> None:
    figure = budget_curves.draw(in_cells(results.trials), results.sampler())
    text = words(figure)
    assert "no feasible trial" in text
    assert "not run" in text
    assert "NAdam: not run" in text
    assert "Adadelta: no feasible trial" in text
    assert "random-search equivalent" in " ".join(text.split())
    assert "N = 49–54" in text.replace("\n", " ")
    figure = selected.draw_errors(errors(results.trials))
    assert words(figure).count("no feasible trial") == 2  # once a metric


def test_of_many_workloads_the_medians_have_a_panel_each(results: Results) -> None:
    one = results.trials[results.trials["workload"] == DIGITS]
    many = pd.concat([one.assign(workload=f"w{i}") for i in range(8)], ignore_index=True)
    figure = budget_curves.draw(in_cells(many))
    assert [axes.get_title() for axes in figure.axes] == [f"w{i}" for i in range(8)]
    assert "dashed beyond" in words(figure)


def test_figure_1_has_a_row_a_metric_and_a_column_a_workload(results: Results) -> None:
    frame = errors(results.trials)
    figure = selected.draw_errors(frame)
    assert len(figure.axes) == 4
    labels = [label.get_text() for label in figure.axes[2].get_xticklabels()]
    assert labels == ["SGD", "Momentum", "RMSProp", "Adam", "NAdam", "Adadelta"]
    axes = figure.axes[0]
    row = frame[
        (frame["workload"] == DIGITS)
        & (frame["metric"] == "val_error")
        & (frame["optimizer"] == "adam")
    ].iloc[0]
    points = [line for line in axes.lines if line.get_marker() == style.LOOKS["adam"].marker]
    assert [float(line.get_ydata()[0]) for line in points] == [row["mean"]]
    low, high = axes.get_ylim()
    assert low < row["p05"] < row["p95"] < high
    assert "K = 9" in axes.get_title()


def test_an_untrusted_budget_is_hollow(results: Results) -> None:
    frame = errors(results.trials)
    rows = frame[(frame["workload"] == DIGITS) & (frame["metric"] == "val_error")].assign(
        trusted=False
    )
    axes = Figure().subplots()
    selected.draw_panel(axes, rows)
    point = next(line for line in axes.lines if line.get_marker() == style.LOOKS["adam"].marker)
    assert point.get_markerfacecolor() == "white"


def test_steps_that_some_runs_never_reach_give_their_share(results: Results) -> None:
    frame = steps_to_target(results.trials, results.curves, pd.Series({DIGITS: 0.09}))
    partly = frame[(frame["workload"] == DIGITS) & frame["share_reached"].between(0.01, 0.99)]
    assert len(partly)
    text = words(selected.draw_steps(frame[frame["workload"] == DIGITS]))
    assert all(f"{share:.0%}" in text for share in partly["share_reached"])
    assert "target 0.09" in text


def test_search_spaces_have_a_column_each() -> None:
    figure = search_spaces.draw(by_search_space(with_spaces()))
    assert len(figure.axes) == 8  # two workloads, two metrics, two spaces
    assert figure.axes[0].get_title().startswith("lr only")
    assert figure.axes[1].get_title().startswith("all")
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert "not run" in words(figure)


def test_crowded_borders_are_marked() -> None:
    rate = np.geomspace(1e-3, 1e1, 50)
    trials = check(pd.DataFrame({
        "workload": "w", "optimizer": "sgd", "trial": range(50), "status": "complete",
        "val_error": 1 / (1 + rate), "hp.lr": rate, "hp.end_factor": [0.1, 0.01] * 25,
    }))  # fmt: skip
    frame = axis_projections(trials)
    figure = draw_axis_projections.draw(frame)
    lr, end = figure.axes
    shades = [to_hex(patch.get_facecolor()) for patch in lr.patches]
    assert shades.count(style.DIVERGED_COLOUR) == 1
    assert len(shades) == 2
    assert not end.patches
    assert len(end.get_xticks()) == 2
    assert lr.get_xscale() == "log"


def test_failure_map_marks_every_status(results: Results) -> None:
    frame = failure_map(results.trials, results.studies)
    figure = draw_failure_map.draw(frame[frame["workload"] == DIGITS])
    text = words(figure)
    assert "diverged" in text
    assert "failed" in text
    assert "Adadelta (0% of 60)" in text
    assert len(titled(figure, "Adadelta (0% of 60)")) == 1
