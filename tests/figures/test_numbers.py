"""What the figures show, in numbers: each figure's table against the statistic done by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harness.analysis import best_of_k, table
from harness.analysis.cells import cells, comparison_budget
from harness.analysis.results import Results
from harness.analysis.table import TableError
from harness.figures import (
    axis_projections,
    budget_curves,
    failure_map,
    inclusion_probability,
    learning_curves,
    rank_probability,
    search_spaces,
    selected,
    selection_bias,
    slices,
)
from tests.figures import made_up

DIGITS, TEXT = "made-up digits", "made-up text"


@pytest.fixture(scope="module")
def results() -> Results:
    return made_up.results()


@pytest.fixture(scope="module")
def trials(results: Results) -> pd.DataFrame:
    return results.trials


def errors_of(
    trials: pd.DataFrame, workload: str, optimizer: str, column: str = "val_error"
) -> np.ndarray:
    rows = trials[(trials["workload"] == workload) & (trials["optimizer"] == optimizer)]
    return rows[rows["status"] == "complete"][column].to_numpy()


def row_of(frame: pd.DataFrame, **where: object) -> pd.Series:
    for name, value in where.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def test_every_cell_is_there_and_says_why_it_is_missing(trials: pd.DataFrame) -> None:
    frame = cells(trials)
    assert len(frame) == 2 * 6
    assert row_of(frame, workload=TEXT, optimizer="nadam")["missing"] == "not run"
    assert row_of(frame, workload=DIGITS, optimizer="adadelta")["missing"] == "no feasible trial"
    assert (frame["missing"] == "").sum() == 9


def test_optimizers_are_compared_at_a_fifth_of_the_fewest_trials(trials: pd.DataFrame) -> None:
    fewest = min(
        len(errors_of(trials, DIGITS, name)) for name in made_up.AXES if name != "adadelta"
    )
    assert comparison_budget(trials)[DIGITS] == fewest // 5
    assert comparison_budget(trials, max_budget=3)[DIGITS] == 3


def test_budget_curves_are_trusted_to_a_fifth_of_the_trials(trials: pd.DataFrame) -> None:
    frame = budget_curves.data(trials)
    adam = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "adam")]
    count = len(errors_of(trials, DIGITS, "adam"))
    assert list(adam["budget_trials"]) == [1, 2, 4, 8, 16, 32, count]
    assert list(adam["trusted"]) == [k * 5 <= count for k in adam["budget_trials"]]
    expected = best_of_k.curve(errors_of(trials, DIGITS, "adam"), [8]).mean[0]
    assert row_of(adam, budget_trials=8)["mean"] == pytest.approx(expected)
    assert np.isfinite(adam[adam["trusted"]]["median_low"]).all()


def test_figure_1_gives_the_test_error_of_the_trial_that_validation_selects(
    trials: pd.DataFrame,
) -> None:
    frame = selected.errors(trials)
    row = row_of(frame, workload=DIGITS, optimizer="rmsprop", metric="test_error")
    val, test = (errors_of(trials, DIGITS, "rmsprop", name) for name in ("val_error", "test_error"))
    assert row["mean"] == pytest.approx(best_of_k.curve(val, [row["budget_trials"]], test).mean[0])
    assert np.isnan(row["median_low"])  # order statistics say nothing of what does not select
    assert (
        row_of(frame, workload=TEXT, optimizer="nadam", metric="val_error")["missing"] == "not run"
    )


def test_figure_9_selects_by_training_loss(trials: pd.DataFrame) -> None:
    frame = selected.errors(trials, "train_loss", ("train_loss", "val_error"))
    row = row_of(frame, workload=TEXT, optimizer="sgd", metric="val_error")
    loss, val = (errors_of(trials, TEXT, "sgd", name) for name in ("train_loss", "val_error"))
    assert row["mean"] == pytest.approx(best_of_k.curve(loss, [row["budget_trials"]], val).mean[0])


def test_a_column_that_is_not_there_is_named(trials: pd.DataFrame) -> None:
    with pytest.raises(TableError, match=r"lacks the column typo; it has .*val_error"):
        selected.errors(trials, "typo")


def test_an_optimizer_without_test_errors_is_missing_there_alone(trials: pd.DataFrame) -> None:
    untested = trials.copy()
    untested.loc[untested["optimizer"] == "adam", "test_error"] = np.nan
    frame = selected.errors(untested)
    assert (
        row_of(frame, workload=TEXT, optimizer="adam", metric="test_error")["missing"]
        == "no test error"
    )
    assert row_of(frame, workload=TEXT, optimizer="adam", metric="val_error")["missing"] == ""
    bias = selection_bias.data(untested)
    assert set(bias[bias["optimizer"] == "adam"]["missing"]) == {"no test error"}


def test_an_optimizer_with_fewer_trials_than_the_budget_says_so(trials: pd.DataFrame) -> None:
    few = trials[(trials["optimizer"] != "adam") | (trials["trial"] < 3)]
    row = row_of(selected.errors(few), workload=TEXT, optimizer="adam", metric="val_error")
    assert row["missing"].startswith("N = ")
    assert row["missing"].endswith(" < K")


def test_targets_are_given_the_workloads_own_or_reachable_by_all(results: Results) -> None:
    trials, _, studies = results
    assert selected.targets(trials, studies, 0.2).to_dict() == {DIGITS: 0.2, TEXT: 0.2}
    own = selected.targets(trials, studies)
    assert own[DIGITS] == 0.1  # as its studies say; no trial of the text reaches that
    medians = [best_of_k.curve(errors_of(trials, TEXT, o), [comparison_budget(trials)[TEXT]]).p50[0]
               for o in ("sgd", "momentum", "rmsprop", "adam")]  # fmt: skip
    assert max(medians) <= own[TEXT] <= max(medians) * 1.1


def test_figure_2_counts_the_steps_of_the_fastest_trial(results: Results) -> None:
    trials, curves, _ = results
    frame = selected.steps_to_target(trials, curves, pd.Series({DIGITS: 0.15, TEXT: 0.0}))
    assert set(frame[(frame["workload"] == TEXT) & (frame["trials"] > 0)]["missing"]) == {
        selected.NEVER
    }
    row = row_of(frame, workload=DIGITS, optimizer="adam")
    assert curves is not None
    own = curves[(curves["workload"] == DIGITS) & (curves["optimizer"] == "adam")]
    reached = own[own["val_error"] <= 0.15].groupby("trial")["step"].min()
    steps = reached.reindex(sorted(own["trial"].unique())).fillna(np.inf).to_numpy()
    assert row["p05"] == best_of_k.curve(steps, [row["budget_trials"]]).p05[0]
    assert 0 < row["share_reached"] <= 1
    with pytest.raises(TableError, match="learning curves"):
        selected.steps_to_target(trials, None, pd.Series({DIGITS: 0.15}))


def test_figure_10_has_every_target_and_step_budget(results: Results) -> None:
    trials, curves, _ = results
    frame = selected.targets_and_budgets(trials, curves, pd.Series({DIGITS: 0.06}))
    shown = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "adam")]
    feasible = trials.loc[trials["workload"] == DIGITS, "val_error"]
    telling = {
        factor
        for factor in selected.TARGET_FACTORS
        if feasible.min() <= 0.06 * factor < feasible.median() or factor == 1
    }
    assert len(telling) > 2
    assert set(shown["target_factor"]) == telling
    assert len(shown) == len(telling) * len(selected.STEP_SHARES)
    whole = shown[shown["step_share"] == 1.0].sort_values("target_factor")
    assert whole["p05"].is_monotonic_decreasing  # an easier target is reached no later
    assert (shown["p05"] <= shown["max_steps"]).where(shown["missing"] == "", True).all()
    half = trials.loc[trials["workload"] == DIGITS, "val_error"].median()
    easy = selected.targets_and_budgets(trials, curves, pd.Series({DIGITS: half / 1.4}))
    assert easy["target_factor"].max() == 1.25  # half of all trials end under 1.5 times it


def test_trials_evaluated_once_have_no_steps_to_compare(results: Results) -> None:
    trials, curves, _ = results
    last = curves[curves["step"] == curves["step"].max()]
    for draw in (
        lambda: selected.steps_to_target(trials, last, pd.Series({DIGITS: 0.15})),
        lambda: learning_curves.data(trials, last),
    ):
        with pytest.raises(TableError, match="evaluated once only"):
            draw()


def test_figures_3_and_4_have_a_cell_for_every_search_space() -> None:
    trials = with_spaces()
    frame = search_spaces.data(trials, metrics=("val_error", "test_error"))
    assert search_spaces.labels(trials) == ["lr only", "all"]
    assert len(frame) == 2 * 2 * 2 * 5  # workloads, spaces, metrics, optimizers
    assert (
        row_of(frame, workload=DIGITS, search_space="all", metric="val_error", optimizer="adam")[
            "missing"
        ]
        == "not run"
    )
    row = row_of(frame, workload=DIGITS, search_space="all", metric="val_error", optimizer="sgd")
    own = trials[(trials["search_space"] == "all")]
    assert (
        row["mean"]
        == best_of_k.curve(errors_of(own, DIGITS, "sgd"), [row["budget_trials"]]).mean[0]
    )
    few = trials[(trials["search_space"] == "lr only") | (trials["trial"] < 10)]
    assert search_spaces.data(few).groupby("workload")["budget_trials"].nunique().eq(1).all()
    with pytest.raises(TableError, match="lacks the column search_space"):
        search_spaces.data(trials.drop(columns="search_space"))
    with pytest.raises(TableError, match="search_space is empty"):
        search_spaces.data(
            trials.assign(search_space=trials["search_space"].where(trials["trial"] > 0))
        )


def with_spaces() -> pd.DataFrame:
    """Made-up trials on two search spaces; adam was not run on the digits' second."""
    parts = []
    for seed, label in enumerate(("lr only", "all")):
        trials = made_up.results(40, seed=seed).trials.assign(search_space=label)
        parts.append(trials.assign(study=trials["study"] + str(seed)))
    whole = pd.concat(parts, ignore_index=True)
    absent = (
        (whole["optimizer"] == "adam")
        & (whole["workload"] == DIGITS)
        & (whole["search_space"] == "all")
    )
    return whole[~absent & (whole["optimizer"] != "adadelta")].reset_index(drop=True)


