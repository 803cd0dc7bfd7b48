"""Searches compared: exact where trials are independent draws, over repeats where they are not."""

import itertools

import numpy as np
import pandas as pd
import pytest

from harness.analysis.checking import TableError
from harness.analysis.searches import axes_of, curves
from harness.study.study import Study
from tests.analysis.conftest import made_up_table

CONFIG = {
    "workload": {"name": "digits"}, "optimizer": {"name": "sgd"}, "search_space": {"lr": 0.1},
    "data": {}, "seed": 0, "sampler": {"name": "halton", "seed": None},
}  # fmt: skip


def search(*repeats, sampler="tpe", name="tpe", **changed):
    """(trials, studies) of studies with other seeds, a list of errors each; inf is a diverged trial."""
    trials, studies = [], {}
    for seed, errors in enumerate(repeats):
        table = made_up_table(sgd=errors).assign(study=f"{name}{seed}")
        trials.append(table)
        config = {**CONFIG, "seed": seed, "sampler": {"name": sampler, "seed": None}, **changed}
        studies[f"{name}{seed}"] = Study(config)
    return pd.concat(trials, ignore_index=True), studies


def test_of_independent_draws_it_is_the_mean_over_all_choices_of_trials():
    errors = [0.5, 0.1, 0.4, 0.3, 0.2]
    trials, studies = search(errors, sampler="uniform")
    found = curves({"random": trials}, studies)
    for k, mean in zip(found["trials"], found["mean"], strict=True):
        best = [min(each) for each in itertools.combinations(errors, k)]
        assert mean == pytest.approx(np.mean(best))
    assert found["exact"].all()


def test_of_a_search_that_asks_it_is_the_best_so_far_in_each_repeat():
    trials, studies = search([0.5, 0.2, 0.3], [0.4, 0.6, 0.1, 0.05])
    found = curves({"TPE": trials.sample(frac=1, random_state=0).sort_index()}, studies)
    assert found["mean"].tolist() == pytest.approx([0.45, 0.3, 0.15])
    assert found["p95"].iloc[0] == pytest.approx(np.quantile([0.5, 0.4], 0.95))
    assert (found["repeats"] == 2).all()
    assert not found["exact"].any()


def test_a_diverged_trial_counts_as_the_worst_of_all_searches():
    asked, of_asked = search([np.inf, 0.2])
    drawn, of_drawn = search([0.9, 0.1], sampler="halton", name="halton")
    found = curves({"TPE": asked, "Halton": drawn}, of_asked | of_drawn)
    assert found.loc[found["search"] == "TPE", "mean"].tolist() == [0.9, 0.2]


def test_what_is_no_one_search_says_so():
    trials, studies = search([0.1], [0.2])
    other = studies["tpe1"].config | {"search_space": {"lr": 1.0}}
    with pytest.raises(TableError, match="differ in more than their seed, tpe0 and tpe1"):
        curves({"TPE": trials}, studies | {"tpe1": Study(other)})
    with pytest.raises(TableError, match="of study tpe0 is not known how it was searched"):
        curves({"TPE": trials}, {})
    failed = trials.assign(status="failed", val_error=np.nan)
    with pytest.raises(TableError, match="'TPE' has no finished trial yet"):
        curves({"TPE": failed}, studies)


def test_axes_are_the_searched_numbers():
    trials, _ = search([0.1, 0.2])
    trials = trials.assign(**{"hp.lr": [1.0, 2.0], "hp.eps": 1e-8, "hp.word": ["a", "b"]})
    assert axes_of(trials)[-1:] == ["hp.lr"]
    assert "hp.eps" not in axes_of(trials)
