"""What a command does around the trials; faults of the trials themselves are in tests/faults."""

import pytest

from harness.errors import ConfigError, SweepError
from harness.records import compaction
from harness.records import requests as asked
from harness.records.folder import StudyFolder
from harness.records.record import new_record
from harness.running import pool, runner
from harness.running.options import Options
from harness.study.request import Request
from tests.faults import sweeps

TRIALS = 5


def run(*requests, **options):
    return runner.run(requests, Options(device="cpu", quiet=True, **options))


@pytest.fixture
def answered(tmp_path):
    """A request whose trials all have records."""
    study = sweeps.study("optimizer=sgd")
    folder = StudyFolder(tmp_path, study)
    folder.create()
    for trial in range(TRIALS):
        folder.write(new_record(study, trial) | {"status": "diverged"})
    return Request(study, str(tmp_path), num_trials=TRIALS)


@pytest.fixture
def no_process(monkeypatch):
    """A worker started is a mistake."""

    def fail(*_):
        pytest.fail("a worker was started")

    monkeypatch.setattr(runner, "Pool", fail)


def test_an_answered_request_starts_no_worker(answered, no_process):
    assert run(answered) == 0


def test_a_failure_that_is_there_already_counts(answered, no_process, capsys):
    StudyFolder(answered.root, answered.study).write(new_record(answered.study, 2))
    assert run(answered) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("tiny/sgd: 1 trials failed: 2; why is in ")
    assert line.endswith("000002.json; retry_failed=true runs them again")


def test_a_cap_that_ends_a_search_for_feasible_trials_is_told(answered, no_process, capsys):
    """All that have run diverged: a finding about the space, no failure."""
    request = Request(answered.study, answered.root, num_feasible=2, max_trials=TRIALS)
    assert run(request) == 0
    assert (
        "tiny/sgd: max_trials reached: 0 of 2 feasible trials found in 5" in capsys.readouterr().err
    )


def test_a_large_study_is_compacted_when_it_is_done(answered, no_process, monkeypatch):
    folder = StudyFolder(answered.root, answered.study)
    before = folder.read_all()
    monkeypatch.setattr(compaction, "COMPACT_FROM", TRIALS + 1)
    assert run(answered) == 0
    assert len(list(folder.trials.iterdir())) == TRIALS
    monkeypatch.setattr(compaction, "COMPACT_FROM", TRIALS)
    assert run(answered) == 0
    assert not list(folder.trials.iterdir())
    assert StudyFolder(answered.root, answered.study).read_all() == before
    assert run(answered) == 0


def test_the_rest_of_a_killed_command_is_cleaned(answered, no_process):
    """A checkpoint of a trial that has its record: its worker was killed between the two."""
    folder = StudyFolder(answered.root, answered.study)
    folder.checkpoints.mkdir()
    finished, unfinished = folder.checkpoint_path(1), folder.checkpoint_path(TRIALS)
    for path in (finished, unfinished):
        path.write_bytes(b"")
    assert run(answered) == 0
    assert (finished.exists(), unfinished.exists()) == (False, True)


def test_what_is_asked_for_is_noted(answered, no_process):
    assert run(answered) == 0
    assert asked.read(StudyFolder(answered.root, answered.study).path).trials == set(range(TRIALS))


def test_a_damaged_record_is_refused_before_any_folder_is_touched(answered, no_process, tmp_path):
    StudyFolder(answered.root, answered.study).record_path(1).write_text("{")
    other = Request(sweeps.study("optimizer=momentum"), answered.root)
    with pytest.raises(ConfigError, match="damaged=set_aside"):
        run(other, answered)
    assert not (tmp_path / "tiny" / "momentum").exists()


def test_workers_that_cannot_be_started_close_what_was_opened(answered, monkeypatch):
    """The claims too: a second command in this process gets them."""

    def cannot(*_):
        raise SweepError("no workers today")

    further = Request(answered.study, answered.root, num_trials=TRIALS + 1)
    monkeypatch.setattr(pool.Pool, "__enter__", cannot)
    for _ in range(2):
        with pytest.raises(SweepError, match="no workers today"):
            run(further)
