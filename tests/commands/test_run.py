"""``harness key=value …`` from words to records."""

import os
import subprocess
import sys

import pytest

from harness.__main__ import command
from harness.commands import run as run_verb
from harness.config import compose
from harness.records import tables
from harness.records.folder import StudyFolder
from harness.records.reading import read_records, read_studies
from harness.records.record import deterministic
from tests.studies import record, study

TINY = ["workload.steps=4", "workload.eval_every=2", "model.width=2", "device=cpu"]
HERE = [*TINY, "workers=1"]


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments], capture_output=True, text=True, timeout=300,
        **options,
    )  # fmt: skip


@pytest.mark.slow
def test_a_sweep_runs_slices_by_index_and_no_trial_twice(tmp_path, capsys):
    """Its own process, as a user starts it; then again in this one, where nothing is left to do."""
    words = [
        "optimizer=sgd,momentum",
        "-m",
        "first_trial=2",
        "num_trials=2",
        "schedule.decay_steps_factor=0.9",
    ]
    ended = run(*words, f"root={tmp_path}", *HERE)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ""
    assert ended.stderr.splitlines()[-1] == (
        f"records are under {tmp_path}; harness report {tmp_path} --out DIR compares them"
    )
    trials = tables.read(tmp_path).trials
    assert trials.groupby("optimizer")["trial"].apply(list).to_dict() == {
        "sgd": [2, 3],
        "momentum": [2, 3],
    }
    studies = read_studies(tmp_path).values()
    assert [study["search_space"]["decay_steps_factor"] for study in studies] == [0.9, 0.9]
    for each in read_records(tmp_path):
        assert each["curve"]["step"] == [2, 4]
        assert each["run"]["device"] == "cpu"
        assert each["run"]["versions"]["torch"]
        assert each["data"]["sha256"] == study("optimizer=sgd").config["data_sha256"]

    paths = sorted(tmp_path.glob("digits_cnn/*/*/trials/*.json"))
    times = [path.stat().st_mtime_ns for path in paths]
    assert command([*words, f"root={tmp_path}", *HERE]) == 0
    assert [path.stat().st_mtime_ns for path in paths] == times


