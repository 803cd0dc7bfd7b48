"""The folder of a made-up study."""

import pytest

from harness.records.folder import StudyFolder
from tests.records.made_up import STUDY


@pytest.fixture
def folder(tmp_path):
    folder = StudyFolder(tmp_path, STUDY)
    folder.create()
    return folder
