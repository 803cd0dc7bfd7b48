"""Ctrl-C and its kin: running trials stop at a step, checkpoint, and go on with the same bits."""

import os
import pty
import signal
import sys
import time

import pytest

from harness.records.claims import claimed
from harness.records.folder import StudyFolder
from harness.records.record import deterministic
from harness.running.trial import run_trial
from tests.faults import sweeps, workload
from tests.studies import task

TWO_TRIALS = ("num_trials=2", "workers=2", "workload.steps=60", "model.step_seconds=0.05")
SECONDS = 20  # generous: it takes under one


@pytest.fixture
def training(tmp_path, monkeypatch):
    """training(): wait until two trials train."""
    log = tmp_path / "log"
    monkeypatch.setenv("TINY_LOG", str(log))

    def wait():
        sweeps.until(lambda: log.exists() and log.read_text().count("training") >= 2)

    return wait


def test_a_sweep_outlives_whoever_listens_to_it(tmp_path):
    """Its standard error is a pipe whose reader has gone, or a full disk."""
    words = ("optimizer=sgd", "num_trials=3", "workers=1")
    with open("/dev/full", "w") as full:
        started = [
            sweeps.start(tmp_path / "pipe", *words),
            sweeps.start(tmp_path / "full", *words, stderr=full),
        ]
        started[0].stderr.close()
        for process in started:
            # 120: Python could not say goodbye
            assert process.wait(timeout=sweeps.PATIENCE) in (0, 120)
    for root in (tmp_path / "pipe", tmp_path / "full"):
        assert len(sweeps.results(root)) == 3


def folder(root, *words):
    return StudyFolder(root, sweeps.study(*words))


@pytest.mark.parametrize(
    ("number", "optimizer"),
    [(signal.SIGINT, "adamw"), (signal.SIGTERM, "momentum"), (signal.SIGUSR2, "sgd")],
)
def test_once_stops_at_a_step_and_the_same_command_goes_on(
    number, optimizer, tmp_path, training, monkeypatch
):
    words = (f"optimizer={optimizer}", *TWO_TRIALS)
    process = sweeps.start(tmp_path, *words)
    of = folder(tmp_path, *words)
    training()
    started = time.monotonic()
    os.killpg(process.pid, number)  # to all, as a terminal does
    errors = process.communicate(timeout=sweeps.PATIENCE)[1]
    assert time.monotonic() - started < SECONDS
    assert process.returncode == 128 + number
    assert "Traceback" not in errors
    assert "interrupted; the same command goes on where this one stopped" in errors
    assert not of.read_all()
    assert [of.checkpoint_path(trial).exists() for trial in (0, 1)] == [True, True]
    sweeps.until(lambda: not sweeps.processes(process.pid), SECONDS)

    assert sweeps.run(tmp_path, *words)[0] == 0
    monkeypatch.setattr(workload.time, "sleep", lambda seconds: None)
    for trial, record in of.read_all().items():
        (resumed_at,) = record["run"]["resumed_at_steps"]
        assert 0 < resumed_at < 60
        whole = run_trial(of.study, trial, task(of.study), "cpu")
        assert deterministic(record) == deterministic(whole)
    assert not list(of.checkpoints.iterdir())


def test_twice_stops_at_once(tmp_path):
    """A step of a minute would take its time."""
    words = ("optimizer=sgd", "num_trials=2", "workers=2", "model.step_seconds=60")
    process = sweeps.start(tmp_path, *words)
    of = folder(tmp_path, *words)
    sweeps.until(lambda: len(claimed(of.claims, range(2))) == 2)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    started = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    errors = process.communicate(timeout=sweeps.PATIENCE)[1]
    assert time.monotonic() - started < SECONDS
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert not of.read_all()
    sweeps.until(lambda: not sweeps.processes(process.pid), SECONDS)


@pytest.mark.parametrize("seconds", [0.6, 1.2, 2.4])
def test_while_it_starts(seconds, tmp_path):
    process = sweeps.start(tmp_path, "optimizer=sgd", *TWO_TRIALS)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    errors = process.communicate(timeout=sweeps.PATIENCE)[1]
    assert process.returncode in (130, -signal.SIGINT)
    assert "harness/" not in errors  # no traceback through our code
    sweeps.until(lambda: not sweeps.processes(process.pid), SECONDS)


def test_a_terminal_is_left_clean(tmp_path, training):
    """Ctrl-C typed at a terminal, where the live table hides the cursor."""
    words = ("optimizer=sgd", *TWO_TRIALS)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(sweeps.REPOSITORY)
        os.environ["TERM"] = "xterm"
        command = [sys.executable, "-m", "harness", *sweeps.words(tmp_path, *words)]
        os.execv(sys.executable, command)
    training()
    os.write(terminal, b"\x03")
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 10_000)
        except OSError:  # how Linux says that the terminal's last user is gone
            break
        if not piece:
            break
        shown += piece
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert shown.count(b"\x1b[?25l") >= 1  # hidden, so that the next line says something
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")
    assert b"interrupted; the same command goes on" in shown


def test_a_slurm_task_told_before_its_workers_start_requeues_itself(tmp_path):
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