def test_figure_5_places_every_trial_on_its_searched_axes(results: Results) -> None:
    trials, _, studies = results
    frame = axis_projections.data(trials, studies)
    adam = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "adam")]
    assert adam["axis"].nunique() == 4
    assert len(adam) == 4 * 60
    best = adam[adam["best"] & (adam["axis"] == "eps")].iloc[0]
    assert best["error"] == errors_of(trials, DIGITS, "adam").min()
    assert (best["low"], best["high"], best["scale"]) == (1e-3, 10.0, "log")
    assert np.isinf(adam[adam["status"] == "diverged"]["error"]).all()


def test_failure_map_takes_the_learning_rate_and_the_next_most_telling_axis(
    results: Results,
) -> None:
    frame = failure_map.data(results.trials, results.studies)
    momentum = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "momentum")]
    assert set(momentum["x_axis"]) == {"lr"}
    assert set(momentum["y_axis"]) == {"one_minus_momentum"}
    sgd = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "sgd")]
    assert sgd["y_axis"].isna().all()
    assert "failed" in set(sgd["status"])
    adadelta = frame[frame["optimizer"] == "adadelta"]
    assert set(adadelta["status"]) == {"diverged"}
    assert len(adadelta) == 60


def test_rank_probabilities_add_up(trials: pd.DataFrame) -> None:
    frame = rank_probability.data(trials, also=[9]).dropna(subset=["first"])
    digits = frame[frame["workload"] == DIGITS]
    assert 9 in set(digits["budget_trials"])
    assert digits.groupby("budget_trials")["first"].sum().to_numpy() == pytest.approx(1)
    assert digits.groupby("budget_trials")["mean_rank"].sum().to_numpy() == pytest.approx(15)
    assert "adadelta" not in set(digits["optimizer"])


