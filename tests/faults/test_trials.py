"""Trials that misbehave: each gets a record that says how, and the others do not notice."""

import pytest

from harness.records import reading
from harness.study.result import FINISHED
from tests.faults import sweeps
from tests.faults.optimizers import FAULTS

EXPECTED = {
    "none": ("complete", None),
    "raises": ("failed", "ZeroDivisionError: a bug in somebody's optimizer"),
    "segfault": ("failed", "worker process died: signal SIGSEGV"),
    "memory": ("out_of_memory", "can't allocate memory"),
    "hangs": ("timeout", "stopped after trial_timeout=15 seconds"),
    "nan": ("diverged", None),
    "infinite": ("diverged", None),
    "exits": ("failed", "worker process died: exit status 3"),
}
FAILED = {name for name, (status, _) in EXPECTED.items() if status not in FINISHED}
TRIALS = 8  # of the Halton sequence: each fault once


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    root = tmp_path_factory.mktemp("faulty")
    words = ("optimizer=faulty", f"num_trials={TRIALS}", "workers=2")
    status, errors = sweeps.run(root, *words, "trial_timeout=15")
    return root, words, status, errors


def by_fault(root):
    return {FAULTS[int(r["point"]["fault"])]: r for r in reading.read_records(root)}


def test_every_fault_has_its_record(swept):
    root, _, status, errors = swept
    found = by_fault(root)
    assert set(found) == set(FAULTS)
    for fault, (expected, words) in EXPECTED.items():
        assert found[fault]["status"] == expected, fault
        assert (words in found[fault]["error"]) if words else (found[fault]["error"] is None)
    assert status == 1
    assert f"tiny/faulty: {len(FAILED)} trials failed:" in errors
    assert "retry_failed=true runs them again" in errors
    assert found["raises"]["error"].startswith("Traceback")
    assert "in raises" in found["raises"]["error"]
    assert all(record["run"]["versions"] for record in found.values())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_record_tells_its_start_device_and_duration_whoever_writes_it(fault, swept):
    """That of a dead worker is written by the command."""
    run = by_fault(swept[0])[fault]["run"]
    assert run["device"] == "cpu"
    taken = run["ended_at"] - run["started_at"]  # with the opening of the data, where one did
    assert 0 < run["train_seconds"] <= taken + 0.1
    if fault == "hangs":
        assert run["train_seconds"] > 15


def test_retry_failed_runs_the_failed_ones_only(swept):
    root, words, _, _ = swept
    before = by_fault(root)
    assert sweeps.run(root, *words)[0] == 1  # without being asked it runs nothing again
    assert by_fault(root) == before
    status, errors = sweeps.run(root, *words, "retry_failed=true", env={"FAULTS_MENDED": "1"})
    assert status == 0, errors
    after = by_fault(root)
    assert {name for name in FAULTS if after[name] != before[name]} == FAILED
    assert {after[name]["status"] for name in FAILED} == {"complete"}


def test_a_workload_that_cannot_be_opened_fails_its_trials(tmp_path):
    status, _ = sweeps.run(tmp_path, "optimizer=sgd", "num_trials=1", "~model.step_seconds")
    (record,) = reading.read_records(tmp_path)
    assert (status, record["status"]) == (1, "failed")
    assert "KeyError: 'step_seconds'" in record["error"]


@pytest.mark.parametrize(
    ("torch", "status"),
    [("raise ImportError('no such library')", 1), ("import os; os._exit(7)", 7)],
)
def test_workers_that_cannot_start_are_one_line_not_a_loop(torch, status, tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(torch)
    words = ("workload=digits_cnn", "optimizer=sgd")
    ended, errors = sweeps.run(tmp_path / "r", *words, env={"PYTHONPATH": str(tmp_path)})
    assert ended == 1
    last = errors.splitlines()[-1]
    assert "harness: 3 workers in a row ended before they could train" in last
    assert f"exit status {status}" in last
    assert ("Traceback" in errors) == torch.startswith("raise")  # the workers' own words
    assert not list(reading.read_records(tmp_path / "r"))


def test_a_time_limit_is_of_training_not_of_opening_the_data(tmp_path):
    words = ("optimizer=sgd", "num_trials=1", "data.opening_seconds=12", "trial_timeout=10")
    status, errors = sweeps.run(tmp_path, *words)
    assert status == 0, errors
    (record,) = reading.read_records(tmp_path)
    assert record["status"] == "complete"


def test_data_edited_while_a_sweep_opens_them_are_refused(tmp_path):
    """What a study is named by and what it is trained on are the same data, or nothing is trained."""
    text, log = tmp_path / "text", tmp_path / "log"
    text.write_text("as it was")
    words = (
        "optimizer=sgd",
        "num_trials=2",
        "workers=1",
        f"data.file={text}",
        "data.opening_seconds=3",
    )
    process = sweeps.start(tmp_path / "results", *words, env={"TINY_LOG": str(log)})
    sweeps.until(lambda: log.exists() and "opening" in log.read_text())
    text.write_text("edited")
    errors = process.communicate(timeout=sweeps.PATIENCE)[1]
    assert process.returncode == 2, errors
    last = errors.splitlines()[-1]
    assert last.startswith("harness: the data of tiny/sgd/")
    assert "and had" in last
    assert "Traceback" not in errors
    assert not list(reading.read_records(tmp_path / "results"))
    assert sweeps.run(tmp_path / "results", *words)[0] == 0  # what it is now is a study of its own
    assert len(list((tmp_path / "results").glob("tiny/sgd/*"))) == 2
