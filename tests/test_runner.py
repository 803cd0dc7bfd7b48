"""What the runner does around the trials; faults of the trials themselves are in tests/faults."""

import pytest

from harness import runner, store, worker
from harness.record import new_record
from harness.runner import Options
from harness.store import StudyFolder
from harness.trial_queue import Request
from tests.faults import sweeps

TRIALS = 5


@pytest.fixture
def answered(tmp_path):
    """A request whose trials all have records."""
    study = sweeps.study("optimizer=sgd")
    folder = StudyFolder(tmp_path, study)
    folder.create()
    for trial in range(TRIALS):
        folder.write(new_record(study, trial) | {"status": "diverged"})
    return Request(study, str(tmp_path), num_trials=TRIALS)


@pytest.fixture(autouse=True)
def no_workers(monkeypatch):
    monkeypatch.setattr(runner.Pool, "__enter__", lambda self: pytest.fail("a worker was started"))


class Listener:
    """A worker's end of the pipe: hands out messages and keeps what is said."""

    def __init__(self, *messages):
        self.messages, self.said = list(messages), []

    def recv(self):
        return self.messages.pop(0)

    def send(self, message):
        self.said.append(message)


@pytest.mark.parametrize(("device", "leaves"), [("cpu", False), ("cuda:0", True)])
def test_after_a_failure_on_a_gpu_another_process_takes_over(device, leaves, tmp_path, monkeypatch):
    """Simulated: an error may have broken the process's CUDA context for all that follows."""
    monkeypatch.setattr(worker, "device_name", lambda device: device)
    study = sweeps.study("optimizer=sgd", "workload.module=no.such.module")
    StudyFolder(tmp_path, study).create()
    told = [worker.Assignment(study, str(tmp_path), trial) for trial in (0, 1)]
    pipe = Listener(*told, None)
    worker.work(pipe, device)
    outcomes = [each.status for each in pipe.said if isinstance(each, worker.Outcome)]
    assert outcomes == (["failed"] if leaves else ["failed", "failed"])
    assert (worker.LEAVING in pipe.said) is leaves
    if leaves:
        assert pipe.said.index(worker.LEAVING) < len(pipe.said) - 1  # before its last outcome


def test_an_answered_request_starts_no_worker(answered):
    assert runner.run([answered], Options(device="cpu", quiet=True)) == 0


def test_a_failure_that_is_there_already_counts(answered):
    folder = StudyFolder(answered.root, answered.study)
    folder.write(new_record(answered.study, 2))
    assert runner.run([answered], Options(device="cpu", quiet=True)) == 1


def test_a_large_study_is_compacted_when_it_is_done(answered, monkeypatch):
    folder = StudyFolder(answered.root, answered.study)
    before = folder.read_all()
    monkeypatch.setattr(store, "COMPACT_FROM", TRIALS + 1)
    assert runner.run([answered], Options(device="cpu", quiet=True)) == 0
    assert len(list(folder.trials.iterdir())) == TRIALS
    monkeypatch.setattr(store, "COMPACT_FROM", TRIALS)
    assert runner.run([answered], Options(device="cpu", quiet=True)) == 0
    assert not list(folder.trials.iterdir())
    assert StudyFolder(answered.root, answered.study).read_all() == before
    assert runner.run([answered], Options(device="cpu", quiet=True)) == 0


def test_the_rest_of_a_killed_command_is_cleaned(answered):
    """A checkpoint of a trial that has its record: its worker was killed between the two."""
    folder = StudyFolder(answered.root, answered.study)
    folder.checkpoints.mkdir()
    finished, unfinished = folder.checkpoint_path(1), folder.checkpoint_path(TRIALS)
    for path in (finished, unfinished):
        path.write_bytes(b"")
    assert runner.run([answered], Options(device="cpu", quiet=True)) == 0
    assert (finished.exists(), unfinished.exists()) == (False, True)
