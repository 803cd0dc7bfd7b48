"""Figures 3 and 4: a cell for every search space, all at one budget."""

import pytest

from harness.analysis.checking import TableError
from harness.analysis.search_spaces import by_search_space, labels
from tests.analysis.conftest import drawn_best, errors_of, row_of
from tests.analysis.made_up import DIGITS, with_spaces


def test_figures_3_and_4_have_a_cell_for_every_search_space():
    trials = with_spaces()
    frame = by_search_space(trials)
    assert labels(trials) == ["lr only", "all"]
    assert len(frame) == 2 * 2 * 2 * 5  # workloads, spaces, metrics, optimizers
    assert (
        row_of(frame, workload=DIGITS, search_space="all", metric="val_error", optimizer="adam")[
            "missing"
        ]
        == "not run"
    )
    row = row_of(frame, workload=DIGITS, search_space="all", metric="val_error", optimizer="sgd")
    own = trials[(trials["search_space"] == "all")]
    assert row["mean"] == drawn_best(errors_of(own, DIGITS, "sgd"), [row["budget_trials"]]).mean[0]
    few = trials[(trials["search_space"] == "lr only") | (trials["trial"] < 10)]
    assert by_search_space(few).groupby("workload")["budget_trials"].nunique().eq(1).all()
    with pytest.raises(TableError, match="lacks the column search_space"):
        by_search_space(trials.drop(columns="search_space"))
    with pytest.raises(TableError, match="search_space is empty"):
        by_search_space(
            trials.assign(search_space=trials["search_space"].where(trials["trial"] > 0))
        )
