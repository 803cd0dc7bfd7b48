"""Trials trained as one, of which a worker dies or which are told to stop."""

import signal

from harness.records import reading
from tests.faults import sweeps

WORDS = ("workload=digits_logistic", "workload.module=tests.faults.slow_blocks", "optimizer=sgd",
         "workload.steps=10", "workload.eval_every=5", "num_trials=16", "workers=1", "stack=8")  # fmt: skip


def lines(log):
    return log.read_text().split() if log.exists() else []


def stacks(root):
    return {each["trial"]: each["run"]["stack"] for each in reading.read_records(root)}


def test_a_block_whose_worker_dies_is_run_again_in_halves(tmp_path):
    root, log = tmp_path / "results", tmp_path / "log"
    process = sweeps.start(root, *WORDS, env={"TINY_LOG": str(log)})
    sweeps.until(lambda: lines(log))
    (worker,) = sweeps.workers(process.pid)
    sweeps.kill(worker)
    _, errors = process.communicate(timeout=sweeps.PATIENCE)
    assert process.returncode == 0, errors
    assert "worker process died: signal SIGKILL" in errors
    assert "its 8 trials are run again, 4 as one" in errors
    assert stacks(root) == dict.fromkeys(range(16), 4)
    assert lines(log) == ["8", "4", "4", "4", "4"]


def test_a_stop_loses_no_finished_block_and_the_same_command_goes_on(tmp_path):
    root, log = tmp_path / "results", tmp_path / "log"
    process = sweeps.start(root, *WORDS, env={"TINY_LOG": str(log)})
    sweeps.until(lambda: len(lines(log)) == 2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=sweeps.PATIENCE)
    assert process.returncode == 128 + signal.SIGTERM
    before = sweeps.results(root)
    assert {trial for _, trial in before} == set(range(8))
    assert sweeps.run(root, *WORDS, env={"TINY_LOG": str(log)})[0] == 0
    after = sweeps.results(root)
    assert after.items() >= before.items()
    assert stacks(root) == dict.fromkeys(range(16), 8)
