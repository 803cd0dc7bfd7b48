"""Signals have one owner: the first asks, the same again insists."""

import os
import signal
import stat

import pytest

from harness.running import interruption
from harness.running.interruption import SIGNALS, Interruption


def send(number):
    signal.raise_signal(number)  # to this thread: others of this process may not block it


@pytest.mark.parametrize("number", SIGNALS)
def test_once_asks_and_twice_insists(number):
    with Interruption() as interrupted:
        assert not interrupted.asked
        send(number)
        assert (interrupted.asked, interrupted.insisted) == (True, False)
        send(number)
        assert interrupted.insisted
        assert interrupted.exit_status == 128 + number


def test_another_signal_does_not_insist():
    """A batch system sends one, and after its grace time the next."""
    with Interruption() as interrupted:
        send(signal.SIGUSR2)
        send(signal.SIGTERM)
        assert not interrupted.insisted
        assert interrupted.exit_status == 128 + signal.SIGUSR2


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interruption():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_blocked_signal_comes_afterwards():
    with Interruption() as interrupted:
        with interruption.blocked():
            send(signal.SIGTERM)
            assert not interrupted.asked
        send(signal.SIGUSR2)
        assert set(interrupted.signals) == {signal.SIGTERM, signal.SIGUSR2}


# --- Slurm's queue ---------------------------------------------------------------------------------


@pytest.fixture
def scontrol(tmp_path, monkeypatch):
    """scontrol(exit status): what it was told, by a Slurm task."""
    told = tmp_path / "told"

    def make(status=0):
        script = tmp_path / "scontrol"
        script.write_text(f'#!/bin/sh\necho "$@" >> {told}\necho "not now" >&2\nexit {status}\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "12")
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
        return told

    return make


def test_a_task_whose_time_is_up_goes_back_into_the_queue(scontrol, capsys):
    told = scontrol()
    interruption.requeue_after(signal.SIGUSR2, progressed=True)
    assert told.read_text() == "requeue 12_3\n"
    assert "requeued Slurm task 12_3: it goes on where it stopped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("restarts", "progressed", "requeued"),
    [("", False, True), ("0", False, True), ("1", True, True), ("1", False, False)],
)
def test_a_task_that_made_no_step_twice_ends(
    restarts, progressed, requeued, scontrol, monkeypatch, capsys
):
    """Its time limit is too short for a step: it would be requeued for ever."""
    told = scontrol()
    monkeypatch.setenv("SLURM_RESTART_COUNT", restarts)
    interruption.requeue_after(signal.SIGUSR2, progressed=progressed)
    assert told.exists() is requeued
    said = capsys.readouterr().err
    assert ("made no step in the time it was given, twice; not requeued" in said) is not requeued


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_a_person_stops_is_not_requeued(number, scontrol, capsys):
    told = scontrol()
    interruption.requeue_after(number, progressed=True)
    assert not told.exists()
    assert capsys.readouterr().err == ""


def test_outside_of_slurm_nothing_is_requeued(scontrol, monkeypatch):
    told = scontrol()
    monkeypatch.delenv("SLURM_ARRAY_JOB_ID")
    interruption.requeue_after(signal.SIGUSR2, progressed=True)
    interruption.when_told()
    assert not told.exists()
    assert signal.getsignal(signal.SIGUSR2) == signal.SIG_DFL


def test_a_slurm_that_refuses_is_told(scontrol, capsys):
    scontrol(1)
    interruption.requeue_after(signal.SIGUSR2, progressed=True)
    assert "Slurm task 12_3 was not requeued: not now" in capsys.readouterr().err
