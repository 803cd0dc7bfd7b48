"""Sweeps on a real Slurm end with the records of a local run, whatever becomes of their tasks."""

import pytest

from harness.__main__ import command
from harness.records import reading
from harness.records.checkpoint import from_bytes
from harness.records.folder import StudyFolder
from harness.records.record import deterministic
from harness.study import indices
from tests.faults import sweeps
from tests.slurm.cluster import MAX_ARRAY_SIZE
from tests.slurm.conftest import read_logs

SLOW = ("workload.steps=300", "model.step_seconds=0.05")  # 15 seconds a trial


def folder(root, *words):
    return StudyFolder(root, sweeps.study(*words))


def statuses(root):
    return {(r["optimizer"], r["trial"]): r["status"] for r in reading.read_records(root)}


@pytest.fixture
def training(tmp_path, monkeypatch):
    """training(n): wait until so many trials have trained a few steps."""
    log = tmp_path / "log"
    monkeypatch.setenv("TINY_LOG", str(log))

    def wait(count):
        sweeps.until(lambda: log.exists() and log.read_text().count("training") >= count)

    return wait


def test_two_studies_longer_than_an_array_may_be_equal_a_local_run(
    cluster, submit, root, tmp_path, capsys
):
    trials, per_task = 7, 2
    words = ("-m", "optimizer=sgd,momentum", f"num_trials={trials}", f"trials_per_task={per_task}")
    code, out, errors = submit(*words, options=("--parallel=4", "--time=5"))
    assert code == 0, errors
    assert trials / per_task > MAX_ARRAY_SIZE
    arrays = [line.split() for line in out.splitlines() if line.startswith("  tasks")]
    assert [words[1] for words in arrays] == ["0-2%1,", "0%1,"] * 2  # the last chunk clamped
    assert out.splitlines()[-1].endswith(f"-m harness status {root}")

    again = submit(*words)
    assert again[0] == 0
    assert "nothing to submit" in again[1]  # what waits or runs is not missing
    assert command(["status", str(root)]) == 1
    cluster.wait_until_empty()

    logs = read_logs(root)
    assert len(logs) == 8
    assert {name.rpartition("_")[2] for name in logs} == {
        "0.log",
        "1.log",
        "2.log",
        "3+0.log",
    }
    local = tmp_path / "local"
    assert sweeps.run(local, *words, "workers=2")[0] == 0
    found = sweeps.results(root)
    assert set(found) == {(o, t) for o in ("sgd", "momentum") for t in range(trials)}
    assert found == sweeps.results(local)
    capsys.readouterr()
    assert command(["status", str(root)]) == 0
    assert "nothing to submit" in submit(*words)[1]


def test_a_typo_fails_before_anything_is_submitted(cluster, submit, root):
    for words, says in (
        (("optimizer=sgdd",), "optimizer 'sgdd' is not in conf/optimizer"),
        (("-m", "optimizer=sgd,momentum", "seeed=1"), "'seeed' is no key"),
        (("search_space.lr.low=9", "optimizer=sgd"), "low < high"),
        (("optimizer=sgd", "trials_per_task=0"), "trials_per_task must be 1 or more"),
        (("optimizer=sgd", "num_feasible=3"), "num_feasible=null max_trials=null"),
    ):
        code, out, errors = submit(*words)
        assert (code, out) == (2, ""), errors
        assert says in errors
        assert errors.count("\n") == 1
    code, _, errors = submit("optimizer=sgd", options=("--partition=nowhere",))
    assert code == 1
    assert "sbatch refused" in errors
    assert "invalid partition" in errors
    assert cluster.queue() == []
    assert not list(root.rglob("trials/*.json"))


def test_a_task_that_is_killed_is_submitted_again(cluster, submit, root, training):
    words = ("optimizer=sgd", "num_trials=2", *SLOW, "checkpoint_every=10")
    assert submit(*words)[0] == 0
    training(2)
    of = folder(root, *words)
    sweeps.until(lambda: all(of.checkpoint_path(trial).exists() for trial in (0, 1)))
    killed = cluster.queue()[0].split()[0]
    cluster.client("scancel", "--signal=KILL", "--full", killed)
    sweeps.until(lambda: len(cluster.queue()) == 1)
    code, out, _ = submit(*words)  # while the other still runs
    assert code == 0
    assert f"tasks {killed.partition('_')[2]}," in out
    cluster.wait_until_empty()
    assert statuses(root) == {("sgd", 0): "complete", ("sgd", 1): "complete"}
    resumed = [r["run"].get("resumed_at_steps") for r in reading.read_records(root)]
    assert sum(steps is not None for steps in resumed) == 1  # from its last checkpoint


