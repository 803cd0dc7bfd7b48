"""How far a study is, told from its folder alone."""

import pytest

from harness.records import requests as asked
from harness.records.claims import Claims
from harness.records.folder import StudyFolder
from harness.records.reading import DamagedRecord
from harness.running import status
from harness.study.request import Request
from tests.records.made_up import STUDY, made


@pytest.fixture
def folder(tmp_path):
    """A study of which ten trials were asked for."""
    folder = StudyFolder(tmp_path, STUDY)
    folder.create()
    asked.note(folder, Request(STUDY, str(tmp_path), num_trials=10))
    return folder


def ended(trial, at, state="complete"):
    return made(trial, state) | {"run": {"train_seconds": 1.0, "ended_at": at}}


def test_what_was_asked_for_and_has_no_record_is_missing(folder):
    for trial, state in ((0, "complete"), (1, "diverged"), (2, "failed"), (3, "timeout")):
        folder.write(made(trial, state))
    found = status.read(folder.path)
    assert found.name == STUDY.name
    assert found.missing == [4, 5, 6, 7, 8, 9]
    assert found.failed == [2, 3]
    assert found.running == []
    assert found.finished == 2
    assert not found.complete


def test_complete_is_when_every_trial_asked_for_is_a_result(folder):
    for trial in range(10):
        folder.write(made(trial, "diverged" if trial % 2 else "complete"))
    found = status.read(folder.path)
    assert found.complete
    assert found.seconds_left is None


def test_trials_that_were_never_asked_for_are_counted_too(folder):
    folder.write(made(50))
    assert status.read(folder.path).finished == 1


def test_the_time_left_is_told_while_something_runs(folder, monkeypatch):
    for trial in range(5):
        folder.write(ended(trial, at=1000.0 + 20 * trial))
    assert status.read(folder.path).seconds_left is None
    monkeypatch.setattr(status, "claimed", lambda path, trials: {5})
    found = status.read(folder.path)
    assert found.running == [5]
    assert found.trials_per_second == pytest.approx(1 / 20)
    assert found.seconds_left == pytest.approx(5 * 20)


def test_our_own_claims_are_no_other_commands(folder):
    Claims(folder.claims).take(5)
    assert status.read(folder.path).running == []


@pytest.mark.parametrize(
    ("ends", "rate"),
    [
        ([], None),
        ([5.0], None),
        ([5.0, 5.0], None),
        ([5.0, 5.02], None),  # trained as one
        ([0.0, 10.0, 20.0], 0.1),
        ([0.0, 100_000.0, 100_010.0], 0.1),  # it slept in between
    ],
)
def test_the_rate_is_of_the_last_hour_in_which_any_ended(ends, rate):
    assert status.rate(ends) == (rate and pytest.approx(rate))


def test_a_record_of_schema_1_tells_its_end_by_its_start(folder):
    folder.write(made(0) | {"run": {"started_at": 10.0, "train_seconds": 2.0}})
    folder.write(ended(1, at=22.0))
    assert status.read(folder.path).trials_per_second == pytest.approx(0.1)


def test_damage_is_named_and_its_trial_missing(folder):
    folder.record_path(0).write_text("{")
    found = status.read(folder.path)
    assert 0 in found.missing
    assert [problem.path for problem in found.damaged] == [folder.record_path(0)]
    (folder.path / "study.json").write_text("{")
    with pytest.raises(DamagedRecord, match=r"study.json is damaged"):
        status.read(folder.path)
