"""``harness plan`` and ``harness submit --dry-run``: trials a verdict takes, and the bill, before anything starts."""

import json
import re

import numpy as np
import pytest

from harness.__main__ import command
from harness.analysis import power
from harness.commands import bill
from harness.running import probe
from harness.study.study import Study
from tests import studies
from tests.analysis.conftest import made_up_study, write_study

COST = probe.Cost(seconds_a_step=0.01, seconds_an_evaluation=0.5, memory_bytes=2**30)


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """Every study costs the same; what was measured is noted."""
    asked = []
    monkeypatch.setattr(probe, "measure", lambda study, *rest: asked.append(study.name) or COST)
    return asked


@pytest.fixture(autouse=True)
def simulated(monkeypatch):
    """Numbers of trials are those of tests/analysis/test_power.py, in no time."""
    monkeypatch.setattr(
        power, "trials_for", lambda question, wanted, shared: 210 if shared < 1 else 286
    )
    monkeypatch.setattr(power, "least_win", lambda *given: 0.77)


def planned(capsys, *words):
    status = command(["plan", *words])
    captured = capsys.readouterr()
    return status, " ".join(captured.out.split()), captured.err


def test_trials_and_bill_of_one_optimizer(capsys, tmp_path, measured):
    status, out, _ = planned(
        capsys, "workload=digits_cnn", "optimizer=adam", "power=.8", "win=.75", "budget_trials=16",
        f"root={tmp_path}", "workers=4", "workload.steps=1000", "workload.eval_every=100",
    )  # fmt: skip
    assert status == 0
    assert (
        "digits_cnn: to find with a chance of 80% that one wins 75% of tuning races of K = 16,"
        in out
    )
    assert "N = about 210 trials of each: which share points and weights" in out
    assert "N = about 286 trials of each: independent trials, the worst case" in out
    seconds = 1000 * 0.01 + 11 * 0.5
    assert f"digits_cnn/adam: 210 trials of {seconds} s (measured: 10 ms a step, 1,024 MiB)" in out
    assert "here with 4 workers" in out
    assert "memory: up to 1.0 GiB a worker, 4.0 GiB for 4" in out
    assert "trials_per_task=210 makes 1 task" in out
    assert len(measured) == 1
    assert not list(tmp_path.iterdir())  # nothing was made


def test_what_an_experiment_asks_for_is_billed(capsys, tmp_path, measured):
    status, out, _ = planned(capsys, "experiment=quickstart", f"root={tmp_path}")
    assert status == 0
    assert "adjusted for 15 pairs" in out
    assert "asked for" not in out  # they are enough
    assert out.count("384 trials of") == 6
    assert len(measured) == 6
    few = ("-m", "workload=digits_cnn", "optimizer=sgd,adam", "num_trials=384")
    status, out, _ = planned(capsys, *few, f"root={tmp_path}", "--no-probe")
    assert out.count("384 trials, not measured") == 2
    assert len(measured) == 6


@pytest.mark.parametrize(
    ("trials", "says"),
    [
        ("num_trials=30", "asked for: 30 of each, fewer than these: at K = 16 nothing is judged"),
        (
            "num_feasible=100",
            "asked for: 100 of each, fewer than these: they find a win share of 77%",
        ),
        ("num_trials=300", None),
        ("num_feasible=300", None),
    ],
)
def test_fewer_than_it_takes_are_called_so(capsys, tmp_path, trials, says):
    words = ("workload=digits_cnn", "optimizer=adam", f"root={tmp_path}", "--no-probe", trials)
    _, out, _ = planned(capsys, *words)
    assert ("asked for" in out) == (says is not None)
    assert says is None or says in out


def test_trials_at_hand_tell_what_they_could_find(capsys, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    errors = rng.random(90)
    for optimizer, luck in (("sgd", 0.0), ("momentum", 0.1)):
        study = made_up_study(optimizer)
        named = {**study.config, "workload": {**study.config["workload"], "name": "digits_cnn"}}
        write_study(tmp_path, Study(named), errors + luck * rng.random(90))
    _, out, _ = planned(
        capsys, "workload=digits_cnn", "optimizer=sgd", f"root={tmp_path}", "--no-probe"
    )
    assert re.search(
        r"\(0\.\d\d of independent ones' variance, measured on sgd and momentum at hand\)", out
    )
    assert re.search(
        r"at hand: 90 of each: they find a win share of 77% or more with that chance", out
    )
    _, out, _ = planned(
        capsys, "workload=digits_cnn", "optimizer=sgd", f"root={tmp_path}", "--no-probe",
        "budget_trials=32",
    )  # fmt: skip
    assert "at K = 32 nothing is judged with fewer than 160" in out


def test_records_say_how_long_a_trial_takes(tmp_path):
    study = made_up_study("sgd")
    write_study(tmp_path, study, np.linspace(0.1, 0.9, 5))
    assert bill.of_records(tmp_path, study) is None  # they have no seconds
    for place, path in enumerate(sorted(tmp_path.glob("*/*/*/trials/*.json"))):
        record = json.loads(path.read_text())
        record["run"] = {"train_seconds": 10.0 + place}
        record["schema"] = 1  # which had no checksum
        path.write_text(json.dumps(record))
    assert bill.of_records(tmp_path, study) == 12.0
    longer = Study({**study.config, "workload": {**study.config["workload"], "steps": 7}})
    assert bill.of_records(tmp_path, longer) is None
    wider = Study({**study.config, "model": {"width": 999}})
    assert bill.of_records(tmp_path, wider) is None
    assert bill.of_records(tmp_path / "nowhere", study) is None


def test_records_of_another_device_or_stacked_do_not(tmp_path):
    study = made_up_study("sgd")
    write_study(tmp_path, study, np.linspace(0.1, 0.9, 8))
    for place, path in enumerate(sorted(tmp_path.glob("*/*/*/trials/*.json"))):
        record = json.loads(path.read_text())
        stacked = {"device": "cuda (Abacus 9)", "stack": 4, "train_seconds": 1.0}
        record["run"] = {"device": "cpu", "train_seconds": 50.0} if place < 4 else stacked
        record["schema"] = 1  # which had no checksum
        path.write_text(json.dumps(record))
    assert bill.of_records(tmp_path, study, "cpu") == 50.0
    assert bill.of_records(tmp_path, study, "cuda:0", 128) == 1.0
    assert bill.of_records(tmp_path, study, "cuda:0", "auto") == 1.0
    assert bill.of_records(tmp_path, study, "cuda:0") is None
    assert bill.of_records(tmp_path, study, "cpu", 4) is None


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("power=1", "power must lie between .05 and 1, got 1"),
        ("win=.5", "win must lie between .5 and 1, got 0.5"),
        ("win=much", "win must be a number, got 'much'"),
        ("budget_trials=1.5", "budget_trials must be a whole number"),
        ("optimizer=adamm", "adamm"),
    ],
)
def test_mistakes_are_one_line(capsys, word, message):
    status, _, err = planned(capsys, word)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.slow
