"""Many records in one Parquet file read as the single files did."""

import json
import time

import pytest

from harness.commands import compact
from harness.records import compaction, record, tables
from harness.records.folder import StudyFolder
from harness.records.reading import DamagedRecord
from tests.records.made_up import STUDY, made


def test_compacted_records_read_like_files(folder, tmp_path):
    for trial in range(6):
        folder.write(made(trial, "failed" if trial == 2 else "complete"))
    before, (trials, curves, studies) = folder.read_all(), tables.read(tmp_path)
    assert compact.main([str(tmp_path)]) == 0
    assert [path.name for path in folder.trials.iterdir()] == ["000002.json"]  # is run again
    fresh = StudyFolder(tmp_path, STUDY)
    assert fresh.read_all() == before
    assert fresh.read(1) == before[1]
    again = tables.read(tmp_path)
    assert trials.equals(again.trials)
    assert curves.equals(again.curves)
    assert studies == again.studies
    assert compact.main([str(tmp_path)]) == 0  # nothing more to do
    assert len(list(folder.path.glob("*.parquet"))) == 1


def test_a_newer_file_wins_over_a_compacted_record(folder):
    folder.write(made(0))
    compaction.compact(folder.path)
    folder.write(made(0) | {"data": {"newer": True}})
    assert folder.read(0)["data"] == folder.read_all()[0]["data"] == {"newer": True}


def test_compaction_waits_for_enough_and_stops_at_damage(folder):
    for trial in range(3):
        folder.write(made(trial))
    assert compaction.compact(folder.path, at_least=4) is None
    folder.record_path(1).write_text("{")
    with pytest.raises(DamagedRecord):
        compaction.compact(folder.path)
    assert len(list(folder.trials.iterdir())) == 3


@pytest.mark.slow
def test_ten_thousand_records_load_in_ten_seconds(folder, tmp_path):
    folder.write(made(0))
    text = folder.record_path(0).read_text()
    for trial in range(1, 10_000):  # without the fsync of a real write
        folder.record_path(trial).write_text(record.to_text(json.loads(text) | {"trial": trial}))
    started = time.process_time()  # of this process alone: others may be busy
    table = tables.read(tmp_path).trials
    assert time.process_time() - started < 10
    assert len(table) == 10_000
    compaction.compact(folder.path)
    started = time.process_time()
    assert tables.read(tmp_path).trials.equals(table)
    assert time.process_time() - started < 10
