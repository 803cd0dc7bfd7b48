"""``harness new``: what it writes composes, checks and runs; nothing is written over."""

import re
import sys

import pytest
import yaml

from harness.__main__ import command
from harness.analysis import space_check
from harness.config import build, compose
from harness.errors import EXIT_COMPLETE, EXIT_USAGE
from harness.running import probe
from harness.running.trial import run_trial
from harness.study.space import parse
from tests.studies import task

MINE = """
import torch


class Mine(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-2, betas=(0.9, 0.99), weight_decay=0.0, alpha=2.0, nesterov=False):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - group["betas"][0])
                p.sub_(group["lr"] * m)


class Counted(Mine):
    def __init__(self, params, total_steps, lr=None, momentum=0.0):
        super().__init__(params, lr=0.1)


class NoRate(Mine):
    def __init__(self, params, beta1=0.5, slow_decay=0.9):
        super().__init__(params, lr=0.1)


class Wrapping(Mine):
    def __init__(self, params, base_optimizer, rho=0.05, **kwargs):
        super().__init__(params, lr=kwargs["lr"])
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(probe, "measure", lambda *given: probe.Cost(1e-3, 1e-2, 2**20))
    (tmp_path / "my_rules.py").write_text(MINE, encoding="utf-8")
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def new(*words):
    return command(["new", *words])


def trained(*words):
    """Trial 0 of what the words compose, of a few steps."""
    small = ["--config-dir", "my_conf", *words, "workload.steps=4", "workload.eval_every=4"]
    (job,) = compose.compose(small)
    of = build.study(*job)
    return run_trial(of, 0, task(of), "cpu")


def found_by(text):
    """How a report says that such a space was found."""
    head = " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
    return next(name for told, name in space_check.FOUND_BY if re.search(told, head))


def axes(path):
    return parse(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_an_optimizer_from_its_signature(here, capsys):
    words = ("--class", "my_rules.Mine", "--workload", "digits_cnn,digits_mlp")
    assert new("optimizer", "mine", *words) == EXIT_COMPLETE
    out = capsys.readouterr().out
    assert "harness check --config-dir my_conf optimizer=mine workload=digits_cnn\n" in out
    for workload in ("digits_cnn", "digits_mlp"):
        space = axes(here / "my_conf" / "search_space" / workload / "mine.yaml")
        assert list(space) == ["lr", "one_minus_beta1", "one_minus_beta2", "weight_decay"]
        assert space["lr"].ends == pytest.approx((1e-4, 10.0))
        assert trained("optimizer=mine", f"workload={workload}")["status"] == "complete"
    text = (here / "my_conf" / "search_space" / "digits_cnn" / "mine.yaml").read_text()
    assert (
        "lr: {low: 1.0e-04, high: 1.0e+01, scale: log} # five decades; the class's own is 0.01"
        in text
    )
    assert "# alpha: {low: 2.0e-01, high: 2.0e+01, scale: log} # no convention; held at 2" in text
    assert found_by(text) == space_check.BY_HAND
    definition = (here / "my_conf" / "optimizer" / "mine.yaml").read_text()
    assert "# arguments: {nesterov: false} # the class's own, not searched" in definition
    assert command(["check", "--config-dir", "my_conf", "optimizer=mine", "device=cpu"]) == 0


@pytest.mark.parametrize(
    ("name", "further", "expected", "schedule"),
    [
        ("Counted", [], ["lr", "one_minus_momentum"], []),
        ("NoRate", [], ["one_minus_beta1", "one_minus_slow_decay"], ["schedule=constant"]),
        ("Wrapping", ["--argument", "base_optimizer={import: torch.optim.SGD}"], ["lr"], []),
    ],
)
def test_classes_of_other_kinds(here, capsys, name, further, expected, schedule):
    assert new("optimizer", "other", "--class", f"my_rules.{name}", *further) == EXIT_COMPLETE
    assert list(axes(here / "my_conf" / "search_space" / "digits_cnn" / "other.yaml")) == expected
    if schedule:
        assert "schedule=constant" in capsys.readouterr().out
    assert trained("optimizer=other", *schedule)["status"] == "complete"


@pytest.mark.parametrize(
    "path",
    [
        "torch.optim.AdamW", "torch.optim.LBFGS", "pytorch_optimizer.Prodigy", "schedulefree.RAdamScheduleFree",
        *(pytest.param(path, marks=pytest.mark.slow) for path in (
            "torch.optim.Rprop", "torch.optim.ASGD", "torch.optim.Adafactor", "pytorch_optimizer.Ranger21",
            "pytorch_optimizer.CAME", "pytorch_optimizer.Tiger",
        )),
    ],
)  # fmt: skip
def test_what_it_writes_of_others_composes_and_runs(here, path):
    pytest.importorskip(path.partition(".")[0])
    assert new("optimizer", "theirs", "--class", path) == EXIT_COMPLETE
    assert trained("optimizer=theirs")["status"] == "complete"


def test_a_workload_runs_and_checks_as_it_is_written(here, capsys):
    assert new("workload", "my_task") == EXIT_COMPLETE
    for optimizer in ("sgd", "adam", "rmsprop"):
        record = trained("workload=my_task", f"optimizer={optimizer}")
        assert record["status"] in ("complete", "diverged")
    space = here / "my_conf" / "search_space" / "my_task" / "adam.yaml"
    assert found_by(space.read_text(encoding="utf-8")) == space_check.BY_HAND
    words = ["workload=my_task", "--seconds", "10", "device=cpu"]
    assert command(["check", "--config-dir", "my_conf", *words]) == EXIT_COMPLETE
    assert "\n  wrong" not in capsys.readouterr().out
    assert new("optimizer", "mine", "--class", "my_rules.Mine", "--workload", "my_task") == 0
    assert trained("workload=my_task", "optimizer=mine")["status"] == "complete"


def test_nothing_is_written_over(here, capsys):
    (here / "my_task.py").write_text("mine", encoding="utf-8")
    assert new("workload", "my_task") == EXIT_USAGE
    assert "my_task.py is there already, and nothing is written over" in capsys.readouterr().err
    assert (here / "my_task.py").read_text(encoding="utf-8") == "mine"
    assert not (here / "my_conf").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["optimiser", "mine"], "harness new 'optimiser' is not one of: optimizer, workload"),
        (["optimizer", "my-own", "--class", "my_rules.Mine"], "a name is a word, got 'my-own'"),
        (["optimizer", "mine"], "--class is the import path of an optimizer class, got None"),
        (["optimizer", "mine", "--class", "my_rules.Nothing"], "cannot be imported"),
        (["optimizer", "adam", "--class", "my_rules.Mine"], "optimizer 'adam' is shipped"),
        (
            ["optimizer", "mine", "--class", "my_rules.Mine", "--workload", "nowhere"],
            "--workload 'nowhere' is not one of: ",
        ),
        (
            ["optimizer", "mine", "--class", "my_rules.Wrapping"],
            "Wrapping must be given base_optimizer; as in --argument base_optimizer=VALUE",
        ),
        (
            ["optimizer", "mine", "--class", "my_rules.Mine", "--argument", "alpha"],
            "--argument 'alpha' is not NAME=VALUE",
        ),
        (["workload", "digits_cnn"], "workload 'digits_cnn' is shipped"),
        (["workload", "torch"], "torch.py would stand before the package of that name"),
        (["workload", "mine", "--class", "my_rules.Mine"], "are for an optimizer"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(here, capsys, words, says):
    assert new(*words) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert says in err
    assert not (here / "my_conf").exists()