@pytest.mark.slow
def test_a_users_own_optimizer_takes_two_yaml_files(tmp_path):
    """Its module in the current folder, its files under --config-dir."""
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "class HalfSGD(torch.optim.SGD):\n"
        "    def __init__(self, params, lr):\n"
        "        super().__init__(params, lr=lr / 2)\n"
    )
    for file, text in (
        ("optimizer/half.yaml", "name: half\nrule: mine.HalfSGD\n"),
        ("search_space/digits_cnn/half.yaml", "lr: {low: 0.01, high: 1.0}\n"),
    ):
        path = tmp_path / "conf" / file
        path.parent.mkdir(parents=True)
        path.write_text(text)
    words = ["--config-dir", "conf", "optimizer=half", "num_trials=1", "root=results", *HERE]
    ended = run(*words, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    (row,) = tables.read(tmp_path / "results").trials.to_dict("records")
    assert (row["optimizer"], row["status"]) == ("half", "complete")
    (kept,) = read_studies(tmp_path / "results").values()
    assert kept["overrides"][:3] == ["--config-dir", "conf", "optimizer=half"]


def test_the_report_is_of_what_was_asked_for(tmp_path, capsys):
    """The root holds a study of the same pair too, from before its search space was edited."""
    common = ("optimizer=sgd", *TINY)
    narrow = (*common, "search_space.lr.high=1.5")
    for words, trials in ((common, 2), (narrow, 3)):
        folder = StudyFolder(tmp_path / "results", study(*words))
        folder.create()
        for trial in range(trials):
            made = record(folder.study, trial)
            folder.write(made)
    places = [f"root={tmp_path / 'results'}", f"report={tmp_path / 'report'}"]
    assert command([*narrow, *places, "num_trials=3", "workers=1"]) == 0
    out = capsys.readouterr().out
    assert "digits_cnn: validation error rate, lower is better" in out
    assert str(tmp_path / "report" / "report.html") in out
    table = (tmp_path / "report" / "trials.csv").read_text().splitlines()
    assert len(table) == 1 + 3


def test_a_report_that_cannot_be_written_is_said_before_anything_runs(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    words = ["optimizer=sgd", "num_trials=1", f"root={tmp_path / 'results'}", *HERE]
    assert command([*words, f"report={tmp_path / 'file' / 'report'}"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "results").exists()


LAUNCHED = ["-m", "hydra/launcher=joblib", "optimizer=sgd,momentum", *HERE]


def test_the_jobs_of_a_launcher_are_reported_once_at_the_end(tmp_path, monkeypatch):
    happened = []
    monkeypatch.setattr(compose, "launch", lambda words, job, root: happened.append("launched"))
    monkeypatch.setattr(run_verb, "_report", lambda jobs, asked: happened.append(len(asked)) or 0)
    places = [f"root={tmp_path / 'results'}", f"report={tmp_path / 'report'}"]
    assert run_verb.main([*LAUNCHED, *places]) == 0
    assert happened == ["launched", 2]


def test_a_launcher_starts_nothing_where_its_report_cannot_be_written(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(compose, "launch", lambda *_: pytest.fail("launched"))
    places = [f"root={tmp_path / 'results'}", f"report={tmp_path / 'file' / 'report'}"]
    assert command([*LAUNCHED, *places]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_bug_of_ours_in_a_launchers_job_is_the_traceback_it_is(tmp_path, monkeypatch):
    from harness.running import runner

    monkeypatch.setattr(runner, "run", lambda *_: 1 / 0)
    (job,) = compose.compose(["optimizer=sgd", f"root={tmp_path}", *HERE])
    with pytest.raises(ZeroDivisionError):
        run_verb._run_elsewhere(job)


@pytest.mark.slow
def test_damage_is_set_aside_where_asked_and_the_trial_runs_again(tmp_path, capsys):
    folder = StudyFolder(tmp_path, study("optimizer=sgd", *TINY))
    folder.create()
    for trial in range(3):
        folder.write(record(folder.study, trial))
    whole = folder.read(1)
    damaged = (folder.record_path(1), folder.requests / "x.json", folder.path / "study.json")
    for path in damaged:
        path.write_text("{")
    words = ["optimizer=sgd", "num_trials=3", f"root={tmp_path}", *HERE]
    assert command([*words, "damaged=set_aside"]) == 0
    told = capsys.readouterr().err
    for path in damaged:
        (aside,) = path.parent.glob(f"{path.name}.damaged-*")
        assert f"set aside as {aside.name}: {path} is" in told
        assert aside.read_text() == "{"
    assert deterministic(folder.read(1)) == deterministic(whole)
    assert command(["status", str(tmp_path)]) == 0


def test_the_configuration_is_printed_and_nothing_runs(tmp_path, capsys):
    assert command(["--cfg", "job", "--resolve", "workload.steps=7", f"root={tmp_path}"]) == 0
    assert "steps: 7" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("verb", [[], ["run"]])
def test_the_word_run_may_be_left_out(verb, tmp_path, capsys):
    assert command([*verb, "optimizer=sgd", "workers=0", f"root={tmp_path}"]) == 2
    assert capsys.readouterr().err.startswith("harness: workers must be 1 or more")


def test_a_reader_who_leaves_is_no_failure(tmp_path):
    """``harness status … | head -0``."""
    folder = StudyFolder(tmp_path, study("optimizer=sgd", *TINY))
    folder.create()
    pipe, end = os.pipe()
    os.close(pipe)
    with os.fdopen(end, "w") as nobody:
        command = [sys.executable, "-m", "harness", "status", str(tmp_path)]
        ended = subprocess.run(command, stdout=nobody, stderr=subprocess.PIPE, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
