"""Figures 1 and 9: the selected trial's errors at the budget compared at."""

import numpy as np
import pytest

from harness.analysis.checking import TableError
from harness.analysis.counting import every_trial
from harness.analysis.selected import MOSTLY_DIVERGES, by_training_loss, errors
from harness.analysis.selection_bias import selection_bias
from tests.analysis.conftest import drawn_best, errors_of, made_up_table, row_of
from tests.analysis.made_up import DIGITS, TEXT, results


@pytest.fixture(scope="module")
def trials():
    return results().trials


def test_figure_1_gives_the_test_error_of_the_trial_that_validation_selects(trials):
    frame = errors(trials)
    row = row_of(frame, workload=DIGITS, optimizer="rmsprop", metric="test_error")
    val, test = (errors_of(trials, DIGITS, "rmsprop", name) for name in ("val_error", "test_error"))
    assert row["mean"] == pytest.approx(drawn_best(val, [row["budget_trials"]], test).mean[0])
    assert np.isnan(row["median_low"])  # order statistics say nothing of what does not select
    assert (
        row_of(frame, workload=TEXT, optimizer="nadam", metric="val_error")["missing"] == "not run"
    )


def test_figure_9_selects_by_training_loss(trials):
    frame = errors(trials, "train_loss", ("train_loss", "val_error"))
    row = row_of(frame, workload=TEXT, optimizer="sgd", metric="val_error")
    loss, val = (errors_of(trials, TEXT, "sgd", name) for name in ("train_loss", "val_error"))
    assert row["mean"] == pytest.approx(drawn_best(loss, [row["budget_trials"]], val).mean[0])


def test_a_column_that_is_not_there_is_named(trials):
    with pytest.raises(TableError, match=r"lacks the column typo; it has .*val_error"):
        errors(trials, "typo")


def test_an_optimizer_without_test_errors_is_missing_there_alone(trials):
    untested = trials.copy()
    untested.loc[untested["optimizer"] == "adam", "test_error"] = np.nan
    frame = errors(untested)
    assert (
        row_of(frame, workload=TEXT, optimizer="adam", metric="test_error")["missing"]
        == "no test error"
    )
    assert row_of(frame, workload=TEXT, optimizer="adam", metric="val_error")["missing"] == ""
    bias = selection_bias(untested)
    assert set(bias[bias["optimizer"] == "adam"]["missing"]) == {"no test error"}


def test_an_optimizer_with_fewer_trials_than_the_budget_says_so(trials):
    few = trials[(trials["optimizer"] != "adam") | (trials["trial"] < 3)]
    row = row_of(errors(few), workload=TEXT, optimizer="adam", metric="val_error")
    assert row["missing"].startswith("N = ")
    assert row["missing"].endswith(" < K")


def test_without_training_losses_there_is_no_figure_9(trials):
    with pytest.raises(TableError, match="no training loss"):
        by_training_loss(trials.assign(train_loss=np.nan))


def test_where_every_trial_counts_an_optimizer_may_mostly_diverge():
    """One of 50 feasible: the best of K = 10 is infinite in most tuning runs."""
    diverging = [0.1] + [np.inf] * 49
    frame = errors(
        every_trial(made_up_table(sgd=[0.2] * 50, adam=diverging)), metrics=["val_error"]
    )
    assert frame["missing"].tolist() == ["", MOSTLY_DIVERGES]
    assert frame["trials"].tolist() == [50, 50]
    assert errors(made_up_table(adam=diverging), metrics=["val_error"])["missing"].tolist() == [""]
