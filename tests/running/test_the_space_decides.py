"""A sign-momentum of one's own beside Adam: one answer whichever space Adam has, or a warning first.

Each Adam is the same rule on ranges that somebody would call sensible. On some it loses nearly all its
races: that is the space's doing, and is said before any verdict.
"""

from functools import partial

import numpy as np
import pytest

from harness.analysis.checking import check
from harness.analysis.pairs import BETTER, CANT_TELL
from harness.analysis.reading import Results
from harness.records import tables
from harness.report.comparison import analyse
from harness.report.question import Question
from harness.study.space import Range
from harness.study.study import Study
from tests import studies

SIGN = """
import torch

class SignMomentum(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, beta1=0.9):
        super().__init__(params, dict(lr=lr, beta1=beta1))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - group["beta1"])
                p.sub_(group["lr"] * m.sign())
"""
SMALL = ("workload.steps=60", "workload.eval_every=60", "model.width=4")
TRIALS, K = 40, 4  # as few as are judged
SCHEDULE = ("decay_steps_factor", "end_factor")
BETAS = {"one_minus_beta1": (1e-3, 1.0), "one_minus_beta2": (1e-4, 1.0)}
SPACES = {
    "the paper's coordinates": {"lr_over_eps": (4e-3, 1e4), **BETAS, "eps": (1e-8, 1e4)},
    "AdamW's usual ranges": {"lr": (1e-4, 1e-1), **BETAS, "eps": (1e-10, 1e-2)},
    "the broad first stage": {"lr_over_eps": (1e-2, 1e4), **BETAS, "eps": (1e-10, 1e10)},
    "effective rates": {"effective_lr": (0.03, 3.0), **BETAS, "eps": (1e-10, 1e4)},
}
MINE = {"effective_lr": (0.03, 3.0), "one_minus_beta1": (1e-3, 1.0)}


def trained(name, rule, axes, trials=TRIALS):
    """The study of an optimizer on these ranges, and its trials."""
    base = studies.study("optimizer=adam", *SMALL).config
    space = {axis: Range(axis, *ends).node for axis, ends in axes.items()}
    space |= {axis: base["search_space"][axis] for axis in SCHEDULE}
    of = Study({
        **base, "optimizer": {"name": name, "rule": rule}, "search_space": space, "gradient_scale": 2.8e-2,
    })  # fmt: skip
    return of, [studies.record(of, trial) for trial in range(trials)]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """mine(trials): the study of a class of one's own, and its trials."""
    (tmp_path / "my_sign_momentum.py").write_text(SIGN)
    monkeypatch.syspath_prepend(tmp_path)
    return partial(trained, "mine", "my_sign_momentum.SignMomentum", MINE)


def judged(one, other):
    """The report's verdict on mine against Adam, and what it says of that, the first first."""
    (mine, my_records), (adam, its_records) = one, other
    trials = check(tables.of([*my_records, *its_records], {}).trials)
    studies = {of.fingerprint: of for of in (mine, adam)}
    analysis = analyse(Results(trials, None, studies), Question(baseline="adam", budget=K))
    (pair,) = analysis.pairs.to_dict("records")
    assert (pair["a"], pair["b"]) == ("mine", "adam")
    (answer,) = analysis.answers
    return pair["verdict"], answer


@pytest.mark.slow
def test_one_answer_from_every_sensible_space_or_a_warning_first(mine):
    own = mine()
    assert np.mean([record["status"] == "complete" for record in own[1]]) > 0.9
    answers = {name: judged(own, trained("adam", "adam", axes)) for name, axes in SPACES.items()}
    warned = {
        name
        for name, (_, answer) in answers.items()
        if answer.caution.startswith("The baseline's search space is poor: ")
    }
    assert warned == {"the paper's coordinates", "the broad first stage"}
    assert {answers[name][0] for name in answers.keys() - warned} == {CANT_TELL}  # one answer
    misled = [name for name in warned if answers[name][0] == BETTER]
    assert misled  # as without the warning one would believe
    for name in misled:
        assert "mine is better than Adam" in answers[name][1].headline


def test_effective_rates_are_solved_for_ones_own_class(mine):
    of, records = mine(3)
    for record in records:
        solved = record["hyperparameters"]["lr"]
        assert solved == pytest.approx(
            record["point"]["effective_lr"] * of.config["gradient_scale"]
        )
        assert record["status"] == "complete"