def test_a_real_probe_measures_a_step():
    cost = probe.cost(studies.study("workload=digits_logistic", "optimizer=sgd"), "cpu", 0.3)
    assert 1e-6 < cost.seconds_a_step < 1
    assert 0 < cost.seconds_an_evaluation < 60
    assert cost.memory_bytes > 2**20


# --- submit --dry-run -------------------------------------------------------------------------------


def test_a_dry_run_counts_tasks_without_data_or_slurm(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # no Slurm
    words = ["workload=cifar10_resnet32", "optimizer=adam", "data.root=/nowhere"]
    words += ["num_trials=2500", "trials_per_task=2", f"root={tmp_path}"]
    assert command(["submit", "--dry-run", "--", *words]) == 0
    out = capsys.readouterr().out
    assert "cifar10_resnet32/adam: 2,500 trials, 1,250 tasks of 2 in 2 arrays" in out
    assert "1,250 tasks in 2 arrays, of at most 1,001 tasks each" in out
    assert "no record tells how long; give --seconds-per-step=, which harness plan prints" in out
    assert not list(tmp_path.iterdir())


def test_what_a_plan_printed_elsewhere_tells_a_dry_run_the_hours(capsys, tmp_path, monkeypatch):
    words = ["workload=digits_cnn", "optimizer=adam", "num_trials=600", f"root={tmp_path}"]
    words += ["workload.steps=1000", "workload.eval_every=100"]
    _, out, _ = planned(capsys, *words)
    [told] = re.findall(r"on another machine: (\S+)", out)
    assert told == "--seconds-per-step=digits_cnn:0.0156"  # 15.5 s a trial of 1000 steps
    monkeypatch.setenv("PATH", str(tmp_path))  # no Slurm
    assert command(["submit", "--dry-run", told, "--", *words]) == 0
    out = capsys.readouterr().out
    assert "600 trials of 15.6 s (at 15.6 ms a step, as given): 2.6 h of one worker" in out
    assert "no record" not in out
    for other, says in (("0.036", "6.0 h of one worker"), (".036", "6.0 h"), ("3.6e-2", "6.0 h")):
        assert command(["submit", "--dry-run", f"--seconds-per-step={other}", "--", *words]) == 0
        assert says in capsys.readouterr().out


def test_a_dry_run_goes_by_records_there_are(capsys, tmp_path):
    words = ["workload=digits_logistic", "optimizer=sgd", "num_trials=3", f"root={tmp_path}"]
    words += ["workload.steps=10", "workload.eval_every=10", "workers=1", "device=cpu"]
    assert command(words) == 0
    capsys.readouterr()
    for word in ("device=cpu", "device=auto"):
        assert command(["submit", "--dry-run", "--", *words, word]) == 0
        assert "3 trials of " in (out := capsys.readouterr().out)
        assert "as its records say" in out
    assert command(["submit", "--dry-run", "--", *words, "stack=2"]) == 0
    assert "no record tells how long" in capsys.readouterr().out


def test_records_say_more_than_what_is_given(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(bill, "of_records", lambda root, study, place, stack: 7.2)
    words = ["workload=digits_cnn", "optimizer=adam", "num_trials=500", f"root={tmp_path}"]
    assert command(["submit", "--dry-run", "--seconds-per-step=9", "--", *words]) == 0
    assert "500 trials of 7.2 s (as its records say): 1.0 h" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dry-run", "--seconds-per-step=fast"], "must be seconds as harness plan prints them"),
        (["--dry-run", "--seconds-per-step=0"], "must be seconds as harness plan prints them"),
        (
            ["--dry-run", "--seconds-per-step=digits:1"],
            "not of this sweep; its workloads: digits_cnn",
        ),
        (["--seconds-per-step=1"], "add --dry-run or leave it out"),
    ],
)
def test_seconds_that_are_none_are_one_line(capsys, options, message):
    assert command(["submit", *options, "--", "workload=digits_cnn", "optimizer=adam"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_dry_run_of_an_experiment_adds_up(capsys, tmp_path):
    assert command(["submit", "--dry-run", "--", "experiment=quickstart", f"root={tmp_path}"]) == 0
    out = capsys.readouterr().out
    assert out.count("384 trials, 384 tasks of 1 in 1 array") == 6
    assert "2,304 tasks in 6 arrays" in out
