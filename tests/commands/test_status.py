"""``harness status``: a row a study, and what is still to do."""

import pytest

from harness.__main__ import command
from harness.records import requests as asked
from harness.records.folder import StudyFolder
from harness.study.request import Request
from harness.study.study import Study
from tests.records.made_up import CONFIG, STUDY, made


@pytest.fixture
def folder(tmp_path):
    """A study of which six trials were asked for."""
    folder = StudyFolder(tmp_path, STUDY)
    folder.create()
    asked.note(folder, Request(STUDY, str(tmp_path), num_trials=6))
    return folder


@pytest.fixture
def status(tmp_path, capsys):
    """(exit status, lines)."""

    def run(folder=tmp_path):
        code = command(["status", str(folder)])
        out, err = capsys.readouterr()
        return code, (out + err).splitlines()

    return run


def test_what_is_missing_and_failed_is_listed_as_the_command_line_takes_it(folder, status):
    for trial, state in ((1, "complete"), (2, "diverged"), (4, "failed")):
        folder.write(made(trial, state))
    code, lines = status()
    assert code == 1
    assert lines[0].split() == [
        "study", "complete", "diverged", "failed", "running", "missing", "trials/h", "left",
    ]  # fmt: skip
    assert lines[1].split() == [STUDY.name, "1", "1", "1", "0", "3", "-", "-"]
    assert f"{STUDY.name}: missing trial=0,3,5" in lines
    assert f"{STUDY.name}: failed trial=4 (retry_failed=true runs them again)" in lines


def test_zero_once_everything_asked_for_is_a_result(folder, status):
    for trial in range(6):
        folder.write(made(trial))
    assert status()[0] == 0


def test_a_row_a_study_and_every_one_must_be_complete(folder, status, tmp_path):
    for trial in range(6):
        folder.write(made(trial))
    other = StudyFolder(tmp_path, Study({**CONFIG, "seed": 1}))
    other.create()
    asked.note(other, Request(other.study, str(tmp_path)))
    code, lines = status()
    assert code == 1
    assert sorted(line.split()[0] for line in lines[1:3]) == sorted([STUDY.name, other.study.name])


def test_damage_is_named_and_counts_as_missing(folder, status):
    folder.record_path(0).write_text("{")
    code, lines = status()
    assert code == 1
    assert f"{STUDY.name}: missing trial=0-5" in lines
    (line,) = [line for line in lines if "damaged" in line]
    assert line.startswith(f"{STUDY.name}: damaged {folder.record_path(0)} is not JSON")
    assert line.endswith("(damaged=set_aside renames it and runs its trial again)")


@pytest.mark.parametrize("file", ["study.json", "requests/x.json"])
def test_damage_beside_the_records_is_a_mistake_to_mend(file, folder, status):
    (folder.path / file).write_text("{")
    code, lines = status()
    assert code == 2
    assert f"{folder.path / file} is" in lines[0]
    assert len(lines) == 1


def test_a_folder_without_studies_and_none_at_all(status, tmp_path):
    code, lines = status()
    assert (code, lines) == (1, [f"harness status: no study under {tmp_path} yet"])
    code, lines = status(tmp_path / "nowhere")
    assert code == 2
    assert lines[0].startswith("harness status: no results folder at ")