def test_a_time_limit_mid_trial_requeues_and_resumes(cluster, submit, root, tmp_path, monkeypatch):
    # Slurm looks at its clock every half a minute, and tells so much too early: 55 to 85 seconds after the
    # start, so that a busy machine has imported torch (told twice before a step, a task gives up). The whole
    # trial takes 120; after the checkpoint what is left of it takes no time, and has ten minutes.
    words = ("optimizer=adamw", "num_trials=1", "workload.steps=2400", "model.step_seconds=0.05")
    hurry = tmp_path / "hurry"
    told = ("--time=2", "--signal=B:USR2@35")
    assert submit(*words, options=told, environment={"TINY_HURRY": str(hurry)})[0] == 0
    saved = folder(root, *words).checkpoint_path(0)
    sweeps.until(
        lambda: saved.exists() and from_bytes(saved.read_bytes())["state"]["step"] > 0,
        3 * sweeps.PATIENCE,
    )
    hurry.touch()
    cluster.client("scontrol", "update", f"JobId={cluster.queue()[0].split()[0]}", "TimeLimit=10")
    cluster.wait_until_empty()
    _resumed_with_the_same_bits(folder(root, *words), monkeypatch)
    (log,) = read_logs(root).values()
    assert "harness: requeued Slurm task" in log
    assert "it goes on where it stopped" in log


def test_preemption_mid_trial_requeues_and_resumes(cluster, submit, root, training, monkeypatch):
    words = ("optimizer=adamw", "num_trials=1", *SLOW)
    assert submit(*words)[0] == 0
    training(1)
    urgent = ("--partition=urgent", "--exclusive", "--output=/dev/null")
    cluster.client("sbatch", *urgent, "--wrap=sleep 1")
    cluster.wait_until_empty()
    _resumed_with_the_same_bits(folder(root, *words), monkeypatch)
    (log,) = read_logs(root).values()
    assert "harness: requeued Slurm task" in log


def test_preemption_that_comes_as_sigterm_resumes_too(cluster, submit, root, training, monkeypatch):
    with cluster.without("SlurmctldParameters=preempt_send_user_signal"):
        words = ("optimizer=adamw", "num_trials=1", "workload.steps=600", "model.step_seconds=0.05")
        assert submit(*words)[0] == 0
        training(1)
        urgent = ("--partition=urgent", "--exclusive", "--output=/dev/null")
        cluster.client("sbatch", *urgent, "--wrap=sleep 1")  # 12 seconds of grace, then SIGTERM
        cluster.wait_until_empty()
    _resumed_with_the_same_bits(folder(root, *words), monkeypatch)
    (log,) = read_logs(root).values()
    assert "harness: requeued Slurm task" not in log  # Slurm did


def test_scancel_is_meant(cluster, submit, root, training):
    words = ("optimizer=adamw", "num_trials=1", *SLOW)
    assert submit(*words)[0] == 0
    training(1)
    cluster.client("scancel", "--signal=TERM", "--batch", cluster.queue()[0].split()[0])
    cluster.wait_until_empty()
    assert statuses(root) == {}
    assert folder(root, *words).checkpoint_path(0).exists()
    assert "requeued" not in "".join(read_logs(root).values())


def test_a_failing_trial_is_marked_and_the_array_goes_on(cluster, submit, root, capsys):
    # The first trial is well.
    words = (
        "optimizer=faulty",
        "search_space.fault.choices=[1,0]",
        "num_trials=4",
        "trials_per_task=2",
    )
    code, _, errors = submit(*words)
    assert code == 0, errors
    cluster.wait_until_empty()
    found = [status for _, status in sorted(statuses(root).items())]
    assert sorted(found) == ["complete", "complete", "failed", "failed"]
    assert "nothing to submit" in submit(*words)[1]
    failed = [str(trial) for trial, status in enumerate(found) if status == "failed"]
    assert command(["status", str(root)]) == 1
    assert "(retry_failed=true runs them again)" in capsys.readouterr().out
    mended = {"FAULTS_MENDED": "1"}
    code, out, _ = submit(*words, "retry_failed=true", environment=mended)
    assert code == 0
    jobs = [line.partition(" trials ")[2] for line in out.splitlines() if line.startswith("job ")]
    assert [str(trial) for job in jobs for trial in indices.parse(job)] == failed
    cluster.wait_until_empty()
    assert set(statuses(root).values()) == {"complete"}
    assert command(["status", str(root)]) == 0


def _resumed_with_the_same_bits(of, monkeypatch):
    from harness.running.trial import run_trial
    from tests.faults import workload
    from tests.studies import task

    record = of.read_all()[0]
    assert record["run"]["resumed_at_steps"][0] > 0
    monkeypatch.setattr(workload.time, "sleep", lambda seconds: None)
    whole = run_trial(of.study, 0, task(of.study), "cpu")
    assert deterministic(record) == deterministic(whole)
