"""The optimizers that are ready to compare: each trains the digits to below an error, and resumes to the bit."""

import sys
from pathlib import Path

import pytest
import torch

from harness.config import build
from harness.errors import ConfigError
from harness.records.checkpoint import from_bytes, to_bytes
from harness.study.parametrisation import meaning
from harness.training import optimizers
from harness.training.effective_rate import in_learning_rates
from harness.training.train import Training
from tests.config.test_compose import put_together
from tests.studies import jobs, study, task
from tests.training.made_up import vector

CONF = Path(__file__).parents[2] / "conf"
# (a trial of its search space as it stands, the validation error that it gets below in 300 steps)
READY = {
    "adagrad": (4, 0.06), "adadelta": (1, 0.06), "adamax": (0, 0.06), "adamw": (1, 0.06),
    "radam": (0, 0.06), "nadamw": (0, 0.06), "adafactor": (2, 0.06), "rprop": (4, 0.12),
    "lion": (0, 0.06), "muon": (4, 0.06), "soap": (0, 0.06), "schedule_free_sgd": (1, 0.06),
    "schedule_free_adamw": (4, 0.06), "prodigy": (0, 0.06), "ademamix": (0, 0.06), "sam": (4, 0.06),
    "lbfgs": (0, 0.08), "shampoo": (0, 0.1),
}  # fmt: skip
# A second each: one of torch's, one of two groups, one of each package.
QUICK = ("adamw", "muon", "lion", "schedule_free_adamw")
PACKAGES = ("pytorch_optimizer", "schedulefree")
STEPS, SAVED_AT = 300, 250
WORKLOADS = ("digits_cnn", "python_docs_lstm")


def words(optimizer, *further):
    for package in PACKAGES:
        if package in (CONF / "optimizer" / f"{optimizer}.yaml").read_text(encoding="utf-8"):
            pytest.importorskip(package)
    return (f"optimizer={optimizer}", *further)


def begin(of, trial=0):
    """As `run_trial` does."""
    point = in_learning_rates(of.config, of.point(trial), task(of).model)
    return Training(of.config, point, of.seeds(trial), task(of), "cpu")


@pytest.mark.parametrize(
    "optimizer",
    [pytest.param(each, marks=[pytest.mark.slow] * (each not in QUICK)) for each in READY],
)
def test_it_trains_the_digits_and_resumes_to_the_bit(optimizer):
    trial, error = READY[optimizer]
    of = study(*words(optimizer, f"workload.steps={STEPS}", "workload.eval_every=50"))
    whole, saved = begin(of, trial), None

    def save():
        nonlocal saved
        if whole.step == SAVED_AT:
            saved = to_bytes({"state": whole.state()})
        return False

    whole_final = whole.results(whole.run(save))
    assert whole_final["status"] == "complete"
    assert whole_final["val_error"] < error
    resumed = begin(of, trial)
    resumed.restore(from_bytes(saved)["state"])
    assert resumed.step == SAVED_AT
    assert resumed.results(resumed.run(lambda: False)) == whole_final
    assert torch.equal(vector(resumed), vector(whole))


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("optimizer", READY)
def test_it_has_a_search_space_with_its_source_on_each_workload(optimizer, workload):
    path = CONF / "search_space" / workload / f"{optimizer}.yaml"
    assert path.read_text(encoding="utf-8").startswith("# Source: ")
    words(optimizer)  # skipped where its package is missing
    of = put_together(optimizer, f"{workload}/{optimizer}", f"workload={workload}")
    assert of.optimizer == optimizer
    assert len({meaning(axis) for axis in of.space}) == len(of.space)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """The two large workloads, small: words of a run on a text of one's own and on made images."""
    text = tmp_path_factory.mktemp("text") / "text"
    text.write_text("all happy families are alike; " * 600, encoding="utf-8")
    few = ("workload.steps=2", "workload.eval_every=2", "workload.test_every=0")
    return {
        "war_and_peace_lstm": (
            f"data.file={text}", "data.any_edition=true", "model.hidden_size=8", "model.sequence_length=5",
            "workload.batch_size=4", *few,
        ),
        "cifar10_resnet32": (
            "workload.module=tests.made_images", "model.width=4", "workload.batch_size=8", *few,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("optimizer", READY)
def test_it_composes_and_trains_on_one_of_the_large_ones(optimizer, large):
    for workload in large:
        path = CONF / "search_space" / workload / f"{optimizer}.yaml"
        assert path.read_text(encoding="utf-8").startswith("# Source: ")
    workload = list(large)[list(READY).index(optimizer) % len(large)]
    of = study(*words(optimizer, f"workload={workload}", *large[workload]))
    made = begin(of)
    assert made.results(made.run(lambda: False))["steps"] == 2


@pytest.mark.parametrize("optimizer", ["muon", "soap", "schedule_free_adamw", "sam", "lbfgs"])
def test_it_runs_on_the_text_too(optimizer):
    """Recurrent layers, a carried state, frozen biases."""
    small = (
        "workload=python_docs_lstm",
        "workload.steps=3",
        "workload.eval_every=3",
        "model.hidden_size=8",
    )
    of = study(*words(optimizer, *small))
    made = begin(of)
    assert made.results(made.run(lambda: False))["status"] == "complete"


@pytest.mark.slow
def test_one_command_compares_them():
    for package in PACKAGES:
        pytest.importorskip(package)
    requests = build.requests(jobs("experiment=modern_digits"))
    compared = [request.study.optimizer for request in requests]
    assert set(READY) < set(compared)
    assert compared[:6] == ["sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam"]
    assert {request.study.config["schedule"]["name"] for request in requests} == {"linear"}


@pytest.mark.parametrize("optimizer", ["schedule_free_sgd", "schedule_free_adamw"])
@pytest.mark.parametrize("schedule", ["linear", "cosine", "exponential", "inverse_time", "wsd"])
def test_what_needs_no_schedule_has_none(optimizer, schedule):
    of = study(*words(optimizer, f"schedule={schedule}"))
    made = begin(of)
    assert {made.chain.factor(step) for step in (0, 100, 399)} == {1.0}


def test_without_its_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "schedulefree", None)  # import raises then
    says = r"'schedulefree.SGDScheduleFree' cannot be imported .*; install the extra: pip install .*modern"
    with pytest.raises(ConfigError, match=says):
        optimizers.load_class("schedulefree.SGDScheduleFree")
