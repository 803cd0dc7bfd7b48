"""``harness check``: what is asked, the exit status, the pictures."""

import pytest

from harness.__main__ import command
from harness.errors import EXIT_COMPLETE, EXIT_FAILED, EXIT_USAGE
from harness.running import probe
from tests.checking.test_optimizer import FAULTY as RULES
from tests.checking.test_workload import FAULTY as NETS

WORKLOAD = """# @package _global_
workload: {name: net, module: nets, steps: 20, batch_size: 32, eval_every: 10, test_every: 0}
model: {fault: none}
data: {}
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A workload and an optimizer of one's own, under --config-dir, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(probe, "measure", lambda *given: probe.Cost(1e-3, 1e-2, 2**20))
    (tmp_path / "nets.py").write_text(NETS, encoding="utf-8")
    (tmp_path / "rules.py").write_text(RULES, encoding="utf-8")
    for path, text in {
        "workload/net.yaml": WORKLOAD,
        "optimizer/mine.yaml": "name: mine\nrule: rules.Plain\n",
        "search_space/net/mine.yaml": "lr: {low: 0.01, high: 0.3, scale: log}\n",
    }.items():
        (tmp_path / "conf" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "conf" / path).write_text(text, encoding="utf-8")
    return tmp_path


def check(*words):
    return command(["check", *words, "--config-dir", "conf", "device=cpu"])


def test_a_workload_without_any_search_space(own, capsys):
    assert check("workload=net", "--seconds", "15", "--out", "seen") == EXIT_COMPLETE
    out = capsys.readouterr().out
    assert out.startswith("net:\n  ok     loss at start")
    assert "100 of them" in out
    assert {path.name for path in (own / "seen").iterdir()} == {
        "rates.csv", "rates.png", "activations.csv", "activations.png", "gradients.csv", "gradients.png",
        "first_layer.png", "updates.csv",
    }  # fmt: skip


def test_what_is_wrong_is_the_exit_status(own, capsys):
    assert check("workload=net", "model.fault=start", "--seconds", "15") == EXIT_FAILED
    assert "\n  wrong  " in capsys.readouterr().out


def test_an_optimizer_of_ones_own_on_a_workload_of_ones_own(own, capsys):
    assert check("optimizer=mine", "workload=net") == EXIT_COMPLETE
    out = capsys.readouterr().out
    assert out.startswith("mine on net:\n  ok     constructs        rules.Plain on 6 tensors")
    assert check("optimizer=mine", "workload=net", "optimizer.rule=rules.Uphill") == EXIT_FAILED


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["model.fault=none"], "nothing to check; give optimizer=NAME, workload=NAME, or both"),
        (["optimizer=mine", "workload=net", "--out", "x"], "--out is for the pictures"),
        (["workload=net", "--seconds", "0"], "--seconds must be more than 0, got 0"),
        (["workload=nowhere"], "workload"),
        (["workload=net", "schedule=cosine"], "schedule=cosine: a workload is checked under plain"),
        (["optimizer=mine"], "has no search space for optimizer 'mine'"),
    ],
)
def test_a_mistake_is_one_line(own, capsys, words, says):
    assert check(*words) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert err.count("\n") == 1
