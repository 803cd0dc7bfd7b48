"""The checklist on workloads with one fault each: it is found, and only it."""

import pytest

from harness.checking import workload
from harness.checking.finding import LOOK, OK, WRONG
from harness.checking.subject import Subject
from harness.running.trial import load_task
from harness.study.study import Study
from tests.studies import study

FAULTY = """
import torch
from torch import nn
from workloads.tasks.digits import digits_task


class Skewed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return 1.02 * gradient


class Net(nn.Module):
    def __init__(self, fault):
        super().__init__()
        self.fault = fault
        self.first, self.second = nn.Linear(64, 24), nn.Linear(24, 24)
        self.last = nn.Linear(24, 10)
        if fault == "start":
            nn.init.normal_(self.last.weight, std=8.0)
        if fault == "dead":
            nn.init.constant_(self.second.bias, -1e3)

    def forward(self, x):
        hidden = self.first(x.flatten(1)).relu()
        if self.fault == "gradient":
            hidden = Skewed.apply(hidden)
        hidden = torch.relu(self.second(hidden))
        if self.fault == "random":
            hidden = hidden + 0.1 * torch.randn(hidden.shape, generator=GENERATOR)
        if self.fault == "detached":
            hidden = hidden.detach()
        if self.fault == "dropout":
            hidden = nn.functional.dropout(hidden, 0.3, self.training)
        if self.fault == "float32":
            hidden = hidden.float()
            return nn.functional.linear(hidden, self.last.weight.float()).to(x.dtype)
        return self.last(hidden)


GENERATOR = torch.Generator()


def load(data, model, batch_size, device):
    return digits_task(lambda: Net(model["fault"]), batch_size, device)
"""


@pytest.fixture
def seen(tmp_path, monkeypatch):
    """Findings by what was looked at, of a fault."""
    (tmp_path / "faulty_net.py").write_text(FAULTY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def check(fault):
        config = dict(study("optimizer=sgd", "workload=digits_cnn").config)
        config["workload"] = {**config["workload"], "module": "faulty_net"}
        config["model"] = {"fault": fault}
        of = Study(config)

        def load(batch_size):
            small = {**config["workload"], "batch_size": batch_size}
            return load_task(Study({**config, "workload": small}), "cpu")

        drawn = workload.Seen()
        found = workload.check(Subject(of, load_task(of, "cpu"), "cpu"), load, 20, drawn, 1.0)
        return {each.what: each for each in found}, drawn

    return check


def verdicts(found, *but_for):
    return {
        each.verdict
        for what, each in found.items()
        if what not in ("gradient scale", "updates", *but_for)
    }


def test_a_sound_workload_is_all_right_and_leaves_something_to_draw(seen):
    found, drawn = seen("none")
    assert verdicts(found) == {OK}
    assert "numbers of 6 tensors" in found["gradient"].told
    assert len(drawn.rates) == 10
    assert {row["layer"] for row in drawn.activations} == {"Net relu", "Net relu 2"}


def test_dropout_is_held_still(seen):
    found, _ = seen("dropout")
    assert verdicts(found, "overfits") == {OK}


def test_a_gradient_two_per_cent_off_in_one_layer_is_wrong(seen):
    found, _ = seen("gradient")
    for what in ("gradient", "gradient, later"):
        assert found[what].verdict == WRONG
        assert "first." in found[what].told
        assert "second." not in found[what].told
        assert "1.02 times what it should be" in found[what].told
    assert verdicts(found, "gradient", "gradient, later") == {OK}


def test_a_part_of_the_model_that_learns_nothing_is_wrong_or_named(seen):
    found, _ = seen("detached")
    assert found["gradient"].verdict == WRONG  # the loss does depend on it
    assert "first." in found["gradient"].told


def test_a_start_that_is_not_chance_is_wrong(seen):
    found, _ = seen("start")
    assert found["loss at start"].verdict == WRONG
    assert "initial outputs are too large" in found["loss at start"].told


def test_a_loss_that_is_another_each_time_is_wrong(seen):
    found, _ = seen("random")
    assert found["gradient"].verdict == WRONG
    assert "another loss each time" in found["gradient"].told


def test_dead_units_are_counted_and_named(seen):
    found, _ = seen("dead")
    assert found["units"].verdict == WRONG
    assert "100% of the units are dead (Net relu 2)" in found["units"].told


def test_a_loss_in_float32_is_not_called_wrong(seen):
    found, _ = seen("float32")
    assert found["gradient"].verdict in (LOOK, OK)
