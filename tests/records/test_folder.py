"""A study's folder: records whole or absent, beside other writers, and no way out of the root."""

import json
import os
import threading
import time

import pytest

from harness.errors import ConfigError, SweepError
from harness.records import folder as folders
from harness.records.folder import StudyFolder
from harness.records.reading import read_study
from harness.records.record import deterministic
from harness.study.result import STATUSES
from harness.study.study import Study
from tests.records.made_up import CONFIG, STUDY, made


def test_what_is_written_is_read(folder):
    for trial, status in enumerate(STATUSES):
        folder.write(made(trial, status))
    found = folder.read_all()
    assert [found[t]["status"] for t in sorted(found)] == list(STATUSES)
    assert deterministic(found[0]) == deterministic(made(0))
    assert folder.read(0) == found[0]
    assert folder.read(99) is None


def test_infinite_losses_become_null(folder):
    folder.write(made(0) | {"train_loss": float("inf"), "val_loss": float("nan")})
    assert folder.read(0)["train_loss"] is None
    assert folder.read(0)["val_loss"] is None


def test_no_temporary_file_is_left_by_a_write_that_fails(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    folder.write(made(0))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SweepError, match=r"No space left on device.*finished trials are safe"):
        folder.write(made(1))
    with pytest.raises(SweepError):
        folder.write(made(0, "failed"))
    assert folder.read_all()[0]["status"] == "complete"
    assert [path.name for path in folder.trials.iterdir()] == ["000000.json"]


def test_abandoned_temporary_files_go_and_young_ones_stay(folder):
    old, young = folder.trials / ".000000.json.ab.tmp", folder.trials / ".000001.json.cd.tmp"
    for path in (old, young):
        path.write_text("{")
    os.utime(old, (0, time.time() - 2 * folders.ABANDONED_SECONDS))
    folder.clean()
    assert [path.name for path in folder.trials.iterdir()] == [young.name]


def test_a_reader_beside_a_writer_sees_whole_records_only(folder):
    """Written over and over by two, read all the while: no read is ever refused."""
    stop = threading.Event()

    def write(status):
        while not stop.is_set():
            folder.write(made(0, status))

    folder.write(made(0))
    threads = [threading.Thread(target=write, args=[s]) for s in ("complete", "diverged")]
    for thread in threads:
        thread.start()
    try:
        seen = {folder.read_all()[0]["status"] for _ in range(300)}
        deadline = time.monotonic() + 60
        while len(seen) < 2 and time.monotonic() < deadline:
            seen.add(folder.read_all()[0]["status"])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert seen == {"complete", "diverged"}


@pytest.mark.parametrize("name", ["../../x", "a/b", "..", ".hidden", "", "a b", "/abs", "a\n"])
@pytest.mark.parametrize("kind", ["workload", "optimizer"])
def test_a_name_cannot_lead_out_of_the_root(kind, name, tmp_path):
    study = Study({**CONFIG, kind: {**CONFIG[kind], "name": name}})
    with pytest.raises(ConfigError, match=rf"{kind}.name .* cannot name a folder under root="):
        StudyFolder(tmp_path, study)


def test_a_study_is_read_as_it_was_written_once(tmp_path):
    folder = StudyFolder(tmp_path, Study(CONFIG, ("seed=0",)))
    folder.create()
    assert read_study(folder.path) == {**CONFIG, "overrides": ["seed=0"]}
    written = (folder.path / "study.json").read_text()
    StudyFolder(tmp_path, Study(CONFIG, ("seed=0", "model.width=1"))).create()
    assert (folder.path / "study.json").read_text() == written
    assert json.loads(written)["fingerprint"] == STUDY.fingerprint


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"cannot be written under root=.*Not a directory"):
        StudyFolder(tmp_path / "file", STUDY).create()


def test_a_folder_beside_the_records(folder):
    assert folder.make("logs") == folder.make("logs") == folder.path / "logs"
    (folder.path / "in_the_way").write_text("")
    with pytest.raises(SweepError, match=r"in_the_way cannot be made \(File exists\)"):
        folder.make("in_the_way")


def test_checkpoints_of_finished_trials_go(folder):
    folder.checkpoints.mkdir()
    for trial in range(3):
        folder.checkpoint_path(trial).write_bytes(b"")
    (folder.checkpoints / "notes.pt").write_bytes(b"")
    folder.clean_checkpoints({0, 2})
    assert sorted(path.name for path in folder.checkpoints.iterdir()) == ["000001.pt", "notes.pt"]
