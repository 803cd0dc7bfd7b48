"""Workloads whose error is a loss: called so, and readable where a few trials end at 1e19."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.checking import check
from harness.analysis.reading import Results
from harness.figures import style
from harness.figures.axes import beyond, error_axis, top
from harness.report.catalogue import CATALOGUE
from harness.report.question import Question
from harness.report.traces import error_axis as interactive_axis

N = 100  # of each optimizer, every tenth of which ends far away
AXES = ("figure_5_axes", "failure_map", "slices")


def losses() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    parts = []
    for optimizer in ("sgd", "momentum"):
        rate = 10 ** rng.uniform(-3, 0, N)
        loss = 86 + (np.log10(rate) + 1.5) ** 2 + 0.1 * rng.random(N)
        loss[::10] = 10 ** rng.uniform(5, 19, N // 10)
        parts.append(pd.DataFrame({
            "workload": "bowl", "optimizer": optimizer, "trial": range(N), "status": "complete",
            "metric": "loss", "val_error": loss, "test_error": loss + 1, "hp.lr": rate,
        }))  # fmt: skip
    return check(pd.concat(parts, ignore_index=True))


@pytest.fixture(scope="module")
def figures():
    """Every figure that these trials fill."""
    results = Results(losses(), pd.DataFrame(), {})
    made = {}
    with style.settings():
        for entry in CATALOGUE:
            if entry.name not in ("figure_2_steps_to_target", "figure_10_targets_and_budgets",
                                  "figure_9_by_training_loss", "learning_curves"):  # fmt: skip
                made[entry.name] = entry.draw(entry.numbers(results, Question()), "")
    return made


def words(figure):
    found = figure.findobj(match=lambda artist: hasattr(artist, "get_text"))
    return " ".join(" ".join(text.get_text() for text in found).split())


def test_a_loss_is_called_a_loss(figures):
    for name, figure in figures.items():
        assert "validation error" not in words(figure), name
    for name in (*AXES, "figure_1_errors", "figure_6_tuning_curves", "selection_bias"):
        assert "validation loss" in words(figures[name]), name


def test_a_few_far_trials_leave_the_others_readable(figures):
    figure = figures["figure_5_axes"]
    assert figure.axes[0].get_ylim()[1] < 100
    said = "75th percentile of trials; beyond it lie 50 of 200 trials"
    assert said in words(figure)
    triangles = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "^"]
    assert sum(len(line.get_xdata()) for line in triangles) == 50
    assert "75th percentile of trials; beyond it lie 50 of 200 trials" in words(
        figures["failure_map"]
    )


def test_an_axis_is_cut_only_where_little_would_fill_it():
    rng = np.random.default_rng(0)
    spread = 10 ** rng.uniform(-4, 0, 100)  # a log scale shows all of these
    few = np.concatenate([86 + rng.random(90), 10 ** rng.uniform(5, 19, 10)])
    for errors in (
        spread,
        rng.uniform(0.1, 0.9, 100),
        np.array([]),
        np.array([0.0, 1e9]),
        few[:90],
    ):
        assert top(errors) == np.inf
        assert beyond(top(errors), {"trials": errors}) == ""
    assert 86 < top(few) < 87
    assert np.count_nonzero(few > top(few)) == 25
    assert "25 of 100 trials" in beyond(top(few), {"trials": few})


def test_the_page_cuts_alike_and_says_so():
    few = pd.Series(np.concatenate([86 + np.linspace(0, 1, 90), np.geomspace(1e5, 1e19, 10)]))
    frame = pd.DataFrame({"unit": ["loss"]})
    axis = interactive_axis(frame, "mean", few)
    assert axis["title"]["text"] == "mean validation loss (to the 75th percentile)"
    assert axis["range"][1] < 88
    assert "range" not in interactive_axis(frame, "mean", few[:90])
    whole = interactive_axis(frame, "mean", pd.Series(np.geomspace(1e-4, 1, 50)))
    assert whole["type"] == "log"


def test_an_axis_that_ends_still_has_its_scale():
    figure = style.canvas(2, 2)
    axes = figure.subplots()
    errors = np.concatenate([np.geomspace(1, 100, 90), np.geomspace(1e60, 1e80, 10)])
    error_axis(axes, errors, end=top(errors))
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[1] < 1e3
