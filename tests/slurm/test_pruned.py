"""A pruned sweep on a real Slurm, its tasks killed, prunes the trials of a local run."""

import random
import time

from harness.__main__ import command
from tests.faults import sweeps
from tests.slurm.conftest import read_logs

TRIALS, KILLS = 16, 6
STUDY = ("optimizer=momentum", "workload.steps=50", f"num_trials={TRIALS}")
WORDS = (*STUDY, "pruning=halving", "pruning.cohort=8", "pruning.audit=0.1")


def test_an_array_a_stretch_equals_a_local_run(cluster, submit, root, tmp_path, capsys):
    code, out, errors = submit(*WORDS, "trials_per_task=2", options=("--time=5",))
    assert code == 0, errors
    arrays = [line.split()[1] for line in out.splitlines() if line.startswith("  tasks")]
    assert arrays == ["0-2,", "0-2,", "0-1,", "0-2,", "0-1,", "0-2,"]  # 8 tasks, then 5, then 3
    assert "nothing to submit" in submit(*WORDS, "trials_per_task=2")[1]
    cluster.wait_until_empty(600)
    local = tmp_path / "local"
    assert sweeps.run(local, *WORDS, "workers=2")[0] == 0
    logs = read_logs(root)
    assert sweeps.results(root) == sweeps.results(local), logs
    assert any("whoever brings the last of them goes on" in log for log in logs.values())
    assert not any("Traceback" in log for log in logs.values())
    assert command(["status", str(root)]) == 0
    assert "pruned" in capsys.readouterr().out
    assert "nothing to submit" in submit(*WORDS)[1]
    code, out, _ = submit(*STUDY, "trials_per_task=4")  # without pruning what was pruned is missing
    assert code == 0
    assert "nothing to submit" not in out
    cluster.wait_until_empty(600)
    assert {record["status"] for record in sweeps.results(root).values()} == {"complete"}


def test_six_kills(cluster, submit, root, tmp_path):
    """Whatever is killed is submitted again by the same command."""
    draw, killed = random.Random(0), 0
    words = (*WORDS, "model.step_seconds=0.02", "checkpoint_every=5", "trials_per_task=4")
    deadline = time.monotonic() + 900
    while killed < KILLS and time.monotonic() < deadline:
        assert submit(*words)[0] == 0
        time.sleep(draw.uniform(1, 5))
        running = [line.split()[0] for line in cluster.queue() if " RUNNING " in line]
        if running:
            cluster.client("scancel", "--signal=KILL", "--full", draw.choice(running), check=False)
            killed += 1
    assert killed == KILLS
    for _ in range(4):  # stretches after a kill may find less ready than they were planned for
        cluster.wait_until_empty(600)
        if "nothing to submit" in submit(*words)[1]:
            break
    local = tmp_path / "local"
    assert sweeps.run(local, *WORDS, "model.step_seconds=0.02", "workers=2")[0] == 0
    assert sweeps.results(root) == sweeps.results(local)
