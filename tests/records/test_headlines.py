"""The little of each record that tells how far a study is: at a glance the same as when read whole."""

import os
import time

import pytest

from harness.records import headlines
from harness.records.compaction import compact
from harness.records.folder import StudyFolder
from harness.records.record import to_text
from tests.records.made_up import STUDY, made


@pytest.fixture
def folder(tmp_path):
    folder = StudyFolder(tmp_path, STUDY)
    folder.create()
    return folder


def ended(trial, status="complete", **run):
    return made(trial, status) | {"run": {"train_seconds": 2.0, **run}}


def both(folder):
    """At a glance, and read whole."""
    return [headlines.read(folder.path, thoroughly) for thoroughly in (False, True)]


def test_a_glance_says_the_same(folder):
    folder.write(ended(0, ended_at=1_700_000_000.125))
    folder.write(ended(1, "failed", started_at=5.0, ended_at=1e9) | {"error": "x" * 20_000})
    folder.write(made(2, "pruned") | {"steps": 1})
    folder.write(made(3, "diverged") | {"error": '"status": "complete",'})
    glance, whole = both(folder)
    assert glance == whole
    assert glance[0][0] == headlines.Headline("complete", 2, 1_700_000_000.125)
    assert glance[0][2].steps == 1
    assert headlines.count(folder.path) == 4


def test_and_of_compacted_records(folder):
    for trial in range(4):
        folder.write(ended(trial, ended_at=10.5 + trial))
    folder.write(made(4, "pruned"))
    before = both(folder)
    compact(folder.path)
    assert both(folder) == before
    folder.write(made(4, "failed"))  # newer
    assert both(folder)[0] == both(folder)[1]
    folder.write(made(4))
    compact(folder.path)
    assert both(folder)[0][0][4].status == both(folder)[1][0][4].status == "complete"
    assert headlines.count(folder.path) == 6


def test_of_records_compacted_before_they_told_more(folder):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = {"trial": [0], "status": ["complete"], "record": [to_text(made(0))]}
    pq.write_table(pa.table(table), folder.path / "trials-0.parquet")
    glance, _ = both(folder)
    assert glance == ({0: headlines.Headline("complete", 0, None)}, [])


@pytest.mark.parametrize(
    "damage", [b"{", b"", b"\x00" * 300, b'{"status": "complete",\n "steps": 2']
)
def test_what_does_not_look_like_a_record_is_read_in_full_and_named(damage, folder):
    folder.write(made(0))
    folder.record_path(1).write_bytes(damage)
    glance, whole = both(folder)
    assert glance == whole
    assert set(glance[0]) == {0}
    (problem,) = glance[1]
    assert problem.path == folder.record_path(1)


def test_a_damaged_compacted_file_is_named(folder):
    (folder.path / "trials-0.parquet").write_bytes(b"PAR1")
    (problem,) = both(folder)[0][1]
    assert problem.what.startswith("cannot be read")
    assert headlines.count(folder.path) == 0


def test_a_hundred_thousand_take_a_second_or_two(folder):
    """Of this process's own time, by ten thousand."""
    text = to_text(ended(0, ended_at=1.0))
    for trial in range(10_000):
        with open(f"{folder.trials}/{trial:06d}.json", "w") as file:
            file.write(text)
    os.sync()
    started = time.process_time()
    found, problems = headlines.read(folder.path, thoroughly=False)
    assert time.process_time() - started < 0.4  # .08 measured
    assert (len(found), problems) == (10_000, [])
