"""Trials trained as one are those trained one by one, up to rounding."""

import importlib
import math

import pytest
import torch

from harness.study.result import CURVE_COLUMNS
from harness.training.effective_rate import in_learning_rates
from harness.training.stacked import StackedTraining, points_in_learning_rates, why_not
from harness.training.train import Stopped, Training
from tests.running.test_trial import README
from tests.studies import study, task

TOLERANCE = 1e-4  # relative, of every value of the curve; docs/workloads.md states it
TRIALS = range(3, 6)
SHORT = {
    "quadratic_deep": ("workload.steps=28", "workload.eval_every=7", "workload.test_every=14"),
    "digits_mlp": ("workload.steps=40", "workload.eval_every=15"),
    "digits_logistic": ("workload.steps=40", "workload.eval_every=15"),
    # Sixteen steps an epoch, so that the state begins anew; dropout is that of the trial alone.
    "war_and_peace_lstm": (f"data.file={README}", "data.any_edition=true", "workload.steps=21",
                           "workload.eval_every=21", "workload.test_every=21", "workload.batch_size=50",
                           "model.sequence_length=10", "model.hidden_size=4"),
}  # fmt: skip
RULES = {  # spaces in which no trial is unstable: there rounding grows, whoever trains it
    "sgd": ("search_space.lr={low: 1e-4, high: 1e-2, scale: log}",),
    "momentum": ("search_space.lr={low: 1e-4, high: 1e-3, scale: log}",),
    "nesterov": ("search_space.lr={low: 1e-4, high: 1e-3, scale: log}",),
    "rmsprop": ("search_space.lr_over_sqrt_eps={low: 1e-4, high: 1e-3, scale: log}",),
    "adam": ("search_space.lr_over_eps={low: 1e-3, high: 1e-2, scale: log}",),
    "nadam": ("search_space.lr_over_eps={low: 1e-3, high: 1e-2, scale: log}",),
}


def of(workload, optimizer, *further):
    space = f"search_space={workload}/broad/{optimizer}"
    words = (f"workload={workload}", f"optimizer={optimizer}", space, *SHORT[workload], *further)
    return study(*words)


def stacked_task(made):
    config = made.config
    module = importlib.import_module(config["workload"]["module"])
    return module.load_stacked(
        config["data"], config["model"], config["workload"]["batch_size"], "cpu"
    )


def together(made, trials=TRIALS):
    workload = stacked_task(made)
    points = points_in_learning_rates(made.config, [made.point(t) for t in trials], workload)
    seeds = [made.seeds(t) for t in trials]
    training = StackedTraining(made.config, points, seeds, workload, "cpu")
    training.run()
    return training.results()


def alone(made, trial):
    workload = task(made)
    point = in_learning_rates(made.config, made.point(trial), workload.model)
    training = Training(made.config, point, made.seeds(trial), workload, "cpu")
    return training.results(training.run(lambda: False))


def assert_alike(one, other):
    assert one.keys() == other.keys()
    assert (one["status"], one["steps"]) == (other["status"], other["steps"])
    for name in CURVE_COLUMNS:
        mine, its = (
            [math.nan if x is None else x for x in each["curve"][name]] for each in (one, other)
        )
        assert mine == pytest.approx(its, rel=TOLERANCE, nan_ok=True), name
    for name in ("val_error", "val_loss", "test_error", "test_loss"):
        assert one[name] == pytest.approx(other[name], rel=TOLERANCE)


@pytest.mark.parametrize(
    ("workload", "optimizer"),  # each rule on two of four workloads
    [
        (list(SHORT)[(place + further) % len(SHORT)], optimizer)
        for place, optimizer in enumerate(RULES)
        for further in (0, 1)
    ],
)
def test_each_is_as_it_is_alone(workload, optimizer):
    made = of(workload, optimizer, *RULES[optimizer])
    for trial, found in zip(TRIALS, together(made), strict=True):
        assert found["status"] == "complete"
        assert_alike(found, alone(made, trial))


@pytest.mark.parametrize(
    ("function", "optimizer"), [("beale", "momentum"), ("rosenbrock", "rmsprop")]
)
def test_points_on_functions_of_two_numbers_are_stacked_too(function, optimizer):
    words = ("workload.steps=40", "workload.eval_every=10", "model.perturbation=0.1")
    lr = "search_space.lr={low: 1e-5, high: 1e-4, scale: log}"
    made = study(f"workload={function}", f"optimizer={optimizer}", lr, *words)
    for trial, found in zip(TRIALS, together(made), strict=True):
        assert found["status"] == "complete"
        assert_alike(found, alone(made, trial))


