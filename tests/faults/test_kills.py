"""kill -9 at random instants: no finished record is lost, and what is missing is run again."""

import random
import time

import pytest

from harness.records import reading, tables
from tests.faults import sweeps

TRIALS = 40
WORDS = ("optimizer=momentum", "workers=2", "model.step_seconds=0.02", f"num_trials={TRIALS}")
KILLS = {"worker": 8, "command": 6, "group": 6}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    root = tmp_path_factory.mktemp("undisturbed")
    assert sweeps.run(root, *WORDS)[0] == 0
    return root


def whole_records(root):
    """{file: its bytes}, all of them checked to be whole."""
    if not list(root.glob("*/*/*/study.json")):
        return {}
    for _ in reading.read_records(root):
        pass
    return {path: path.read_bytes() for path in root.glob("*/*/*/trials/*.json")}


@pytest.mark.parametrize("victim", KILLS)
def test_a_sweep_that_is_killed_again_and_again(victim, undisturbed, tmp_path):
    draw, log = random.Random(victim), tmp_path / "log"
    root = tmp_path / "results"
    process, before, landed = None, {}, 0
    for number in range(KILLS[victim]):
        if process is None or process.poll() is not None:
            begun = _lines(log)
            process = sweeps.start(
                root, *WORDS, "checkpoint_every=5", stderr=None, env={"TINY_LOG": str(log)}
            )
        if number % 2:  # half of them while it trains, half while it may still be starting
            _wait_for_more(log, begun, process)
        time.sleep(draw.uniform(0, 1) if number % 2 or victim == "worker" else draw.uniform(0, 2))
        if victim == "worker":
            sweeps.wait_for_workers(process)
        landed += sweeps.kill_one(victim, process, draw)
        after = whole_records(root)
        assert after.items() >= before.items()
        before = after
    print(f"{landed} of {KILLS[victim]} kills found their {victim} alive")
    assert landed > KILLS[victim] / 2
    sweeps.kill_one("command", process, draw)

    status, errors = sweeps.run(root, *WORDS, "retry_failed=true", "checkpoint_every=5")
    assert status == 0, errors
    failed_then = [path for path in before if b'"status": "failed"' in before[path]]
    after = whole_records(root)
    assert {p for p in before if after[p] != before[p]} == set(failed_then)
    assert victim == "worker" or not failed_then
    assert sweeps.results(root) == sweeps.results(undisturbed)
    columns = ["trial", "status", "val_error", "train_loss", "hp.lr"]
    killed, whole = (tables.read(each).trials[columns] for each in (root, undisturbed))
    assert killed.equals(whole)
    assert not list(root.rglob("*.pt"))


def _lines(log):
    return len(log.read_text().splitlines()) if log.exists() else 0


def _wait_for_more(log, lines, process):
    sweeps.until(lambda: _lines(log) > lines or process.poll() is not None)
