"""Tuning curves from a table: columns, budgets, metrics, selection."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis import confidence
from harness.analysis.checking import EVERY, check
from harness.analysis.counting import every_trial
from harness.analysis.reading import read_results
from harness.analysis.tuning_curves import COLUMNS, in_cells, tuning_curves
from tests.analysis import made_up
from tests.analysis.conftest import drawn_best, errors_of, made_up_table, row_of

ERRORS = np.random.default_rng(0).random(20)


def test_columns_and_budgets_are_those_documented():
    curves = tuning_curves(made_up_table(sgd=ERRORS, adam=ERRORS[:4]))
    assert tuple(curves.columns) == COLUMNS
    assert curves.groupby("optimizer", sort=False)["budget_trials"].agg(list).to_dict() == {
        "sgd": [1, 2, 4, 8, 16, 20],
        "adam": [1, 2, 4],
    }


def test_every_row_is_the_exact_curve():
    curves = tuning_curves(made_up_table(sgd=ERRORS), budgets=[1, 3, 20])
    exact = drawn_best(ERRORS, [1, 3, 20])
    low, high = confidence.median_interval(ERRORS, [1, 3, 20], simultaneous=True)
    for column, expected in {**exact._asdict(), "median_low": low, "median_high": high}.items():
        np.testing.assert_array_equal(curves[column], expected)


def test_diverged_trials_are_left_out_or_infinite():
    trials = made_up_table(sgd=[0.1, np.inf, 0.2, np.inf])
    feasible = tuning_curves(trials)
    assert feasible["budget_trials"].max() == 2
    assert feasible["mean"].iloc[0] == pytest.approx(0.15)
    every = tuning_curves(every_trial(trials))
    assert every["budget_trials"].max() == 4
    assert np.isinf(every["mean"]).all()  # also where four different ones include a good one
    assert every["p50"].tolist() == pytest.approx([0.2, 0.1, 0.1])


def test_failed_trials_change_nothing():
    trials = made_up_table(sgd=ERRORS)
    failed = trials.iloc[:3].assign(trial=[90, 91, 92], status=["failed", "timeout", "missing"])
    failed["val_error"] = 0.0  # were it counted, it would win
    together = check(pd.concat([trials, failed]))
    pd.testing.assert_frame_equal(tuning_curves(together), tuning_curves(trials))
    every = tuning_curves(every_trial(together)).drop(columns=EVERY)
    pd.testing.assert_frame_equal(every, tuning_curves(trials))


def test_an_optimizer_that_only_diverges_has_no_rows():
    curves = tuning_curves(made_up_table(sgd=[np.inf, np.inf], adam=[0.1]))
    assert set(curves["optimizer"]) == {"adam"}
    assert tuning_curves(made_up_table(sgd=[np.inf])).empty


def test_budgets_are_capped():
    trials = made_up_table(sgd=ERRORS)
    assert tuning_curves(trials, max_budget=6)["budget_trials"].tolist() == [1, 2, 4, 6]
    assert tuning_curves(trials, budgets=[5, 50])["budget_trials"].tolist() == [5]
    assert tuning_curves(trials, budgets=[50]).empty


def test_test_error_is_that_of_the_selected_trial():
    trials = made_up_table(sgd=[0.1, 0.2, 0.3]).assign(test_error=[0.9, 0.1, 0.2])
    curves = tuning_curves(trials, "test_error", budgets=[3])
    exact = drawn_best([0.1, 0.2, 0.3], [3], [0.9, 0.1, 0.2])
    assert curves["mean"].iloc[0] == exact.mean[0] == 0.9  # not the least test error
    assert curves[["median_low", "median_high"]].isna().all(axis=None)


def test_selecting_by_train_loss():
    """Figure 9."""
    trials = made_up_table(sgd=[0.1, 0.2, 0.3]).assign(train_loss=[3.0, 2.0, 1.0])
    curves = tuning_curves(trials, select_by="train_loss", budgets=[3])
    exact = drawn_best([3.0, 2.0, 1.0], [3], [0.1, 0.2, 0.3])
    assert curves["mean"].iloc[0] == exact.mean[0] > 0.25


def test_in_cells_they_are_trusted_to_a_fifth_of_the_trials():
    trials = made_up.results().trials
    frame = in_cells(trials)
    adam = frame[(frame["workload"] == made_up.DIGITS) & (frame["optimizer"] == "adam")]
    errors = errors_of(trials, made_up.DIGITS, "adam")
    assert list(adam["budget_trials"]) == [1, 2, 4, 8, 16, 32, len(errors)]
    assert list(adam["trusted"]) == [k * 5 <= len(errors) for k in adam["budget_trials"]]
    expected = drawn_best(errors, [8]).mean[0]
    assert row_of(adam, budget_trials=8)["mean"] == pytest.approx(expected)
    assert list(adam["band_trusted"]) == [k * 20 <= len(errors) for k in adam["budget_trials"]]
    assert np.isfinite(adam[adam["budget_trials"] <= 4]["median_low"]).all()


def test_a_table_of_one_trial_has_one_point():
    one = in_cells(made_up_table(adam=[0.25]))
    assert one["mean"].tolist() == [0.25]
    assert one["missing"].tolist() == [""]


def test_an_external_table(mnli):
    """The better of two models is known: DeBERTaV3's best is well under DeBERTa's at every K."""
    curves = tuning_curves(read_results(mnli).trials).pivot(
        index="budget_trials", columns="optimizer", values="p50"
    )
    assert curves.index.max() == 1024
    assert (curves["deberta-v3-base"] < curves["deberta-base"]).all()
