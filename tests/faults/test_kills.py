"""kill -9 at random instants: no finished record is lost, and what is missing is run again."""

import contextlib
import os
import random
import signal
import time

import pytest

from harness import store
from tests.faults import sweeps

TRIALS = 60
WORDS = ("optimizer=momentum", "workers=2", "model.step_seconds=0.01", f"num_trials={TRIALS}")
KILLS = {"worker": 20, "command": 15, "group": 15}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    root = tmp_path_factory.mktemp("undisturbed")
    assert sweeps.run(root, *WORDS)[0] == 0
    return root


def whole_records(root):
    """{file: its bytes}, all of them checked to be whole."""
    if not list(root.glob("*/*/*/study.json")):
        return {}
    for _ in store.read_records(root):
        pass
    return {path: path.read_bytes() for path in root.glob("*/*/*/trials/*.json")}


@pytest.mark.parametrize("victim", KILLS)
def test_a_sweep_that_is_killed_again_and_again(victim, undisturbed, tmp_path):
    draw = random.Random(victim)
    process, before = None, {}
    for _ in range(KILLS[victim]):
        if process is None or process.poll() is not None:
            process = sweeps.start(tmp_path, *WORDS, "checkpoint_every=5", stderr=None)
            if draw.random() < 0.5:  # half of them once it trains, half at any time from the start
                _wait_for_workers(process)
        time.sleep(draw.uniform(0, 1) if victim == "worker" else draw.uniform(0, 5))
        _kill(victim, process, draw)
        after = whole_records(tmp_path)
        assert after.items() >= before.items()
        before = after
    process.kill()
    process.wait()
    sweeps.until(
        lambda: "Z" in (states := set(sweeps.processes(process.pid).values())) or not states
    )

    status, errors = sweeps.run(tmp_path, *WORDS, "retry_failed=true", "checkpoint_every=5")
    assert status == 0, errors
    failed_then = [path for path in before if b'"status": "failed"' in before[path]]
    after = whole_records(tmp_path)
    assert {p for p in before if after[p] != before[p]} == set(failed_then)
    assert victim == "worker" or not failed_then
    assert sweeps.results(tmp_path) == sweeps.results(undisturbed)
    columns = ["trial", "status", "val_error", "train_loss", "hp.lr"]
    tables = [store.read_trials(root)[columns] for root in (tmp_path, undisturbed)]
    assert tables[0].equals(tables[1])
    assert not list(tmp_path.rglob("*.pt"))


def _wait_for_workers(process):
    sweeps.until(lambda: process.poll() is not None or sweeps.workers(process.pid))


def _kill(victim, process, draw):
    """One of the workers (which the command survives), the command, or all of them."""
    if victim == "worker":
        found = sweeps.workers(process.pid)
        if found:
            sweeps.kill(draw.choice(found))
        return
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if victim == "group" else os.kill)(process.pid, signal.SIGKILL)
    process.wait()
    # Orphans end at their next step, or at the end of their imports.
    sweeps.until(lambda: not sweeps.processes(process.pid))
