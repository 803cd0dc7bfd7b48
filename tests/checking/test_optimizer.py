"""Ten steps of optimizers of one's own with one fault each: it is found, and only it."""

import re

import pytest

from harness.checking import optimizer
from harness.checking.finding import LOOK, OK, WRONG
from harness.checking.subject import Subject
from harness.study.study import Study
from tests.studies import study, task

FAULTY = """
import torch


class Plain(torch.optim.Optimizer):
    sign = 1

    def __init__(self, params, lr=0.1):
        super().__init__(params, dict(lr=lr))

    def change(self, p, group):
        return p.grad

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(self.sign * group["lr"] * self.change(p, group))


class Uphill(Plain):
    sign = -1


class Forgets(Plain):
    count = 0

    def change(self, p, group):
        self.count += 1
        return p.grad / (1 + self.count)


class Random(Plain):
    def change(self, p, group):
        return p.grad * torch.rand(p.shape, generator=GENERATOR)


class Hoards(Plain):
    def change(self, p, group):
        self.state[p].setdefault("all", torch.zeros(20, *p.shape)).add_(p.grad)
        return p.grad


class Slow(Plain):
    def change(self, p, group):
        for _ in range(200):
            torch.linalg.eigvalsh(torch.eye(24) * p.grad.flatten()[0])
        return p.grad


class OneDimensional(Plain):
    def change(self, p, group):
        if p.dim() > 1:
            raise RuntimeError("vectors only")
        return p.grad


class Idle(Plain):
    def change(self, p, group):
        return 0 * p.grad


GENERATOR = torch.Generator()
"""


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Findings by what was looked at, of a class."""
    (tmp_path / "faulty_rules.py").write_text(FAULTY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def check(name):
        of = study("optimizer=sgd", "workload=digits_cnn", "schedule=constant", "model.width=4")
        rule = {"name": "mine", "rule": f"faulty_rules.{name}"}
        of = Study({**of.config, "optimizer": rule})
        return {each.what: each for each in optimizer.check(Subject(of, task(of), "cpu"))}

    return check


@pytest.mark.parametrize(
    ("name", "what", "verdict", "told"),
    [
        ("Uphill", "downhill", WRONG, "no lower at any of its first 8 points"),
        ("Forgets", "resumes", WRONG, "count differs|parameters.* differs"),
        ("Random", "deterministic", WRONG, "the same 10 steps twice end up to"),
        ("Hoards", "memory", LOOK, "holds 20 times the parameters"),
        pytest.param(
            "Slow", "cost", LOOK, r"a step takes \d+\.\d+ times SGD's", marks=pytest.mark.slow
        ),
    ],
)
def test_a_fault_is_found_and_nothing_else(found, name, what, verdict, told):
    seen = found(name)
    assert seen[what].verdict == verdict
    assert re.search(told, seen[what].told), seen[what].told
    beside = {
        "deterministic": ("resumes", "rehearsed"),
        "downhill": ("cost", "resumes"),
    }  # follow from it
    beside = (what, *beside.get(what, ()))
    assert {each.verdict for k, each in seen.items() if k not in beside} == {OK}


def test_a_sound_one_is_all_right(found):
    seen = found("Plain")
    assert {each.verdict for each in seen.values()} == {OK}
    assert list(seen) == [
        "constructs",
        "rehearsed",
        "downhill",
        "resumes",
        "deterministic",
        "memory",
        "cost",
    ]
    assert "holds 0 times the parameters" in seen["memory"].told


def test_one_that_cannot_step_stops_there(found):
    seen = found("OneDimensional")
    assert list(seen) == ["constructs"]
    assert seen["constructs"].verdict == WRONG
    assert "vectors only" in seen["constructs"].told


def test_a_step_that_changes_nothing_has_no_cost(found):
    seen = found("Idle")
    assert seen["downhill"].verdict == WRONG
    assert "changed no parameter" in seen["cost"].told
