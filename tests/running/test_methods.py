"""Methods beside the optimizer, by a user's words: part of the study, resumed to the bit, off by default."""

import numpy as np
import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from harness.__main__ import command
from harness.analysis.ensembles import error
from harness.errors import ConfigError
from harness.records import difficulty, tables, weights
from harness.records.folder import StudyFolder
from harness.records.record import deterministic
from harness.running.predictions import Member, predictions
from harness.running.trial import load_task
from harness.study.result import COMPLETE, FURTHER_COLUMNS
from tests.running.test_trial import CNN, LSTM, Interrupted
from tests.studies import record, result, study, task
from tests.workloads.conftest import made_shards
from workloads.models.resnet import ResNet
from workloads.task import DataError

BASE = ("optimizer=momentum", "search_space=digits_cnn/paper/momentum", *CNN)
METHODS = {
    "noise": ("+search_space.noise_eta={low: 1e-3, high: 1, scale: log}",),
    "clipping by norm": ("+search_space.clip_norm={low: 1e-2, high: 1e-1, scale: log}",),
    "clipping by value": ("+search_space.clip_value=1e-3",),
    "exponential average": ("averaging.exponential=0.9",),
    "mean of the parameters": ("averaging.polyak=0.3",),
    "both averages": ("averaging.exponential=0.9", "averaging.polyak=0.3"),
    "early stopping": ("stopping.patience=1", "stopping.margin=0.01"),
    "batch gradient descent": ("workload.batch_size=all",),
    "stochastic gradient descent": ("workload.batch_size=1",),
    "batch normalisation": ("model.batch_norm=true",),
    "training sample": ("workload.train_sample=100",),
}


@pytest.mark.parametrize("words", METHODS.values(), ids=METHODS)
def test_a_method_is_part_of_the_study_and_resumes_to_the_same_bits(words, tmp_path):
    of = study(*BASE, *words)
    assert of.fingerprint != study(*BASE).fingerprint
    trial = Interrupted(of, tmp_path)
    assert trial.run(stop_at=6) is None
    resumed, whole = trial.run(), record(of, 1)
    assert deterministic(resumed) == deterministic(whole)
    assert resumed["status"] == COMPLETE
    assert resumed["run"]["resumed_at_steps"] == [6]
    assert trial.warnings == []


def test_without_them_a_study_is_what_it_was():
    """The name of a study from before there were any, with its schedule's axes."""
    of = study("optimizer=adam", "search_space=digits_cnn/paper/adam")
    assert of.fingerprint == "19a6950d617f"


@pytest.mark.parametrize("name", ["noise", "clipping by norm", "clipping by value"])
def test_what_is_done_to_a_gradient_changes_the_training_alone(name):
    """The method's axis comes before the schedule's, so the coordinates before it stay."""
    plain, changed = study(*BASE), study(*BASE, *METHODS[name])
    assert result(changed)["point"]["lr"] == result(plain)["point"]["lr"]
    assert result(changed)["train_loss"] != result(plain)["train_loss"]


# --- averages, the training sample and early stopping ----------------------------------------------


def test_averages_and_the_training_sample_are_further_columns_and_change_nothing_else():
    plain = result(study(*BASE))
    of = study(*BASE, *METHODS["both averages"], *METHODS["training sample"])
    made = result(of)
    assert set(made["curve"]) - set(plain["curve"]) == set(FURTHER_COLUMNS)
    for name, values in plain["curve"].items():
        assert made["curve"][name] == values
    for name in FURTHER_COLUMNS:
        assert made[name] == made["curve"][name][-1]
        assert name not in plain
    assert made["curve"]["polyak_test_error"] == [
        None,
        made["curve"]["polyak_test_error"][1],
        made["polyak_test_error"],
    ]


def test_a_table_has_the_further_columns_that_any_trial_has(tmp_path):
    with_it, without = study(*BASE, *METHODS["training sample"]), study(*BASE)
    for of in (without, with_it, without):
        folder = StudyFolder(tmp_path, of)
        folder.create()
        folder.write(record(of))
    found = tables.read(tmp_path)
    has = found.trials["study"] == with_it.fingerprint
    assert found.trials["train_error"].notna().tolist() == has.tolist()
    curves = found.curves
    assert (curves["train_error"].notna() == (curves["study"] == with_it.fingerprint)).all()
    assert "polyak_val_error" not in curves


def test_early_stopping_says_when_it_stopped_and_which_step_it_reports():
    words = (
        "search_space=digits_cnn/paper/sgd",
        "search_space.lr=1e-9",
        "stopping.patience=2",
    )  # nothing improves after the first
    made = result(
        study("optimizer=sgd", *CNN, "workload.eval_every=2", "workload.test_every=0", *words)
    )
    assert made["stopping"] == {"stopped_at": 6, "reported_step": 2}
    assert (made["status"], made["steps"]) == (COMPLETE, 6)
    assert made["curve"]["step"] == [2, 4, 6]
    for name in ("val_error", "test_error", "train_loss"):
        assert made[name] == made["curve"][name][0] is not None


