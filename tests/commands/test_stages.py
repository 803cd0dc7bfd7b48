"""``harness stages``: the same two stages for every optimizer, a user's own included."""

import itertools

import pytest
import yaml

from harness.__main__ import command
from harness.study.space import parse

SMALL = ["workload.steps=6", "workload.eval_every=6", "model.width=2", "device=cpu", "workers=2"]
SIGN = """
import torch

class SignMomentum(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, beta1=0.9, alpha=1.0, nesterov=False):
        super().__init__(params, dict(lr=lr, beta1=beta1, alpha=alpha))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - group["beta1"])
                p.sub_(group["lr"] * group["alpha"] * m.sign())
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder with an optimizer of one's own, and its configuration in conf/."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_sign.py").write_text(SIGN)
    (tmp_path / "conf" / "optimizer").mkdir(parents=True)
    (tmp_path / "conf" / "optimizer" / "mine.yaml").write_text(
        "name: mine\nrule: my_sign.SignMomentum\n"
    )
    return tmp_path


def stages(*words):
    return command(["stages", "workload=digits_cnn", *words])


def space(path):
    return parse(yaml.safe_load(path.read_text()))


@pytest.mark.slow
def test_every_optimizer_gets_a_space_from_its_own_trials(own, capsys):
    words = ("optimizer=sgd,mine", "root=found", "num_trials=22", *SMALL)
    assert stages(*words, "--config-dir", "conf") == 0
    folder = own / "conf" / "search_space" / "digits_cnn"
    sgd, mine = (space(folder / f"{name}.yaml") for name in ("sgd", "mine"))
    assert list(sgd) == ["lr"]  # its effective rate is its learning rate
    assert list(mine) == ["effective_lr", "one_minus_beta1"]
    assert sgd["lr"].ends == mine["effective_lr"].ends
    text = (folder / "mine.yaml").read_text()
    assert text.startswith(
        "# Source: harness stages, the same for sgd, mine. First stage found/stage1, study"
    )
    assert "# Command: harness stages workload=digits_cnn optimizer=sgd,mine root=found" in text
    first = (folder / "stage1" / "mine.yaml").read_text()
    assert "at their defaults: alpha." in first
    out, _ = capsys.readouterr()
    assert "conf/search_space/digits_cnn/mine.yaml" in out
    assert "effective_lr: {low: " in out

    assert stages(*words, "--config-dir", "conf") == 0  # nothing is trained again
    assert "22/22" not in capsys.readouterr().err

    run = ["optimizer=mine", "--config-dir", "conf", "root=second", "num_trials=1", *SMALL]
    assert command(run) == 0
    (record,) = (own / "second" / "digits_cnn" / "mine").rglob("000000.json")
    found = yaml.safe_load(record.read_text())
    assert set(found["point"]) >= {"effective_lr", "one_minus_beta1"}
    # The sign's step is lr whatever the gradient: its effective rate is lr / s.
    assert found["hyperparameters"]["lr"] == pytest.approx(found["point"]["effective_lr"] * 2.8e-2)
    assert "effective_lr" not in found["hyperparameters"]


def test_optimizers_of_groups_and_of_arguments_that_are_no_number(own):
    """Muon's rate needs the model, for its groups; Adafactor's eps is a pair, SAM's rho a radius; it wraps SGD."""
    pytest.importorskip("pytorch_optimizer")
    from harness.commands.stages import _asked, _first_job

    words = ["workload=digits_cnn", "optimizer=muon,adafactor,sam", "root=found", *SMALL]
    asked = _asked(words, None, [], words)
    muon, adafactor, sam = (_first_job(asked, each)[0].search_space for each in asked.optimizers)
    assert {"effective_lr", "one_minus_momentum"} <= set(sam)
    assert not {"rho", "one_minus_rho"} & set(sam)
    assert "effective_lr" in muon.matrices
    assert "effective_lr" in muon.rest
    assert "lr" in adafactor  # its steps are not proportional to it
    assert "eps" not in adafactor


@pytest.mark.slow
def test_from_coarse_to_fine_each_stage_searches_what_the_one_before_left(own, capsys):
    words = ("optimizer=momentum", "root=found", "stages=22x4,20x8", *SMALL[1:])
    assert stages(*words, "--config-dir", "conf") == 0
    folder = own / "conf" / "search_space" / "digits_cnn"
    spaces = [
        space(folder / name / "momentum.yaml" if name else folder / "momentum.yaml")
        for name in ("stage1", "stage2", "")
    ]
    for coarse, fine in itertools.pairwise(spaces):
        (low, high), (lower, upper) = (each["effective_lr"].ends for each in (fine, coarse))
        assert upper / lower > high / low
    text = (folder / "momentum.yaml").read_text()
    assert "Stage found/stage2, study" in text
    for stage, steps, trials in (("stage1", 4, 22), ("stage2", 8, 20)):
        found = [
            yaml.safe_load(path.read_text()) for path in (own / "found" / stage).rglob("trials/*")
        ]
        assert len(found) == trials
        assert max(record["steps"] for record in found) == steps


@pytest.mark.slow
def test_a_hyperparameter_without_a_convention_takes_the_range_it_is_given(own):
    words = ("optimizer=mine", "root=found", "num_trials=21", *SMALL, "--config-dir", "conf")
    assert stages(*words, "--axis", "alpha={low: 0.5, high: 2}") == 0
    first = own / "conf" / "search_space" / "digits_cnn" / "stage1" / "mine.yaml"
    assert space(first)["alpha"].ends == (0.5, 2.0)
    assert "defaults" not in first.read_text()


def test_a_space_of_ones_own_is_not_written_over(own, capsys):
    path = own / "conf" / "search_space" / "digits_cnn" / "mine.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("lr: 0.1\n")
    assert stages("optimizer=mine", "--config-dir", "conf") == 2
    assert "mine.yaml was not written by harness stages; give another --config-dir, or --force" in (
        capsys.readouterr().err
    )
    assert path.read_text() == "lr: 0.1\n"


def test_a_required_hyperparameter_without_a_range_is_said(own, capsys):
    text = SIGN.replace("alpha=1.0", "alpha").replace("lr=1e-3, beta1=0.9,", "lr, beta1,")
    (own / "my_need.py").write_text(text)
    (own / "conf" / "optimizer" / "mine.yaml").write_text(
        "name: mine\nrule: my_need.SignMomentum\n"
    )
    assert stages("optimizer=mine", "--config-dir", "conf", *SMALL) == 2
    assert "mine needs alpha, which has no conventional range; give one, such as --axis" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "optimizer= is missing; give workload=NAME optimizer=A,B,…"),
        (["optimizer=sgd", "seed"], "'seed' is not KEY=VALUE"),
        (["optimizer=sgd", "stages=64,16x400"], "'64' is not TRIALSxSTEPS"),
        (["optimizer=sgd", "num_trials=19"], "num_trials=19: narrowing needs 20 feasible trials of each"),
        (["optimizer=sgd", "stages=64x9,19x20"], "num_trials=19: narrowing needs 20 feasible"),
        (["optimizer=sgd", "stages=64x9", "num_trials=3"], "num_trials=3 and stages=64x9 exclude each other"),
        (["optimizer=sgd", "search_space.lr=1"], "search spaces are what is found"),
        (["optimizer=sgd", "--axis", "alpha"], "--axis 'alpha' is not NAME=RANGE"),
        (["optimizer=sgd", "--axis", "alpha={low: 2, high: 1}"], "search_space.alpha: a range must have low"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(tmp_path, monkeypatch, words, message, capsys):
    monkeypatch.chdir(tmp_path)
    assert stages(*words) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
