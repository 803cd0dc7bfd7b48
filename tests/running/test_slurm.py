"""What is submitted to Slurm, told by its commands replaced; a real Slurm is in tests/slurm."""

import os
import signal
import time

import pytest

from harness.records.folder import StudyFolder
from harness.running import slurm
from tests.faults import sweeps


@pytest.fixture
def submitted(monkeypatch):
    """Every command given to Slurm; sbatch answers with job numbers from 1 on."""
    commands = []

    def answer(*command):
        commands.append(command)
        return f"{sum(each[0] == 'sbatch' for each in commands)}\n"

    monkeypatch.setattr(slurm, "_slurm", answer)
    monkeypatch.setattr(slurm, "queued", lambda: [])
    monkeypatch.setattr(slurm, "max_array_size", lambda: 100)
    return commands


def submit(root, *words, options=()):
    return slurm.main([*options, "--", *sweeps.words(root, *words)])


def dependencies(commands):
    words = [[word for word in command if word.startswith("--dependency")] for command in commands]
    return ["".join(each).rpartition(":")[2] for each in words]


@pytest.mark.parametrize(
    ("parallel", "after", "limit"),
    [(1, ["", "1", "2"], "%1"), (2, ["", "", "1"], "%1"), (7, ["", "", ""], "%2")],
)
def test_no_more_tasks_at_once_than_asked_for(parallel, after, limit, submitted, tmp_path):
    words = ("-m", "optimizer=sgd,momentum,adam", "num_trials=9")
    assert submit(tmp_path, *words, options=[f"--parallel={parallel}"]) == 0
    assert dependencies(submitted) == after
    assert all(f"--array=0-8{limit}" in command for command in submitted)


def test_a_task_finds_its_configurations_and_writes_no_report(submitted, tmp_path):
    searched = f"hydra.searchpath=[file://{sweeps.CONF}]"
    assert submit(tmp_path, "optimizer=sgd", "num_trials=1", searched, "report=out") == 0
    (command,) = submitted
    assert searched in command
    assert command[-1] == "report=null"


@pytest.mark.parametrize(
    ("options", "words", "says"),
    [
        (["--chdir=/elsewhere"], (), "--chdir is set here"),
        (["-D", "/elsewhere"], (), "-D is set here"),
        ([], ("checkpoint_every=null",), "would start a trial over at every time limit"),
    ],
)
def test_what_would_go_wrong_there_is_refused_here(
    options, words, says, submitted, tmp_path, capsys
):
    assert submit(tmp_path, "optimizer=sgd", *words, options=options) == 2
    assert says in capsys.readouterr().err
    assert not submitted


def test_damage_is_set_aside_where_asked(submitted, tmp_path, capsys):
    words = ("optimizer=sgd", "num_trials=2")
    folder = StudyFolder(tmp_path, sweeps.study(*words))
    folder.create()
    folder.record_path(1).write_text("torn")
    assert submit(tmp_path, *words) == 2
    assert "damaged=set_aside" in capsys.readouterr().err
    assert submit(tmp_path, *words, "damaged=set_aside") == 0
    assert "set aside as 000001.json.damaged-" in capsys.readouterr().err
    assert "--array=0-1" in submitted[-1]


def test_a_task_told_before_its_workers_start_requeues_itself(tmp_path):
    fake = tmp_path / "scontrol"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/told\n')
    fake.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_ARRAY_JOB_ID": "12",
        "SLURM_ARRAY_TASK_ID": "3",
    }
    process = sweeps.start(tmp_path / "results", "optimizer=adamw", env=environment)
    sweeps.until(lambda: _handles(process.pid, signal.SIGUSR2))
    time.sleep(0.05)
    process.send_signal(signal.SIGUSR2)  # while it composes, or imports torch to check AdamW
    errors = process.communicate(timeout=sweeps.PATIENCE)[1]
    assert process.returncode == 128 + signal.SIGUSR2, errors
    assert (tmp_path / "told").read_text() == "requeue 12_3\n"
    assert "requeued Slurm task 12_3" in errors
    assert not list(tmp_path.rglob("*.json"))


def _handles(pid, number):
    """Whether the process has a handler of its own for the signal."""
    with open(f"/proc/{pid}/status") as file:
        caught = next(line.split()[1] for line in file if line.startswith("SigCgt"))
    return int(caught, 16) >> (number - 1) & 1
