"""Steps to a target error: of single trials, and Figures 2 and 10."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.cells import comparison_budget
from harness.analysis.checking import TableError
from harness.analysis.reading import read_results
from harness.analysis.targets import (
    NEVER,
    STEP_SHARES,
    TARGET_FACTORS,
    steps_to_target,
    targets,
    targets_and_budgets,
    with_steps_to_target,
)
from harness.analysis.tuning_curves import COLUMNS, tuning_curves
from harness.study.result import IDENTITY
from tests.analysis.conftest import drawn_best, errors_of, made_up_table, row_of
from tests.analysis.made_up import DIGITS, TEXT, results


@pytest.fixture(scope="module")
def made():
    return results()


def curves_reaching(trials, steps):
    """Learning curves with evaluations every 10 steps, at or under 0.5 from the given step on."""
    rows = []
    for trial, reached in zip(trials.to_dict("records"), steps, strict=True):
        for step in range(10, 110, 10):
            error = 0.4 if step >= reached else 0.6
            rows.append({key: trial[key] for key in IDENTITY} | {"step": step, "val_error": error})
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
    assert curves["share_reached"].tolist() == pytest.approx(
        [3 / 4, 1, 1]
    )  # of two different ones one does
    assert curves["mean"].iloc[0] == pytest.approx((30 + 80 + 30) / 3)
    assert curves["p95"].tolist() == [np.inf, 80, 30]
    assert curves["p50"].iloc[0] == 30


def test_the_trial_may_be_selected_by_its_error(reaching):
    by_steps, by_error = (
        tuning_curves(reaching, "steps_to_target", select_by, budgets=[3])["share_reached"].iloc[0]
        for select_by in (None, "val_error")
    )
    assert by_steps == pytest.approx(1)
    assert by_error == pytest.approx(1 / 4)  # the best trial, in three draws of four, never does


def test_a_step_budget_cuts_the_curves(reaching):
    curves = curves_reaching(reaching, [30, np.inf, 80, 30])
    cut = with_steps_to_target(reaching, curves, 0.5, most=50)
    assert cut["steps_to_target"].tolist() == [30, np.inf, np.inf, 30]


def test_an_error_equal_to_the_target_reaches_it(reaching):
    curves = curves_reaching(reaching, [30, np.inf, 80, 30])
    again = with_steps_to_target(reaching, curves, curves["val_error"].min())
    assert again["steps_to_target"].tolist() == [30, np.inf, 80, 30]


def test_curves_of_a_results_folder(root):
    found = read_results(root)
    trials = with_steps_to_target(found.trials, found.curves, 0.25)
    assert set(trials["steps_to_target"]) == {50, 100, np.inf}
    reached = np.isfinite(trials["steps_to_target"])
    pd.testing.assert_series_equal(reached, trials["val_error"] <= 0.25, check_names=False)


def test_a_target_without_curves():
    trials = made_up_table(sgd=[0.1, 0.2])
    with pytest.raises(TableError, match="steps_to_target needs learning curves and a target"):
        tuning_curves(trials, "steps_to_target")
    with pytest.raises(TableError, match="made_up/sgd trial 1 has no learning curve"):
        with_steps_to_target(trials, curves_reaching(trials.iloc[:1], [10]), 0.5)


def test_targets_are_given_the_workloads_own_or_reachable_by_all(made):
    trials, _, studies = made
    assert targets(trials, studies, 0.2).to_dict() == {DIGITS: 0.2, TEXT: 0.2}
    own = targets(trials, studies)
    assert own[DIGITS] == 0.1  # as its studies say; no trial of the text reaches that
    medians = [drawn_best(errors_of(trials, TEXT, o), [comparison_budget(trials)[TEXT]]).p50[0]
               for o in ("sgd", "momentum", "rmsprop", "adam")]  # fmt: skip
    assert max(medians) <= own[TEXT] <= max(medians) * 1.1


def test_figure_2_counts_the_steps_of_the_fastest_trial(made):
    trials, curves, _ = made
    frame = steps_to_target(trials, curves, pd.Series({DIGITS: 0.15, TEXT: 0.0}))
    assert set(frame[(frame["workload"] == TEXT) & (frame["trials"] > 0)]["missing"]) == {NEVER}
    row = row_of(frame, workload=DIGITS, optimizer="adam")
    assert curves is not None
    own = curves[(curves["workload"] == DIGITS) & (curves["optimizer"] == "adam")]
    reached = own[own["val_error"] <= 0.15].groupby("trial")["step"].min()
    steps = reached.reindex(sorted(own["trial"].unique())).fillna(np.inf).to_numpy()
    assert row["p05"] == drawn_best(steps, [row["budget_trials"]]).p05[0]
    assert 0 < row["share_reached"] <= 1
    with pytest.raises(TableError, match="learning curves"):
        steps_to_target(trials, None, pd.Series({DIGITS: 0.15}))


def test_figure_10_has_every_target_and_step_budget(made):
    trials, curves = (
        t[(t["workload"] == DIGITS) & t["optimizer"].isin(("sgd", "adam"))]
        for t in (made.trials, made.curves)
    )
    frame = targets_and_budgets(trials, curves, pd.Series({DIGITS: 0.06}))
    shown = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "adam")]
    feasible = trials.loc[trials["workload"] == DIGITS, "val_error"]
    telling = {
        factor
        for factor in TARGET_FACTORS
        if feasible.min() <= 0.06 * factor < feasible.median() or factor == 1
    }
    assert len(telling) > 2
    assert set(shown["target_factor"]) == telling
    assert len(shown) == len(telling) * len(STEP_SHARES)
    whole = shown[shown["step_share"] == 1.0].sort_values("target_factor")
    assert whole["p05"].is_monotonic_decreasing  # an easier target is reached no later
    assert (shown["p05"] <= shown["max_steps"]).where(shown["missing"] == "", True).all()
    half = trials.loc[trials["workload"] == DIGITS, "val_error"].median()
    easy = targets_and_budgets(trials, curves, pd.Series({DIGITS: half / 1.4}))
    assert easy["target_factor"].max() == 1.25  # half of all trials end under 1.5 times it


def test_trials_evaluated_once_have_no_steps_to_compare(made):
    trials, curves, _ = made
    last = curves[curves["step"] == curves["step"].max()]
    with pytest.raises(TableError, match="evaluated once only"):
        steps_to_target(trials, last, pd.Series({DIGITS: 0.15}))