@pytest.mark.parametrize(
    "further",
    [
        ("schedule=cosine",),
        ("schedule=constant",),
        ("+search_space.l2={low: 1e-3, high: 1.0, scale: log}",),
        ("+search_space.clip_value={low: 1e-3, high: 1e-1, scale: log}",),
        ("~search_space.lr", "+search_space.effective_lr={low: 1e-4, high: 1e-3, scale: log}"),
    ],
    ids=["cosine", "constant", "l2", "clip_value", "effective_lr"],
)
def test_schedules_regularisation_and_effective_rates_are_each_trials_own(further):
    made = of("digits_mlp", "momentum", *further)
    for trial, found in zip(TRIALS, together(made), strict=True):
        assert_alike(found, alone(made, trial))


def test_a_diverging_trial_harms_no_neighbour():
    made = of("quadratic_deep", "sgd", "search_space.lr={low: 1e-3, high: 100.0, scale: log}")
    found = dict(zip(range(24), together(made, range(24)), strict=True))
    diverged = {t: each for t, each in found.items() if each["status"] == "diverged"}
    complete = found.keys() - diverged.keys()
    assert len(diverged) > 4
    assert len(complete) > 4
    # Among others that do not diverge: the same to the bit or nearly, and nothing infinite.
    calm = dict(zip(sorted(complete), together(made, sorted(complete)), strict=True))
    for trial, each in calm.items():
        assert_alike(found[trial], each)
    for trial, each in diverged.items():
        one = alone(made, trial)
        assert one["status"] == "diverged"
        assert abs(one["steps"] - each["steps"]) <= 1  # where the sum overflows: rounding's to say
        assert each["val_error"] is None
        rows = len(each["curve"]["step"])
        assert rows == each["steps"] // 7
        assert all(math.isfinite(x) for x in each["curve"]["val_loss"])


def test_a_stack_of_diverged_trials_ends_early():
    made = of("quadratic_deep", "sgd", "search_space.lr={low: 50.0, high: 100.0, scale: log}")
    found = together(made)
    assert {each["status"] for each in found} == {"diverged"}
    assert max(each["steps"] for each in found) < 28


def test_a_stop_is_obeyed_at_the_next_step():
    made = of("digits_logistic", "sgd")
    points = [made.point(trial) for trial in TRIALS]
    training = StackedTraining(
        made.config, points, [made.seeds(t) for t in TRIALS], stacked_task(made), "cpu"
    )
    answers = iter([False, False, True])
    with pytest.raises(Stopped):
        training.run(lambda: next(answers))
    assert training.step == 2


def test_parameters_stay_float32():
    made = of("digits_mlp", "adam")
    points = [made.point(trial) for trial in TRIALS]
    training = StackedTraining(
        made.config, points, [made.seeds(t) for t in TRIALS], stacked_task(made), "cpu"
    )
    training.run()
    assert training.values.dtype == torch.float32
    assert all(each.dtype == torch.float32 for each in training.state.values())


@pytest.mark.parametrize("workload", ["digits_mlp", "war_and_peace_lstm"])
def test_in_bfloat16_each_is_nearly_as_it_is_alone(workload):
    made = of(workload, "momentum", *RULES["momentum"], "precision=bfloat16")
    exact = of(workload, "momentum", *RULES["momentum"])
    for trial, found in zip(TRIALS, together(made), strict=True):
        single, in_float32 = alone(made, trial), alone(exact, trial)
        assert found["curve"]["val_loss"] == pytest.approx(single["curve"]["val_loss"], rel=1e-3)
        assert found["curve"]["train_loss"] == pytest.approx(
            single["curve"]["train_loss"], rel=5e-3
        )
        assert found["curve"]["train_loss"] != in_float32["curve"]["train_loss"]


@pytest.mark.parametrize(
    ("further", "why"),
    [
        ({}, None),
        ({"optimizer": {"rule": "torch.optim.AdamW"}}, "torch.optim.AdamW is no rule of"),
        ({"precision": "bfloat16"}, None),
        ({"search_space": {"clip_norm": 1.0}}, "clip_norm is for trials one by one"),
        ({"search_space": {"l2": 1.0}}, None),
        ({"averaging": {"polyak": 0.5}}, "averaging is for trials one by one"),
        ({"workload": {"train_sample": 9}}, "workload.train_sample is for trials one by one"),
    ],
)
def test_what_cannot_be_stacked_says_why(further, why):
    plain = {"workload": {}, "optimizer": {"rule": "adam"}, "precision": "float32",
             "search_space": {"lr": 1.0}}  # fmt: skip
    found = why_not(plain | further)
    assert found is None if why is None else found.startswith(why)
