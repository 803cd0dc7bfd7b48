"""The numbers of Figure 5, failure map, winner's curse, learning curves and slices, done by hand."""

import numpy as np
import pytest

from harness.analysis.axis_projections import axis_projections
from harness.analysis.checking import TableError
from harness.analysis.failure_map import failure_map
from harness.analysis.learning_curves import learning_curves, of_workloads_with_curves
from harness.analysis.selection_bias import selection_bias
from harness.analysis.slices import slices
from tests.analysis.conftest import drawn_best, errors_of, made_up_table, row_of
from tests.analysis.made_up import DIGITS, STEPS, TEXT, results


@pytest.fixture(scope="module")
def made():
    return results()


def test_figure_5_places_every_trial_on_its_searched_axes(made):
    trials, _, studies = made
    frame = axis_projections(trials, studies)
    adam = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "adam")]
    assert adam["axis"].nunique() == 4
    assert len(adam) == 4 * 60
    best = adam[adam["best"] & (adam["axis"] == "eps")].iloc[0]
    assert best["error"] == errors_of(trials, DIGITS, "adam").min()
    assert (best["low"], best["high"], best["scale"]) == (1e-3, 10.0, "log")
    assert np.isinf(adam[adam["status"] == "diverged"]["error"]).all()


def test_failure_map_takes_the_learning_rate_and_the_next_most_telling_axis(made):
    frame = failure_map(made.trials, made.studies)
    momentum = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "momentum")]
    assert set(momentum["x_axis"]) == {"lr"}
    assert set(momentum["y_axis"]) == {"one_minus_momentum"}
    sgd = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "sgd")]
    assert sgd["y_axis"].isna().all()
    assert "failed" in set(sgd["status"])
    adadelta = frame[frame["optimizer"] == "adadelta"]
    assert set(adadelta["status"]) == {"diverged"}
    assert len(adadelta) == 60


def test_selection_bias_is_test_less_validation(made):
    row = row_of(selection_bias(made.trials), workload=TEXT, optimizer="sgd", budget_trials=4)
    val, test = (errors_of(made.trials, TEXT, "sgd", name) for name in ("val_error", "test_error"))
    expected = drawn_best(val, [4], test).mean[0] - drawn_best(val, [4]).mean[0]
    assert row["gap"] == pytest.approx(expected)


def test_learning_curves_end_at_the_selected_errors(made):
    frame = learning_curves(made.trials, made.curves)
    adam = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "adam")]
    assert list(adam["step"]) == list(range(40, 401, 40))
    ends = adam.iloc[-1]
    assert ends["best"] == pytest.approx(errors_of(made.trials, DIGITS, "adam").min(), rel=0.1)
    assert (adam["p05"] <= adam["p50"]).all()
    assert (adam["p50"] <= adam["p95"]).all()
    with pytest.raises(TableError, match="learning curves"):
        learning_curves(made.trials, None)


def test_slices_hold_every_feasible_trial_once(made):
    frame = slices(made.trials, made.studies)
    lr = frame[
        (frame["workload"] == DIGITS) & (frame["optimizer"] == "sgd") & (frame["axis"] == "lr")
    ]
    assert lr["trials"].sum() == len(errors_of(made.trials, DIGITS, "sgd"))
    assert lr["value"].is_monotonic_increasing
    assert lr["mean"].idxmin() not in (lr.index[0], lr.index[-1])  # a bowl, made so


def test_trials_evaluated_once_have_no_learning_curves(made):
    last = made.curves[made.curves["step"] == STEPS]
    with pytest.raises(TableError, match="evaluated once only"):
        learning_curves(made.trials, last)
    once = (made.curves["workload"] == DIGITS) & (made.curves["step"] < STEPS)
    found = of_workloads_with_curves(made.trials, made.curves[~once])
    assert set(found["workload"]) == {TEXT}
    assert of_workloads_with_curves(made.trials, None).empty


def test_a_table_of_one_trial_has_no_diagnostics():
    one = made_up_table(adam=[0.25])
    assert axis_projections(one).empty
    assert failure_map(one).empty
    assert slices(one).empty
