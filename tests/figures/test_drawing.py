"""The pictures: what is drawn, dashed, labelled and said to be missing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from harness.analysis import table
from harness.analysis.results import Results
from harness.figures import (
    axis_projections,
    budget_curves,
    catalogue,
    failure_map,
    search_spaces,
    selected,
    style,
)
from tests.figures import made_up
from tests.figures.test_numbers import DIGITS, with_spaces


@pytest.fixture(scope="module")
def results() -> Results:
    return made_up.results()


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    with style.settings():
        yield


def words(figure: Figure) -> str:
    return "\n".join(
        text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))
    )


def titled(figure: Figure, title: str) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_title() == title]


def test_every_optimizer_has_one_colour_and_marker_of_its_own() -> None:
    looks = style.looks([*style.LOOKS, "lion", "muon", "shampoo", "sophia"])
    assert len({look.colour for look in looks.values()}) == len(looks)
    assert len({(look.colour, look.marker) for look in looks.values()}) == len(looks)
    assert len({style.LOOKS[name].marker for name in style.LOOKS}) == len(style.LOOKS)
    assert style.looks(["lion", "adam"])["adam"] == style.looks(["adam"])["adam"]


def test_tuning_curves_are_solid_to_a_fifth_and_dashed_beyond(results: Results) -> None:
    frame = budget_curves.data(results.trials)
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
    assert axes.get_ylabel().startswith("validation error rate")


def test_spread_is_shaded_and_confidence_is_whiskers(results: Results) -> None:
    frame = budget_curves.data(results.trials)
    adam = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "adam")]
    spread, confidence = Figure().subplots(1, 2)
    budget_curves.draw_spread(spread, adam, style.LOOKS["adam"])
    assert [type(c).__name__ for c in spread.collections] == ["FillBetweenPolyCollection"] * 2
    budget_curves.draw_confidence(confidence, adam)
    whiskers = confidence.containers[0]
    assert whiskers.has_yerr
    assert not any("Fill" in type(c).__name__ for c in confidence.collections)


def test_a_missing_cell_is_drawn_as_missing(results: Results) -> None:
    figure = budget_curves.draw(budget_curves.data(results.trials), results.sampler())
    text = words(figure)
    assert "no feasible trial" in text
    assert "not run" in text
    assert "NAdam: not run" in text
    assert "Adadelta: no feasible trial" in text
    assert "random-search equivalent" in " ".join(text.split())
    assert "N = 49–54" in text.replace("\n", " ")
    figure = selected.draw_errors(selected.errors(results.trials))
    assert words(figure).count("no feasible trial") == 2  # once a metric


def test_of_many_workloads_the_medians_have_a_panel_each(results: Results) -> None:
    one = results.trials[results.trials["workload"] == DIGITS]
    many = pd.concat([one.assign(workload=f"w{i}") for i in range(8)], ignore_index=True)
    figure = budget_curves.draw(budget_curves.data(many))
    assert [axes.get_title() for axes in figure.axes] == [f"w{i}" for i in range(8)]
    assert "dashed beyond" in words(figure)


def test_figure_1_has_a_row_a_metric_and_a_column_a_workload(results: Results) -> None:
    frame = selected.errors(results.trials)
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
    frame = selected.errors(results.trials)
    rows = frame[(frame["workload"] == DIGITS) & (frame["metric"] == "val_error")].assign(
        trusted=False
    )
    axes = Figure().subplots()
    selected.draw_panel(axes, rows)
    point = next(line for line in axes.lines if line.get_marker() == style.LOOKS["adam"].marker)
    assert point.get_markerfacecolor() == "white"


def test_steps_that_some_runs_never_reach_give_their_share(results: Results) -> None:
    frame = selected.steps_to_target(results.trials, results.curves, pd.Series({DIGITS: 0.09}))
    partly = frame[(frame["workload"] == DIGITS) & frame["share_reached"].between(0.01, 0.99)]
    assert len(partly)
    text = words(selected.draw_steps(frame[frame["workload"] == DIGITS]))
    assert all(f"{share:.0%}" in text for share in partly["share_reached"])
    assert "target 0.09" in text


def test_search_spaces_have_a_column_each() -> None:
    figure = search_spaces.draw(search_spaces.data(with_spaces()))
    assert len(figure.axes) == 8  # two workloads, two metrics, two spaces
    assert figure.axes[0].get_title().startswith("lr only")
    assert figure.axes[1].get_title().startswith("all")
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert "not run" in words(figure)


def test_crowded_borders_are_marked() -> None:
    rate = np.geomspace(1e-3, 1e1, 50)
    trials = table.check(pd.DataFrame({
        "workload": "w", "optimizer": "sgd", "trial": range(50), "status": "complete",
        "val_error": 1 / (1 + rate), "hp.lr": rate, "hp.end_factor": [0.1, 0.01] * 25,
    }))  # fmt: skip
    frame = axis_projections.data(trials)
    figure = axis_projections.draw(frame)
    lr, end = figure.axes
    shades = [to_hex(patch.get_facecolor()) for patch in lr.patches]
    assert shades.count(style.DIVERGED_COLOUR) == 1
    assert len(shades) == 2
    assert not end.patches
    assert len(end.get_xticks()) == 2
    assert lr.get_xscale() == "log"


def test_failure_map_marks_every_status(results: Results) -> None:
    frame = failure_map.data(results.trials, results.studies)
    figure = failure_map.draw(frame[frame["workload"] == DIGITS])
    text = words(figure)
    assert "diverged" in text
    assert "failed" in text
    assert "Adadelta (0% of 60)" in text
    assert len(titled(figure, "Adadelta (0% of 60)")) == 1


def test_names_that_are_long_or_look_like_mathematics_are_drawn_as_they_are(tmp_path) -> None:
    odd = table.check(pd.DataFrame({
        "workload": "$\\frac{$ <b> " + "very long " * 10, "optimizer": ["$x_{", "torch.optim.AdamW" * 4],
        "trial": 0, "status": "complete", "val_error": [0.0, 0.5],
    }))  # fmt: skip
    drawn = catalogue.save("odd", budget_curves.data(odd), budget_curves.draw, tmp_path, "")
    assert all(path.stat().st_size > 1000 for path in drawn.paths if path.suffix != ".csv")


def test_the_whole_set_is_drawn_with_its_numbers_beside_it(results: Results, tmp_path) -> None:
    one = results.trials[results.trials["workload"] == DIGITS]
    small = results._replace(
        trials=one[one["optimizer"].isin(("sgd", "momentum"))].reset_index(drop=True)
    )
    drawn = list(catalogue.draw_all(small, tmp_path))
    assert {each.name for each in drawn if not each.reason} == {
        "figure_1_errors", "figure_2_steps_to_target", "figure_5_axes_made-up_digits",
        "figure_6_tuning_curves", "figure_9_by_training_loss",
        "figure_10_targets_and_budgets_made-up_digits", "rank_probability", "inclusion_probability",
        "failure_map_made-up_digits", "selection_bias", "learning_curves", "slices_made-up_digits",
    }  # fmt: skip
    for each in drawn:
        assert [path.suffix for path in each.paths] == [".csv", ".png", ".svg"]
        assert len(pd.read_csv(each.paths[0]))


def entry(name: str) -> catalogue.Entry:
    return next(entry for entry in catalogue.CATALOGUE if entry.name == name)


def test_tuning_curves_of_the_steps_to_a_target_are_drawn(
    results: Results, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "CATALOGUE", (entry("figure_6_tuning_curves"),))
    options = catalogue.Options("steps_to_target", target=0.2)
    (drawn,) = catalogue.draw_all(results, tmp_path, options)
    assert drawn.reason == ""
    frame = pd.read_csv(drawn.paths[0])
    assert set(frame["metric"]) == {"steps_to_target"}
    assert frame["share_reached"].dropna().between(0, 1 + 1e-9).all()


def test_what_selects_is_asked_for_and_named(
    results: Results, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = -results.trials["val_error"]  # the worst first
    other = results._replace(trials=results.trials.assign(train_loss=loss))
    by_loss = results._replace(trials=results.trials.assign(val_error=loss))
    options = catalogue.Options(select_by="train_loss")
    for name in ("rank_probability", "inclusion_probability"):
        drawn = entry(name).data(other, options)
        pd.testing.assert_frame_equal(drawn, entry(name).data(by_loss, catalogue.Options()))
    notes: list[str] = []
    monkeypatch.setattr(catalogue, "save", lambda *given: notes.append(given[4]))
    for name in ("rank_probability", "figure_1_errors"):
        list(catalogue.draw_entry(entry(name), other, tmp_path, options))
    assert notes == [f"{results.sampler()} The lowest training loss selects.", results.sampler()]


def test_pictures_are_the_same_bytes_every_time(results: Results, tmp_path) -> None:
    frame = selected.errors(results.trials)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        catalogue.save("figure", frame, selected.draw_errors, tmp_path / folder, "")
    for suffix in ("png", "svg", "csv"):
        assert (tmp_path / f"a/figure.{suffix}").read_bytes() == (
            tmp_path / f"b/figure.{suffix}"
        ).read_bytes()


def test_a_set_without_a_feasible_trial_says_so(tmp_path) -> None:
    lost = table.check(pd.DataFrame({"workload": "w", "optimizer": ["sgd", "adam"], "trial": 0,
                                     "status": "diverged", "val_error": None, "hp.lr": 1.0}))  # fmt: skip
    drawn = list(catalogue.draw_all(Results(lost, None, {}), tmp_path))
    reasons = {each.name: each.reason for each in drawn if each.reason}
    assert "learning curves" in reasons["learning_curves"]
    assert "figure_1_errors" not in reasons  # drawn, with the word in every cell
    assert words(budget_curves.draw(budget_curves.data(lost))).count("no feasible trial") == 3
