"""Where studies lie under a folder."""

import pytest

from harness.errors import ConfigError
from harness.records import reading
from harness.records.folder import StudyFolder
from tests.records.made_up import STUDY, made


def test_a_results_root_or_a_folder_of_roots(tmp_path):
    for name in ("one", "two"):
        StudyFolder(tmp_path / name, STUDY).create()
    (tmp_path / "three").mkdir()
    (tmp_path / "file").write_text("")
    assert reading.roots_in(tmp_path) == [tmp_path / "one", tmp_path / "two"]
    assert reading.roots_in(tmp_path / "one") == [tmp_path / "one"]
    with pytest.raises(ConfigError, match=r"no records under .*three; give the root="):
        reading.roots_in(tmp_path / "three")


def test_records_come_by_study_and_trial(folder, tmp_path):
    for trial in (2, 0, 1):
        folder.write(made(trial))
    assert [record["trial"] for record in reading.read_records(tmp_path)] == [0, 1, 2]
    assert reading.study_paths(tmp_path) == [folder.path]
    assert list(reading.read_studies(tmp_path)) == [STUDY.fingerprint]
