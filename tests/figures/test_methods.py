"""Figures of searches, ensembles and learning curves side by side: they show the numbers they are given."""

import numpy as np
import pandas as pd

from harness.figures import ensembles, searches, side_by_side, workload_check


def lines(axes):
    return [line.get_ydata() for line in axes.get_lines() if len(line.get_ydata())]


def test_searches_have_a_line_each_and_say_what_is_exact():
    frame = pd.DataFrame(
        {
            "search": ["a"] * 3 + ["b"] * 3, "exact": [True] * 3 + [False] * 3, "repeats": [1] * 3 + [12] * 3,
            "trials": [1, 2, 3] * 2, "mean": [0.5, 0.4, 0.3, 0.5, 0.3, 0.2], "p05": 0.1, "p95": 0.6,
            "trusted": [True, True, False] + [True] * 3,
        }
    )  # fmt: skip
    figure = searches.draw(frame, "error rate")
    drawn = lines(figure.axes[0])
    assert [each.tolist() for each in drawn] == [[0.5, 0.4], [0.4, 0.3], [0.5, 0.3, 0.2], [0.2]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "a (exact)",
        "b (12 repeats)",
    ]


def test_points_are_shown_on_two_axes_and_their_values_counted():
    lr, l2 = np.meshgrid(np.logspace(-3, 1, 3), np.logspace(-6, -1, 3))
    frame = pd.DataFrame(
        {
            "search": "grid", "status": ["complete"] * 8 + ["diverged"], "hp.lr": lr.ravel(),
            "hp.l2": l2.ravel(), "val_error": [0.1, 0.2] * 4 + [np.nan],
        }
    )  # fmt: skip
    figure = searches.draw_points(frame, "hp.lr", "hp.l2")
    assert figure.axes[0].get_title() == "grid: 9 trials\n3 values of the first axis"
    assert (figure.axes[0].get_xscale(), figure.axes[0].get_yscale()) == ("log", "log")
    assert figure.axes[0].get_xlabel() == "learning rate"


def test_an_ensemble_shows_validation_and_test():
    rows = {"members": [1, 2], "in_order": [0.2, 0.1], "mean": [0.25, 0.15], "p05": 0.1, "p95": 0.3}
    frame = pd.concat([pd.DataFrame(rows).assign(split=split) for split in ("validation", "test")])
    figure = ensembles.draw(frame, "title")
    assert len(lines(figure.axes[0])) == 4
    assert figure.axes[0].get_title() == "title"


def test_curves_have_a_panel_for_columns_and_a_colour_for_a_run():
    frame = pd.DataFrame(
        {
            "label": ["one", "one", "two", "two"], "step": [1, 2, 1, 2], "examples": [64.0, 128.0, 1.0, 2.0],
            "val_error": [0.5, 0.4, 0.6, 0.3], "train_error": [0.4, 0.2, 0.5, None], "gap": [0.1, 0.2, 0.1, -0.1],
        }
    )  # fmt: skip
    figure = side_by_side.draw(frame, [["val_error", "train_error"], ["gap"]], "examples")
    first, second = figure.axes
    assert [len(each) for each in lines(first)] == [2, 2, 2, 1]
    assert second.get_ylabel() == "Validation less training error"
    assert second.get_xscale() == "log"


def test_columns_of_one_run_have_a_colour_each():
    frame = pd.DataFrame(
        {"label": "one", "step": [1, 2], "val_error": [0.5, 0.4], "polyak_val_error": 0.3}
    )
    figure = side_by_side.draw(frame, [["val_error", "polyak_val_error"]], "step")
    (axes,) = figure.axes
    assert len({line.get_color() for line in axes.get_lines()}) == 2
    assert axes.get_title() == "one"
    assert not figure.legends


def test_rates_that_leave_the_picture_are_named_in_the_legend_alone():
    losses = {1e-6: [2.3, 2.3], 1e-1: [2.3, 0.5], 1e0: [2.3, 0.51], 1e2: [2.3, 90.0]}
    called = dict(zip(losses, ("low", "good", "good", "too high"), strict=True))
    frame = pd.DataFrame(
        [
            {"lr": lr, "called": called[lr], "step": step, "loss": loss}
            for lr, own in losses.items()
            for step, loss in enumerate(own)
        ]
    )
    figure = workload_check.draw_rates(frame, "made up")
    texts = {text.get_text(): text.xy[1] for text in figure.axes[0].texts}
    assert set(texts) == {"1e-06", "1e-01", "1e+00"}
    assert texts["1e+00"] - texts["1e-01"] > 0.1  # apart, though their lines are not
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == ["low: 1e-06", "good: 0.1 to 1", "too high: 100"]
