"""What the runner does around the trials; faults of the trials themselves are in tests/faults."""

import time
from types import SimpleNamespace

import pytest

from harness.records import reading
from harness.records.checkpoint import Checkpoint, Every
from harness.records.record import new_record
from harness.records.folder import StudyFolder
from harness.running import runner, worker
from harness.running.options import Options
from harness.study.request import Request
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
    assert pipe.said[0] == worker.Ready(device)
    outcomes = [each.status for each in pipe.said if isinstance(each, worker.Outcome)]
    assert outcomes == (["failed"] if leaves else ["failed", "failed"])
    assert (worker.LEAVING in pipe.said) is leaves
    if leaves:
        assert pipe.said.index(worker.LEAVING) < len(pipe.said) - 1  # before its last outcome


@pytest.mark.parametrize("recorded", [{"a" * 64}, {"a" * 64, "b" * 64}])
def test_a_study_with_records_of_other_data_is_refused(recorded, tmp_path, monkeypatch):
    opened = SimpleNamespace(data_description={"sha256": "b" * 64})
    monkeypatch.setattr(worker, "_task", lambda *_: opened)
    study = sweeps.study("optimizer=sgd")
    pipe = Listener(worker.Assignment(study, str(tmp_path), 0, None, frozenset(recorded)), None)
    worker.work(pipe, "cpu")
    outcome = pipe.said[-1]
    assert outcome.status == worker.REFUSED
    assert outcome.error == (
        f"{study.name} has records of data with sha256 aaaaaaaaaaaa…, the data given has"
        " bbbbbbbbbbbb…; give another root=, or the data of those records"
    )
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("compacted", [False, True])
def test_assignments_tell_the_data_of_the_records_on_disk(compacted, answered):
    folder = StudyFolder(answered.root, answered.study)
    made = new_record(answered.study, 2) | {"status": "diverged", "data": {"sha256": "a" * 64}}
    folder.write(made)
    if compacted:
        compaction.compact(folder.path)
    each, _ = assigned(Request(answered.study, answered.root, num_trials=TRIALS + 1))
    assert each.assignment.trial == TRIALS
    assert each.assignment.recorded == {"a" * 64}


def assigned(request):
    """A worker without a process, and its pool, once it has been given the first trial missing."""
    with runner._opened([request], Options()) as (queues, recorded):
        pool = runner.Pool(queues, recorded, ["cuda:0"], 1, Options(), progress=None)
        each = runner.Worker(None, Listener(), "cuda:0")
        pool._hear(each, worker.Ready("cuda (made-up)"))
        pool._assign(each, queues[0], queues[0].take())
        return each, pool


def test_the_record_of_a_dead_worker_tells_its_start_and_device(answered):
    each, pool = assigned(Request(answered.study, answered.root, num_trials=TRIALS + 1))
    each.since -= 100
    before = time.time()
    assert pool._outcome_of_dead(each, "timeout", "it took too long").status == "timeout"
    run = StudyFolder(answered.root, answered.study).read(TRIALS)["run"]
    assert run["device"] == "cuda (made-up)"
    assert run["started_at"] == pytest.approx(before - 100, abs=10)
    assert run["ended_at"] == pytest.approx(before, abs=10)
    assert run["ended_at"] - run["started_at"] == pytest.approx(run["train_seconds"], abs=10)


def test_a_time_limit_is_of_training_not_of_opening_the_data(answered):
    each, pool = assigned(Request(answered.study, answered.root, num_trials=TRIALS + 1))
    each.process = SimpleNamespace(kill=lambda: killed.append(True), join=lambda: None)
    pool.options, killed, buried = Options(trial_timeout_seconds=50), [], []
    pool.workers, pool._bury = [each], lambda *what: buried.append(what)
    each.since -= 100
    pool._enforce_timeout()
    assert not killed
    pool._hear(each, worker.BEGUN)
    pool._enforce_timeout()
    assert not killed
    each.since -= 100
    pool._enforce_timeout()
    assert killed
    assert buried == [(each, "timeout", "stopped after trial_timeout=50 seconds")]


def test_a_checkpoint_is_of_the_data_opened(answered, monkeypatch):
    task = SimpleNamespace(data_description={"sha256": "b" * 64})
    monkeypatch.setattr(worker, "_task", lambda *_: task)
    monkeypatch.setattr(worker, "_stop_check", lambda connection: None)
    monkeypatch.setattr("harness.train.run_trial", lambda *given: given[-1])
    folder = StudyFolder(answered.root, answered.study)
    given = worker.Assignment(answered.study, answered.root, 0)
    made = Checkpoint(folder, 0, Every(steps=1), "cpu", pytest.fail)
    assert worker._record(given, {}, "cpu", Listener(), made) is made
    made.save({"step": 3})
    assert made.load() == {"step": 3}
    warnings = []
    other = Checkpoint(folder, 0, Every(steps=1), "cpu", warnings.append)
    task.data_description["sha256"] = "c" * 64
    worker._record(given, {}, "cpu", Listener(), other)
    assert other.load() is None
    assert "its data is" in warnings[0]


def test_the_best_error_so_far_counts_what_was_there(answered):
    folder = StudyFolder(answered.root, answered.study)
    for trial, error in ((1, 0.5), (2, 0.25), (TRIALS, 0.125)):  # the last one is not asked for
        finals = {"train_loss": 1.0, "val_error": error, "val_loss": 1.0, "steps": 400}
        folder.write(new_record(answered.study, trial) | {"status": "complete"} | finals)
    with runner._opened([answered], Options()) as (queues, _):
        assert queues[0].queue.best == 0.25
        queues[0].queue.saw(0.2)
        queues[0].queue.saw(None)
        assert queues[0].queue.best == 0.2


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
