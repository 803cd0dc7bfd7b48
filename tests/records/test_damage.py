"""What cannot be trusted is named, refused, never counted, and set aside when asked."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.records import damage, reading, record, tables
from harness.records.compaction import compact
from harness.records.files import write_whole
from harness.records.folder import StudyFolder, study_node
from harness.records.reading import DamagedRecord
from harness.study.study import Study
from tests.records.made_up import CONFIG, made

DAMAGE = {
    "truncated": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "binary": lambda text: b"\x80\x00\xff" * 50,
    "a list": lambda text: "[]",
    "deep": lambda text: "[" * 100_000,
    "a better error": lambda text: text.replace('"val_error": 0.5', '"val_error": 0.1'),
    "a digit of its seconds": lambda text: text.replace('"train_seconds": 3.1', '"train_seconds": 9'),
    "NaN": lambda text: text.replace('"val_error": 0.5', '"val_error": NaN'),
    "huge": lambda text: text.replace('"val_error": 0.5', '"val_error": 1e999'),
    "of a future schema": lambda text: text.replace('"schema": 2', '"schema": 3'),
    "of another trial": lambda text: record.to_text(made(4)),
    "of another study": lambda text: record.to_text(made(3) | {"study": "0" * 12}),
    "of another optimizer": lambda text: record.to_text(made(3) | {"optimizer": "adam"}),
    "an unknown status": lambda text: record.to_text(made(3, "perfect")),
    "no curve": lambda text: record.to_text(made(3) | {"curve": {}}),
    "complete without an error": lambda text: record.to_text(made(3) | {"val_error": None}),
    "a point of lists": lambda text: record.to_text(made(3) | {"point": {"lr": ["high"]}}),
}  # fmt: skip


@pytest.fixture(params=DAMAGE)
def damaged(request, folder):
    """A study of five trials of which trial 3 is damaged."""
    for trial in range(5):
        folder.write(made(trial))
    path = folder.record_path(3)
    content = DAMAGE[request.param](path.read_text())
    assert content != path.read_text()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_a_damaged_record_is_named_and_refused(damaged, tmp_path):
    before = damaged.record_path(3).read_bytes()
    for read in (damaged.read_all, lambda: damaged.read(3), lambda: tables.read(tmp_path).trials):
        with pytest.raises(DamagedRecord, match="damaged=set_aside") as refused:
            read()
        assert str(damaged.record_path(3)) in str(refused.value)
        assert "\n" not in str(refused.value)
    assert damaged.record_path(3).read_bytes() == before


def test_a_damaged_record_is_set_aside_by_name_and_not_lost(damaged):
    before = damaged.record_path(3).read_bytes()
    ((problem, aside),) = damage.set_aside_damaged(damaged.path)
    assert problem.path == damaged.record_path(3)
    assert aside.read_bytes() == before
    assert sorted(damaged.read_all()) == [0, 1, 2, 4]
    assert damage.set_aside_damaged(damaged.path) == []


def test_how_many_are_damaged_is_told(folder):
    for trial in range(3):
        folder.record_path(trial).write_text("")
    with pytest.raises(DamagedRecord, match="and 2 more damaged files in this study"):
        folder.read_all()


def test_files_of_others_are_no_records(folder):
    folder.write(made(0))
    for name in ("notes.json", ".000001.json.ab.tmp", "000002.json.damaged-00", "١.json"):
        (folder.trials / name).write_text("not a record")
    assert list(folder.read_all()) == [0]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"fingerprint": 1}', '{"fingerprint": "x", "study": 7}', b"\xff",
     json.dumps(study_node(Study({**CONFIG, "seed": 1})))],
)  # fmt: skip
def test_a_damaged_study_is_named(content, folder, tmp_path):
    path = folder.path / "study.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DamagedRecord, match=r"study.json is damaged"):
        reading.read_studies(tmp_path)


def compacted(folder, columns):
    write_whole(folder.path / "trials-x.parquet", lambda p: pq.write_table(pa.table(columns), p))


@pytest.mark.parametrize(
    "columns",
    [
        {"trial": ["0"], "record": ["{}"]},
        {"trial": [0], "record": [b"{}"]},
        {"trial": [0], "record": [None]},
        {"trial": [0]},
        {"trial": [0], "record": ["{}"]},
    ],
)
def test_a_parquet_file_with_other_columns_is_refused(columns, folder):
    compacted(folder, columns)
    with pytest.raises(DamagedRecord, match=r"trials-x.parquet"):
        folder.read_all()


def test_the_good_records_of_a_damaged_parquet_file_are_kept(folder):
    texts = [record.to_text(made(trial)) for trial in range(3)]
    compacted(folder, {"trial": [0, 1, 2], "record": [texts[0], "{", texts[2]]})
    ((problem, _),) = damage.set_aside_damaged(folder.path)
    assert "holds a record of trial 1 that is not JSON" in problem.what
    assert sorted(folder.read_all()) == [0, 2]


@pytest.mark.parametrize("edit", [("0.5", "0.25"), ('"trial": 1', '"trial": 2')])
def test_an_edit_of_a_compacted_record_is_found(edit, folder):
    """The file's name, the hash of its records, stands for their checksums; not once they are changed."""
    for trial in range(3):
        folder.write(made(trial))
    path = compact(folder.path)
    assert sorted(folder.read_all()) == [0, 1, 2]
    columns = pq.read_table(path).to_pydict()
    columns["record"][1] = columns["record"][1].replace(*edit, 1)
    pq.write_table(pa.table(columns), path)
    with pytest.raises(DamagedRecord, match="of trial 1 that does not match its checksum"):
        folder.read_all()


def test_a_compacted_file_of_another_study_is_refused(folder, tmp_path):
    folder.write(made(0))
    path = compact(folder.path)
    other = StudyFolder(tmp_path, Study({**CONFIG, "seed": 1}))
    other.create()
    path.rename(other.path / path.name)
    with pytest.raises(DamagedRecord, match="of trial 0 that is of study"):
        other.read_all()
