"""A trial is a pure function of (study, index): the same bits however it is run."""

import math
import subprocess
import sys

import pytest
import torch
from hydra import compose, initialize_config_module

from harness.config import build as config
from harness.records.reading import read_records
from harness.training import train

TINY = ("workload.steps=12", "workload.eval_every=4", "model.width=4")
RUN = ("device=cpu",)


def study(*overrides):
    config.register()
    with initialize_config_module("harness.conf", version_base="1.3"):
        return config.study(compose("config", [*TINY, *overrides]))


def record(of, trial=0):
    """The deterministic part of a trial's record, trained in this process."""
    torch.set_num_threads(1)
    made = train.run_trial(of, trial, train.load_task(of, "cpu"), "cpu")
    del made["run"]
    return made


def sweep(root, *arguments):
    command = [sys.executable, "-m", "harness", *TINY, *RUN, f"root={root}", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    records = {}
    for each in read_records(root):
        del each["run"]
        records[each["optimizer"], each["trial"]] = each
    return records


def test_the_same_bits_alone_in_a_sweep_in_any_order_with_any_workers(tmp_path):
    wide = ("-m", "optimizer=adam,momentum", "num_trials=4")
    two = sweep(tmp_path / "two", *wide, "workers=2")
    one = sweep(tmp_path / "one", *wide, "workers=1")
    assert len(two) == 8
    assert one == two
    sweep(tmp_path / "pieces", "optimizer=momentum", "first_trial=2", "num_trials=2", "workers=1")
    sweep(tmp_path / "pieces", "optimizer=momentum", "trial=1", "workers=1")
    pieces = sweep(
        tmp_path / "pieces", "-m", "optimizer=momentum,adam", "num_trials=4", "workers=2"
    )
    assert pieces == two
    alone = record(study("optimizer=adam"), 3)
    assert alone == two["adam", 3]


def test_a_record_tells_the_whole_story():
    made = record(study("optimizer=rmsprop"))
    assert made["status"] == "complete"
    assert made["steps"] == 12
    curve = made["curve"]
    assert curve["step"] == [4, 8, 12]
    assert curve["test_error"][:2] == [None, None]  # test_every=0: at the last step only
    assert made["test_error"] == curve["test_error"][-1]
    assert made["val_error"] == curve["val_error"][-1]
    hyper = made["hyperparameters"]
    point = made["point"]
    assert hyper["lr"] == pytest.approx(point["lr_over_sqrt_eps"] * point["eps"] ** 0.5)
    assert curve["learning_rate"][0] < hyper["lr"]
    assert set(made["seeds"]) == {"initialisation", "data_order", "dropout"}


def test_test_errors_come_as_often_as_asked():
    curve = record(study("optimizer=sgd", "workload.test_every=8"))["curve"]
    assert [value is not None for value in curve["test_error"]] == [False, True, True]


def test_evaluating_changes_nothing_that_is_trained():
    often = record(study("optimizer=momentum", "workload.eval_every=2"))
    seldom = record(study("optimizer=momentum", "workload.eval_every=12"))
    assert often["val_loss"] == seldom["val_loss"]


def test_a_trial_that_diverges_is_a_result():
    made = record(study("optimizer=sgd", "search_space.lr=1e30"))
    assert made["status"] == "diverged"
    assert made["val_error"] is None
    assert made["error"] is None
    assert 0 < made["steps"] < 12


def test_a_trial_that_raises_keeps_its_traceback(monkeypatch):
    of = study("optimizer=sgd")
    monkeypatch.setattr(train.Training, "train_one_step", lambda self: 1 / 0)
    made = record(of)
    assert made["status"] == "failed"
    assert "ZeroDivisionError" in made["error"]


def test_training_learns():
    """Ten classes: chance is 90 % wrong. A reasonable setting gets under half of that in 60 steps."""
    of = study("optimizer=sgd", "search_space.lr=0.1", "workload.steps=60", "model.width=16")
    made = record(of)
    assert made["val_error"] < 0.45
    assert made["curve"]["train_loss"][0] > made["train_loss"]
    assert made["curve"]["train_loss"][0] < 1.5 * math.log(10)


def test_l2_adds_its_gradient():
    """One SGD step with l2 = λ differs from one without by lr·λ·θ0, exactly the added gradient."""
    common = ("optimizer=sgd", "search_space.lr=0.1", "workload.steps=1", "workload.eval_every=1")

    def weights(*overrides):
        of = study(*common, *overrides)
        hyper = train.space.hyperparameters(of.point(0))
        task = train.load_task(of, "cpu")
        training = train.Training(of, hyper, of.seeds(0), task, "cpu")
        start = training.parameters.values.clone()
        training.train_one_step()
        return start, training.parameters.values

    start, plain = weights()
    _, decayed = weights("+search_space.l2=0.3")
    torch.testing.assert_close(plain - decayed, 0.1 * 0.3 * start, rtol=1e-3, atol=1e-6)


def test_bfloat16_is_another_study_and_trains_too():
    low = study("optimizer=sgd", "search_space.lr=0.1", "precision=bfloat16")
    full = study("optimizer=sgd", "search_space.lr=0.1")
    assert low.fingerprint != full.fingerprint
    a, b = record(low), record(full)
    assert a["status"] == "complete"
    assert a["train_loss"] != b["train_loss"]
    assert a["train_loss"] == pytest.approx(b["train_loss"], rel=0.05)


def test_a_torch_optimizer_trains_on_the_same_trainer():
    assert record(study("optimizer=adamw"))["status"] == "complete"


def test_num_feasible_runs_the_same_set_whatever_the_workers(tmp_path):
    arguments = ("optimizer=momentum", "num_feasible=4", "max_trials=40")
    wide = ("search_space.lr.low=1", "search_space.lr.high=1e12")
    one = sweep(tmp_path / "one", *arguments, *wide, "workers=1")
    two = sweep(tmp_path / "two", *arguments, *wide, "workers=2")
    assert one == two
    statuses = [each["status"] for each in one.values()]
    assert statuses.count("complete") == 4
    assert statuses[-1] == "complete"  # it stopped at the fourth
    assert "diverged" in statuses