def test_selection_bias_is_test_less_validation(trials: pd.DataFrame) -> None:
    row = row_of(selection_bias.data(trials), workload=TEXT, optimizer="sgd", budget_trials=4)
    val, test = (errors_of(trials, TEXT, "sgd", name) for name in ("val_error", "test_error"))
    expected = best_of_k.curve(val, [4], test).mean[0] - best_of_k.curve(val, [4]).mean[0]
    assert row["gap"] == pytest.approx(expected)


def test_learning_curves_end_at_the_selected_errors(results: Results) -> None:
    frame = learning_curves.data(results.trials, results.curves)
    adam = frame[(frame["workload"] == DIGITS) & (frame["optimizer"] == "adam")]
    assert list(adam["step"]) == list(range(40, 401, 40))
    ends = adam.iloc[-1]
    assert ends["best"] == pytest.approx(errors_of(results.trials, DIGITS, "adam").min(), rel=0.1)
    assert (adam["p05"] <= adam["p50"]).all()
    assert (adam["p50"] <= adam["p95"]).all()
    with pytest.raises(TableError, match="learning curves"):
        learning_curves.data(results.trials, None)


def test_slices_hold_every_feasible_trial_once(results: Results) -> None:
    frame = slices.data(results.trials, results.studies)
    lr = frame[
        (frame["workload"] == DIGITS) & (frame["optimizer"] == "sgd") & (frame["axis"] == "lr")
    ]
    assert lr["trials"].sum() == len(errors_of(results.trials, DIGITS, "sgd"))
    assert lr["value"].is_monotonic_increasing
    assert lr["mean"].idxmin() not in (lr.index[0], lr.index[-1])  # a bowl, made so


def test_inclusion_probability_is_decided_at_one_budget(trials: pd.DataFrame) -> None:
    frame = inclusion_probability.data(trials)
    edge = frame[(frame["workload"] == TEXT) & (frame["special"] == "sgd")]
    assert edge["decided_at"].nunique() == 1
    assert edge["probability"].between(0, 1).all()


def test_a_table_of_one_trial_has_one_point() -> None:
    one = table.check(pd.DataFrame({"workload": ["w"], "optimizer": ["adam"], "trial": [0],
                                    "status": ["complete"], "val_error": [0.25]}))  # fmt: skip
    assert budget_curves.data(one)["mean"].tolist() == [0.25]
    assert selected.errors(one)["missing"].tolist() == ["", "no test error"]
    assert failure_map.data(one).empty
    assert slices.data(one).empty