def test_a_trial_that_goes_on_improving_runs_to_its_last_step():
    made = result(study(*BASE, "stopping.patience=12"))
    assert made["stopping"]["stopped_at"] is None
    assert made["val_error"] == min(made["curve"]["val_error"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("stopping.margin=0.1",), "says nothing without stopping.patience"),
        (("stopping.patience=0",), "must be 1 or more, got 0"),
        (("stopping.patience=2", "pruning=halving"), "ends a trial before its rungs"),
        (("averaging.exponential=1",), r"a decay in \[0, 1\), got 1"),
        (("averaging.polyak=-0.1",), r"a share of the steps in \[0, 1\), got -0.1"),
        (("workload.train_sample=0",), "must be 1 or more, got 0"),
    ],
)
def test_a_mistake_is_one_line(words, message):
    with pytest.raises(ConfigError, match=message):
        study(*BASE, *words)


# --- weights ---------------------------------------------------------------------------------------


def state_error(of, state):
    model = task(of).model()
    model.load_state_dict(state)
    return task(of).evaluate(model, "validation")[0]


@pytest.mark.parametrize("further", [(), ("stopping.patience=1",)], ids=["", "stopped early"])
def test_weights_are_those_that_were_evaluated(further, tmp_path):
    of = study(*BASE, *further)
    folder = StudyFolder(tmp_path, of)
    folder.create()
    made = record(of, 2, lambda: False, None, None, weights.Weights(folder, 2, "evaluations"))
    errors, steps = made["curve"]["val_error"], made["curve"]["step"]
    assert weights.steps_of(folder.path, 2) == steps
    for step, expected in zip(steps, errors, strict=True):
        assert state_error(of, weights.read(folder.path, 2, f"{step:06d}")) == expected
    assert state_error(of, weights.read(folder.path, 2, weights.LAST)) == errors[-1]
    assert state_error(of, weights.read(folder.path, 2, weights.BEST)) == min(errors)
    assert deterministic(made) == result(of, 2)


def test_a_resumed_trial_leaves_the_same_weights(tmp_path):
    of = study(*BASE)
    trial = Interrupted(of, tmp_path, keep="weights")
    trial.run(stop_at=9)
    made = trial.run()
    best = weights.read(trial.folder.path, 1, weights.BEST)
    assert state_error(of, best) == min(made["curve"]["val_error"])
    names = sorted(path.name for path in (trial.folder.path / "weights" / "000001").iterdir())
    assert names == ["best.pt", "last.pt"]


def test_weights_that_are_not_there_or_damaged_say_so(tmp_path):
    of = study(*BASE)
    folder = StudyFolder(tmp_path, of)
    folder.create()
    with pytest.raises(ConfigError, match="trial 0 kept no weights; train it with keep=weights"):
        weights.read(folder.path, 0)
    record(of, 0, lambda: False, None, None, weights.Weights(folder, 0, "weights"))
    path = folder.path / "weights" / "000000" / "last.pt"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ConfigError, match=r"is not usable .*damaged"):
        weights.read(folder.path, 0)


# --- batch, stochastic and minibatch gradient descent -----------------------------------------------


def test_a_step_of_batch_descent_is_along_the_mean_gradient_of_the_training_set():
    of = study(*BASE, "workload.batch_size=all")
    assert of.config["workload"]["batch_size"] == 1077
    assert of.fingerprint == study(*BASE, "workload.batch_size=1077").fingerprint
    torch.manual_seed(0)
    model, every, one = task(of).model(), task(of), task(study(*BASE, "workload.batch_size=1"))

    def gradient(losses):
        (loss,) = [sum(losses) / len(losses)]
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])

    whole = gradient([every.train_loss(model, 3, 0, None)[0]])
    single = gradient([one.train_loss(model, step, 0, None)[0] for step in range(1077)])
    torch.testing.assert_close(whole, single, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("workload.batch_size=some",), "must be 1 or more, or all, got 'some'"),
        (("workload.batch_size=0",), "must be 1 or more, or all, got 0"),
        (
            ("workload=python_docs_lstm", "workload.batch_size=all"),
            r"has no training_examples\(data\)",
        ),
    ],
)
def test_a_batch_size_that_is_none_says_so(words, message):
    with pytest.raises(ConfigError, match=message):
        study("optimizer=momentum", *words)


# --- batch normalisation ----------------------------------------------------------------------------


@pytest.mark.parametrize("workload", ["digits_cnn", "digits_mlp"])
def test_batch_normalisation_is_on_or_off(workload):
    off = study(f"workload={workload}", "optimizer=momentum")
    on = study(f"workload={workload}", "optimizer=momentum", "model.batch_norm=true")
    assert "batch_norm" not in off.config["model"]
    norms = [
        sum(isinstance(each, _BatchNorm) for each in task(of).model().modules()) for of in (off, on)
    ]
    assert norms == [0, {"digits_cnn": 2, "digits_mlp": 1}[workload]]


