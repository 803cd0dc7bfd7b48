"""What a step costs, and targets and curves against gradients and seconds."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.checking import check
from harness.analysis.costs import costs
from harness.analysis.learning_curves import learning_curves
from harness.analysis.targets import steps_to_target, with_steps_to_target

TARGET = 0.25


@pytest.fixture
def spent():
    """sgd and sam, four trials each of ten steps; sam takes as many steps to a target and two gradients
    each; trial t of sgd has 1 + t seconds a step, of sam 3."""
    rows, curves = [], []
    for optimizer, gradients in (("sgd", 1), ("sam", 2)):
        for trial in range(4):
            seconds = 1.0 + trial if optimizer == "sgd" else 3.0
            identity = {"workload": "w", "optimizer": optimizer, "study": optimizer, "trial": trial}
            rows.append({
                **identity, "status": "complete", "train_loss": 0.1, "val_error": 0.1 + trial / 100,
                "test_error": 0.1, "steps": 10, "train_seconds": 999.0, "step_seconds": 10 * seconds,
                "optimizer_seconds": 2.0, "peak_memory_bytes": 2**20 * (trial + 1),
                "gradients": None if gradients == 1 else 20,
            })  # fmt: skip
            for step, error in ((2, 0.9), (4, 0.2), (10, 0.1 + trial / 100)):
                known = {} if gradients == 1 else {"gradients": gradients * step}
                curves.append(
                    {
                        **identity,
                        "step": step,
                        "val_error": error,
                        "seconds": seconds * step,
                        **known,
                    }
                )
    return check(pd.DataFrame(rows)), pd.DataFrame(curves)


def test_a_target_takes_steps_gradients_and_seconds(spent):
    found = with_steps_to_target(*spent, TARGET).set_index(["optimizer", "trial"])
    assert set(found["steps_to_target"]) == {4}
    assert found.loc["sgd"]["gradients_to_target"].tolist() == [4] * 4
    assert found.loc["sam"]["gradients_to_target"].tolist() == [8] * 4
    assert found.loc["sgd"]["seconds_to_target"].tolist() == [4, 8, 12, 16]
    never = with_steps_to_target(*spent, 0.01)
    columns = ["steps_to_target", "gradients_to_target", "seconds_to_target"]
    assert np.isinf(never[columns].to_numpy()).all()


def test_seconds_that_were_not_measured_are_shared_evenly(spent):
    trials, curves = spent
    found = with_steps_to_target(trials, curves.drop(columns="seconds"), TARGET)
    assert set(found["seconds_to_target"]) == {999.0 * 4 / 10}


@pytest.mark.parametrize(
    ("against", "expected"),
    [("step", (4, 4)), ("gradients", (4, 8)), ("seconds", (4, 12))],
)
def test_figure_2_selects_by_what_it_is_drawn_against(spent, against, expected):
    target = pd.Series({"w": TARGET})
    frame = steps_to_target(*spent, target, max_budget=4, against=against).set_index("optimizer")
    best = steps_to_target(*spent, target, max_budget=4, against=against, step_share=0.05)
    assert set(frame["against"]) == {against}
    assert (frame.loc["sgd", "p05"], frame.loc["sam", "p05"]) == expected
    assert (best["missing"] != "").all()


@pytest.mark.parametrize(
    ("against", "ends"), [("step", (10, 10)), ("gradients", (10, 20)), ("seconds", (25, 30))]
)
def test_learning_curves_lie_where_the_middle_trial_is(spent, against, ends):
    frame = learning_curves(*spent, against=against)
    last = frame.groupby("optimizer")["spent"].max()
    assert (last["sgd"], last["sam"]) == ends


def test_a_step_beside_sgds(spent):
    frame = costs(spent[0]).set_index("optimizer")
    assert frame.loc["sgd", "ms_a_step"] == 2500
    assert frame.loc["sam", "times_sgd"] == pytest.approx(1.2)
    assert frame.loc["sam", "gradients_a_step"] == 2
    assert frame.loc["sgd", "gradients_a_step"] == 1
    assert frame.loc["sgd", "optimizer_ms_a_step"] == 200
    assert frame.loc["sgd", "optimizer_times_sgd"] == 1
    own = frame["optimizer_ms_a_step"]
    assert frame.loc["sam", "optimizer_times_sgd"] == own["sam"] / own["sgd"]
    assert frame.loc["sam", "peak_memory_mib"] == 2.5
    assert frame["timed_trials"].tolist() == [4, 4]


def test_without_timing_there_is_nothing_to_say(spent):
    columns = ["step_seconds", "optimizer_seconds", "peak_memory_bytes", "gradients"]
    assert costs(spent[0].drop(columns=columns)).empty
