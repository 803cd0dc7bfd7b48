"""Tuning curves from a table: columns, budgets, metrics, selection and targets."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis import best_of_k, confidence, table
from harness.analysis.table import TableError
from harness.analysis.tuning_curves import (
    COLUMNS,
    tuning_curves,
    with_expected_trials,
    with_steps_to_target,
)
from tests.analysis.conftest import made_up_table

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
    exact = best_of_k.curve(ERRORS, [1, 3, 20])
    low, high = confidence.median_interval(ERRORS, [1, 3, 20])
    for column, expected in {**exact._asdict(), "median_low": low, "median_high": high}.items():
        np.testing.assert_array_equal(curves[column], expected)


def test_diverged_trials_are_left_out_or_infinite():
    trials = made_up_table(sgd=[0.1, np.inf, 0.2, np.inf])
    feasible = tuning_curves(trials)
    assert feasible["budget_trials"].max() == 2
    assert feasible["mean"].iloc[0] == pytest.approx(0.15)
    every = tuning_curves(trials, feasible_only=False)
    assert every["budget_trials"].max() == 4
    assert np.isinf(every["mean"]).all()
    assert every["p50"].tolist() == pytest.approx([0.2, 0.2, 0.1])


def test_failed_trials_change_nothing():
    trials = made_up_table(sgd=ERRORS)
    failed = trials.iloc[:3].assign(trial=[90, 91, 92], status=["failed", "timeout", "missing"])
    failed["val_error"] = 0.0  # were it counted, it would win
    together = table.check(pd.concat([trials, failed]))
    pd.testing.assert_frame_equal(tuning_curves(together), tuning_curves(trials))
    pd.testing.assert_frame_equal(
        tuning_curves(together, feasible_only=False), tuning_curves(trials)
    )


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
    curves = tuning_curves(trials, "test_error", budgets=[3], replacement=False)
    assert curves["mean"].iloc[0] == 0.9  # not the least test error
    assert curves[["median_low", "median_high"]].isna().all(axis=None)


def test_selecting_by_train_loss():
    """Figure 9."""
    trials = made_up_table(sgd=[0.1, 0.2, 0.3]).assign(train_loss=[3.0, 2.0, 1.0])
    curves = tuning_curves(trials, select_by="train_loss", budgets=[3], replacement=False)
    assert curves["mean"].iloc[0] == 0.3


def test_bootstrap_is_seeded_and_near_the_exact_curve():
    trials = made_up_table(sgd=ERRORS)
    exact = tuning_curves(trials)
    drawn, again = (
        tuning_curves(trials, method="bootstrap", samples=2000, rng=np.random.default_rng(1))
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(drawn, again)
    np.testing.assert_allclose(drawn["mean"], exact["mean"], atol=0.03)
    assert not np.array_equal(drawn["mean"], exact["mean"])


def test_expected_trials_run_counts_the_diverged_ones():
    trials = made_up_table(sgd=[0.1, 0.2, np.inf, np.inf], adam=[0.1, 0.2])
    curves = with_expected_trials(tuning_curves(trials), trials)
    assert curves.groupby("optimizer")["expected_trials_run"].agg(list).to_dict() == {
        "sgd": [2, 4],
        "adam": [1, 2],
    }
    assert with_expected_trials(tuning_curves(trials, budgets=[9]), trials).empty


# --- steps to a target --------------------------------------------------------------------------


def curves_reaching(trials, steps):
    """Learning curves with evaluations every 10 steps, at or under 0.5 from the given step on."""
    rows = []
    for trial, reached in zip(trials.to_dict("records"), steps, strict=True):
        for step in range(10, 110, 10):
            error = 0.4 if step >= reached else 0.6
            rows.append(
                {key: trial[key] for key in table.IDENTITY} | {"step": step, "val_error": error}
            )
    return pd.DataFrame(rows)


@pytest.fixture
def reaching():
    """Four trials; the second never reaches 0.5, though its final error is lowest."""
    trials = made_up_table(sgd=[0.4, 0.3, 0.45, 0.42]).assign(steps=100.0, train_seconds=20.0)
    return with_steps_to_target(trials, curves_reaching(trials, [30, np.inf, 80, 30]), 0.5)


def test_steps_and_seconds_to_target(reaching):
    assert reaching["steps_to_target"].tolist() == [30, np.inf, 80, 30]
    assert reaching["seconds_to_target"].tolist() == [6, np.inf, 16, 6]


def test_the_mean_is_over_searches_that_reach_it_with_their_share(reaching):
    curves = tuning_curves(reaching, "steps_to_target")
    assert tuple(curves.columns) == (*COLUMNS, "share_reached")
    assert curves["share_reached"].tolist() == pytest.approx([3 / 4, 15 / 16, 255 / 256])
    assert curves["mean"].iloc[0] == pytest.approx((30 + 80 + 30) / 3)
    assert curves["p95"].tolist() == [np.inf, np.inf, 80]  # P(one of 2 at or under 80) = 15/16
    assert curves["p50"].iloc[0] == 30


def test_the_trial_may_be_selected_by_its_error(reaching):
    selected = tuning_curves(
        reaching, "steps_to_target", "val_error", budgets=[4], replacement=False
    )
    assert selected["share_reached"].iloc[0] == 0  # the best trial is the one that never does
    assert selected["mean"].iloc[0] == np.inf


def test_a_step_budget_cuts_the_curves(reaching):
    curves = curves_reaching(reaching, [30, np.inf, 80, 30])
    cut = with_steps_to_target(reaching, curves, 0.5, max_steps=50)
    assert cut["steps_to_target"].tolist() == [30, np.inf, np.inf, 30]


def test_an_error_equal_to_the_target_reaches_it(reaching):
    curves = curves_reaching(reaching, [30, np.inf, 80, 30])
    again = with_steps_to_target(reaching, curves, curves["val_error"].min())
    assert again["steps_to_target"].tolist() == [30, np.inf, 80, 30]


def test_curves_of_a_results_folder(root):
    trials = with_steps_to_target(table.read(root), table.read_curves(root), 0.25)
    assert set(trials["steps_to_target"]) == {50, 100, np.inf}
    reached = np.isfinite(trials["steps_to_target"])
    pd.testing.assert_series_equal(reached, trials["val_error"] <= 0.25, check_names=False)


def test_a_target_without_curves():
    trials = made_up_table(sgd=[0.1, 0.2])
    with pytest.raises(TableError, match="steps_to_target needs learning curves and a target"):
        tuning_curves(trials, "steps_to_target")
    with pytest.raises(TableError, match="made_up/sgd trial 1 has no learning curve"):
        with_steps_to_target(trials, curves_reaching(trials.iloc[:1], [10]), 0.5)
    with pytest.raises(TableError, match="learning curves are needed and none were found"):
        table.read_curves("trials.csv")


def test_unknown_method():
    with pytest.raises(ValueError, match="method 'guess' is not one of: exact, bootstrap"):
        tuning_curves(made_up_table(sgd=[0.1]), method="guess")


def test_an_external_table(mnli):
    """The better of two models is known: DeBERTaV3's best is well under DeBERTa's at every K."""
    curves = tuning_curves(table.read(mnli)).pivot(
        index="budget_trials", columns="optimizer", values="p50"
    )
    assert curves.index.max() == 1024
    assert (curves["deberta-v3-base"] < curves["deberta-base"]).all()