def test_a_residual_network_can_do_without():
    with_it, without = ResNet(8, 4, 10), ResNet(8, 4, 10, batch_norm=False)
    assert sum(isinstance(each, _BatchNorm) for each in with_it.modules()) == 7
    assert not list(without.buffers())
    assert without(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


# --- ensembles --------------------------------------------------------------------------------------


@pytest.mark.parametrize("workload", [CNN, LSTM], ids=["images", "characters"])
def test_kept_weights_predict_what_the_record_says(workload, tmp_path):
    of = study(*workload, "optimizer=sgd")
    folder = StudyFolder(tmp_path, of)
    folder.create()
    made = record(of, 0, lambda: False, None, None, weights.Weights(folder, 0, "weights"))
    for split in ("validation", "test"):
        found = predictions(of, folder.path, [Member(0, weights.LAST)], split)
        name = {"validation": "val_error", "test": "test_error"}[split]
        assert error(*found) == pytest.approx(made[name])
        np.testing.assert_allclose(found.probabilities.sum(2), 1, rtol=1e-5)


def test_a_workload_that_predicts_no_classes_says_so(tmp_path):
    of = study(
        "workload=quadratic_deep", "optimizer=sgd", "workload.steps=4", "workload.eval_every=4"
    )
    folder = StudyFolder(tmp_path, of)
    folder.create()
    record(of, 0, lambda: False, None, None, weights.Weights(folder, 0, "weights"))
    with pytest.raises(ConfigError, match="quadratic_deep has no predict"):
        predictions(of, folder.path, [Member(0, weights.LAST)], "test")


# --- curriculum --------------------------------------------------------------------------------------


@pytest.fixture
def scores(tmp_path):
    """The difficulty of the digits by a reference trial, as the command writes it."""
    root = tmp_path / "reference"
    of = study(*BASE)
    folder = StudyFolder(root, of)
    folder.create()
    folder.write(record(of, 0, lambda: False, None, None, weights.Weights(folder, 0, "weights")))
    assert command(["difficulty", str(root), "--out", str(tmp_path / "scores.csv")]) == 0
    return tmp_path / "scores.csv"


def test_a_length_needs_a_workload_whose_examples_have_one(tmp_path, capsys):
    data = [f"data.{name}={value}" for name, value in made_shards(tmp_path / "text").items()]
    words = ["--of", "length", "--out", str(tmp_path / "lengths.csv"), "optimizer=sgd"]
    assert command(["difficulty", *words, "workload=lm1b_transformer", *data]) == 0
    lengths = difficulty.read(tmp_path / "lengths.csv")
    assert lengths.max() == 24
    assert len(lengths) == 102
    assert command(["difficulty", *words, "workload=digits_cnn"]) == 2
    assert "digits_cnn has no training_lengths()" in capsys.readouterr().err
    assert command(["difficulty", "--out", "x.csv"]) == 2
    assert "a loss needs the results folder of a reference trial" in capsys.readouterr().err


def test_the_difficulty_is_the_loss_of_each_training_example(scores):
    losses = difficulty.read(scores)
    assert len(losses) == 1077
    of = study(*BASE)
    model = task(of).model()
    root = scores.parent / "reference"
    (path,) = [each.parent for each in root.glob("*/*/*/study.json")]
    model.load_state_dict(weights.read(path, 0))
    _, mean = task(of).evaluate_training(model, 1077)
    assert losses.mean() == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("name", ["naive", "mixed", "combined"])
def test_a_curriculum_is_part_of_the_study_and_resumes_to_the_same_bits(name, scores, tmp_path):
    of = study(*BASE, f"order={name}", f"order.scores={scores}")
    elsewhere = tmp_path / "copy.csv"
    elsewhere.write_text(scores.read_text())
    assert study(*BASE, f"order={name}", f"order.scores={elsewhere}").fingerprint == of.fingerprint
    assert of.fingerprint != study(*BASE).fingerprint
    trial = Interrupted(of, tmp_path)
    assert trial.run(stop_at=6) is None
    assert deterministic(trial.run()) == result(of, 1)
    assert result(of, 1)["train_loss"] != result(study(*BASE), 1)["train_loss"]


def test_a_curriculum_that_is_none_says_so(scores, tmp_path):
    for words, message in (
        (("order=naive",), "order=naive needs order.scores=FILE"),
        (("order=mixed", f"order.scores={tmp_path}/no.csv"), "cannot be read .*; write it with"),
        (("order.pace=0.5",), "order.pace=0.5 says nothing under order=shuffled"),
        (("order=naive", f"order.scores={scores}", "order.pace=2"), r"a share in \(0, 1\], got 2"),
    ):
        with pytest.raises(ConfigError, match=message):
            study(*BASE, *words)
    text = study(
        "workload=python_docs_lstm", "optimizer=sgd", "order=mixed", f"order.scores={scores}"
    )
    with pytest.raises(DataError, match="python_docs_lstm has no in_order"):
        load_task(text, "cpu")
