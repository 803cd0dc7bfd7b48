"""What a worker answers to what it is told, over its own pipe but in this process."""

from multiprocessing import Pipe

import pytest

from harness.config import build
from harness.records.folder import StudyFolder
from harness.running import messages, worker
from harness.running.messages import LEAVING, REFUSED, Assignment, Outcome, Ready
from tests.faults import sweeps
from tests.studies import jobs


def answers(*messages, device="cpu"):
    """All that a worker says, being told these messages and then that there is no more work.

    What waits in the pipe while a trial trains means stop, so that none of these trains.
    """
    ours, theirs = Pipe()
    for message in (*messages, None):
        ours.send(message)
    worker.work(theirs, device)
    said = []
    while ours.poll():
        said.append(ours.recv())
    return said


@pytest.mark.parametrize(("device", "leaves"), [("cpu", False), ("cuda:0", True)])
def test_after_a_failure_on_a_gpu_another_process_takes_over(device, leaves, tmp_path, monkeypatch):
    """Simulated: an error may have broken the process's CUDA context for all that follows."""
    monkeypatch.setattr(worker, "device_name", lambda device: device)
    study = sweeps.study("optimizer=sgd", "~model.step_seconds")  # it can't be opened
    StudyFolder(tmp_path, study).create()
    said = answers(*(Assignment(study, str(tmp_path), trial) for trial in (0, 1)), device=device)
    assert said[0] == Ready(device)
    outcomes = [each.status for each in said if isinstance(each, Outcome)]
    assert outcomes == (["failed"] if leaves else ["failed", "failed"])
    assert (LEAVING in said) is leaves
    if leaves:
        assert said.index(LEAVING) < len(said) - 1  # before its last outcome


def test_a_trial_told_to_stop_before_its_first_step_leaves_nothing(tmp_path):
    study = sweeps.study("optimizer=sgd")
    StudyFolder(tmp_path, study).create()
    said = answers(Assignment(study, str(tmp_path), 0))  # more is waiting in the pipe
    assert [each.status for each in said if isinstance(each, Outcome)] == [messages.STOPPED]
    assert not list(tmp_path.rglob("*.pt"))
    assert not list(tmp_path.rglob("trials/*"))


def test_data_that_changed_since_the_study_was_composed_are_refused(tmp_path):
    text = tmp_path / "text"
    text.write_text("as it was")
    words = (
        "--config-dir",
        str(sweeps.CONF),
        "workload=tiny",
        "optimizer=sgd",
        f"data.file={text}",
    )
    (job,) = jobs(*words)
    study = build.study(*job)
    text.write_text("edited")
    root = tmp_path / "results"
    StudyFolder(root, study).create()
    outcome = answers(Assignment(study, str(root), 0))[-1]
    assert outcome.status == REFUSED
    assert outcome.error.startswith(f"the data of {study.name} have sha256 ")
    assert study.config["data_sha256"][:12] in outcome.error
    assert outcome.error.endswith("let them be, and start it again")
    assert not list(root.rglob("trials/*"))
