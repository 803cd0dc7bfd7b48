"""Pruned sweeps that are killed, stopped and shared prune the same trials, and lose nothing."""

import random
import signal
import time

import pytest

from harness.records import tables
from harness.records.folder import StudyFolder
from harness.study.result import COMPLETE, PRUNED
from tests.faults import sweeps

TRIALS, KILLS = 64, 9  # three of a worker, three of the command, three of both
STUDY = (
    "optimizer=momentum",
    "workload.steps=50",
    "model.step_seconds=0.01",
    f"num_trials={TRIALS}",
)
PRUNING = ("pruning=halving", "pruning.cohort=16", "pruning.audit=0.1")
WORDS = (*STUDY, *PRUNING, "workers=2")
COLUMNS = ["trial", "status", "steps", "val_error", "train_loss", "hp.lr"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    root = tmp_path_factory.mktemp("undisturbed")
    status, errors = sweeps.run(root, *WORDS)
    assert status == 0, errors
    assert "% of the steps saved" in errors
    return root


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    assert sweeps.run(root, *STUDY, "workers=2")[0] == 0
    return root


def test_what_is_pruned_is_a_prefix_and_its_checkpoint_is_kept(undisturbed, whole):
    results, whole_ones = sweeps.results(undisturbed), sweeps.results(whole)
    of = StudyFolder(undisturbed, sweeps.study(*STUDY))
    pruned = [trial for (_, trial), record in results.items() if record["status"] == PRUNED]
    assert 30 < len(pruned) < 48
    for key, record in results.items():
        expected = whole_ones[key]
        if record["status"] == COMPLETE:
            assert record == expected
        else:
            rows = len(record["curve"]["step"])
            assert record["curve"] == {name: c[:rows] for name, c in expected["curve"].items()}
            assert record["steps"] in (10, 20)
            assert of.checkpoint_path(key[1]).exists()
    assert len(list(of.checkpoints.iterdir())) == len(pruned)


def test_nine_kills(undisturbed, whole, tmp_path):
    draw, root = random.Random(15), tmp_path / "results"
    process, landed = None, 0
    for number in range(KILLS):
        if process is None or process.poll() is not None:
            process = sweeps.start(root, *WORDS, "checkpoint_every=5", stderr=None)
        sweeps.wait_for_workers(process)
        time.sleep(draw.uniform(0.5, 3))
        landed += sweeps.kill_one(("worker", "command", "group")[number % 3], process, draw)
    print(f"{landed} of {KILLS} kills found their victim alive")
    sweeps.kill_one("command", process, draw)

    status, errors = sweeps.run(root, *WORDS, "retry_failed=true")
    assert status == 0, errors
    assert sweeps.results(root) == sweeps.results(undisturbed)
    killed, quiet = (tables.read(each).trials[COLUMNS] for each in (root, undisturbed))
    assert killed.equals(quiet)

    assert sweeps.run(root, *STUDY, "workers=2", "pruning=none")[0] == 0
    assert sweeps.results(root) == sweeps.results(whole)
    assert not list(root.rglob("*.pt"))
    assert not list(root.rglob("rungs/*"))


def test_several_commands_on_one_folder(undisturbed, tmp_path):
    log = tmp_path / "log"
    root = tmp_path / "results"
    started = [
        sweeps.start(root, *STUDY, *PRUNING, "workers=1", env={"TINY_LOG": str(log)})
        for _ in range(3)
    ]
    for process in started:
        errors = process.communicate(timeout=sweeps.PATIENCE)[1]
        assert process.returncode == 0, errors
    assert sweeps.results(root) == sweeps.results(undisturbed)


def test_one_that_is_stopped_goes_on(undisturbed, tmp_path):
    process = sweeps.start(tmp_path, *WORDS)
    sweeps.until(lambda: len(list(tmp_path.glob("*/*/*/rungs/*.json"))) >= 20)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=sweeps.PATIENCE)
    assert process.returncode == 130
    assert sweeps.run(tmp_path, *WORDS)[0] == 0
    assert sweeps.results(tmp_path) == sweeps.results(undisturbed)


def test_without_checkpoints_between_rungs(undisturbed, tmp_path):
    assert sweeps.run(tmp_path, *WORDS, "checkpoint_every=null")[0] == 0
    assert sweeps.results(tmp_path) == sweeps.results(undisturbed)


def test_what_lies_at_a_rung_damaged_is_named_and_may_be_set_aside(undisturbed, tmp_path):
    root = tmp_path / "results"
    process = sweeps.start(root, *WORDS)
    found = sweeps.until(lambda: sorted(root.glob("*/*/*/rungs/*.json"))[:1])
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=sweeps.PATIENCE)
    found[0].write_text("{")
    status, errors = sweeps.run(root, *WORDS)
    assert status == 2
    assert f"record {found[0]} is not JSON" in errors
    assert sweeps.run(root, *WORDS, "damaged=set_aside")[0] == 0
    assert sweeps.results(root) == sweeps.results(undisturbed)
