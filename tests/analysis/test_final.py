"""The final table: counts, the best trial, figures at a budget."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.checking import check
from harness.analysis.counting import every_trial
from harness.analysis.final import feasibility, final, not_counted
from harness.analysis.reading import read_results
from tests.analysis.conftest import drawn_best, made_up_table


@pytest.fixture
def trials():
    trials = made_up_table(sgd=[0.3, 0.1, np.inf, 0.2], adam=[np.inf, np.inf])
    complete = trials["status"] == "complete"
    trials["test_error"] = np.where(complete, trials["val_error"] * 2, np.nan)
    trials["train_loss"] = np.where(complete, -trials["val_error"], np.nan)
    trials["hp.lr"] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    failed = trials.iloc[[0]].assign(trial=4, status="failed", val_error=np.nan)
    return check(pd.concat([trials, failed]))


def test_one_row_with_counts_and_the_best_trial(trials):
    row = final(trials).set_index("optimizer").loc["sgd"]
    assert row[["feasible_trials", "complete", "diverged", "failed", "timeout"]].tolist() == [
        3, 3, 1, 1, 0,
    ]  # fmt: skip
    assert row["feasible_share"] == pytest.approx(3 / 4)  # the failed one is not a result
    assert (row["best_trial"], row["best_val_error"], row["best_test_error"]) == (1, 0.1, 0.2)
    assert row["best_hp.lr"] == 2.0
    assert row["budget_trials"] == 3
    assert row["expected_trials_run"] == pytest.approx(4)


def test_figures_are_those_of_the_selected_trial(trials):
    row = final(trials, budget_trials=2).set_index("optimizer").loc["sgd"]
    exact = drawn_best([0.3, 0.1, 0.2], [2])
    assert row["val_mean"] == pytest.approx(exact.mean[0])
    assert row["test_mean"] == pytest.approx(2 * exact.mean[0])
    assert row["val_p95"] == exact.p95[0]
    assert row["expected_trials_run"] == pytest.approx(8 / 3)


def test_selecting_by_train_loss(trials):
    row = final(trials, select_by="train_loss").set_index("optimizer").loc["sgd"]
    assert row["best_trial"] == 0
    assert np.isnan(row["median_low"])


def test_counting_every_trial(trials):
    row = final(every_trial(trials)).set_index("optimizer").loc["sgd"]
    assert (row["budget_trials"], row["expected_trials_run"]) == (4, 4)
    assert row["every_trial_counts"]
    assert "every_trial_counts" not in final(trials)
    assert row["val_mean"] == np.inf
    assert row["val_p50"] == 0.1


def test_an_optimizer_that_only_diverges_keeps_its_row(trials):
    row = final(trials).set_index("optimizer").loc["adam"]
    assert (row["feasible_trials"], row["diverged"], row["feasible_share"]) == (0, 2, 0)
    assert pd.isna(row[["best_trial", "budget_trials", "val_mean", "best_hp.lr"]]).all()


def test_one_trial_only():
    row = final(made_up_table(sgd=[0.25])).iloc[0]
    assert (row["val_p05"], row["val_p95"], row["median_high"]) == (0.25, 0.25, np.inf)


def test_feasibility_and_what_is_left_out(trials):
    counts = feasibility(trials).set_index("optimizer")
    assert counts.loc["adam", "feasible_share"] == 0
    assert not_counted(trials)["trial"].tolist() == [4]


def test_an_external_table(mnli):
    rows = final(read_results(mnli).trials).set_index("optimizer")
    assert rows["best_val_error"].to_dict() == pytest.approx(
        {"deberta-base": 0.109934, "deberta-v3-base": 0.093428}, abs=1e-6
    )
