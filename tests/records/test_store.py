"""Records on disk: whole or absent, checked when read, never lost, never counted when damaged."""

import json
import os
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.commands import compact
from harness.errors import ConfigError, SweepError
from harness.records import record, store
from harness.records import requests as asked
from harness.records.claims import Claims, claimed
from harness.records.folder import StudyFolder
from harness.records.reading import DamagedRecord
from harness.study.request import Request
from harness.study import indices
from harness.study.study import Study

CONFIG = {
    "workload": {"name": "tiny", "module": "m", "steps": 2, "batch_size": 1, "eval_every": 1},
    "model": {},
    "data": {},
    "optimizer": {"name": "sgd", "rule": "sgd"},
    "search_space": {"lr": {"low": 0.1, "high": 1.0}},
    "sampler": {"name": "uniform", "seed": None},
    "seed": 0,
    "precision": "float32",
}
STUDY = Study(CONFIG)


def made(trial=0, status="complete"):
    """A record as a trial of two steps leaves it."""
    whole = record.new_record(STUDY, trial)
    whole["status"] = status
    whole["steps"] = 2
    if status == "complete":
        whole |= dict.fromkeys(("train_loss", "val_error", "val_loss", "test_error"), 0.5)
        whole["curve"] = {name: [1, 2] for name in record.CURVE_COLUMNS}
    whole["run"] = {"train_seconds": 0.1 + trial}
    return whole


@pytest.fixture
def folder(tmp_path):
    folder = StudyFolder(tmp_path, STUDY)
    folder.create()
    return folder


# --- writing and reading ---------------------------------------------------------------------------


def test_what_is_written_is_read(folder):
    for trial, status in enumerate(record.STATUSES):
        folder.write(made(trial, status))
    found = folder.read_all()
    assert [found[t]["status"] for t in sorted(found)] == list(record.STATUSES)
    assert record.deterministic(found[0]) == record.deterministic(made(0))
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
    os.utime(old, (0, time.time() - 2 * store.ABANDONED_SECONDS))
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


# --- damage ----------------------------------------------------------------------------------------

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
    "a point of words": lambda text: record.to_text(made(3) | {"point": {"lr": "high"}}),
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
    for read in (damaged.read_all, lambda: damaged.read(3), lambda: store.tables.read(tmp_path).trials):
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


def test_a_record_of_schema_1_is_migrated(folder):
    """It had no checksum; it is read as if written today, and as a file left as it is."""
    old = json.loads(record.to_text(made(0))) | {"schema": 1}
    del old["run"]["checksum"]
    folder.record_path(0).write_text(json.dumps(old))
    found = folder.read(0)
    assert found["schema"] == record.SCHEMA
    assert found["val_error"] == 0.5
    assert json.loads(folder.record_path(0).read_text())["schema"] == 1


def test_files_of_others_are_no_records(folder):
    folder.write(made(0))
    for name in ("notes.json", ".000001.json.ab.tmp", "000002.json.damaged-00", "١.json"):
        (folder.trials / name).write_text("not a record")
    assert list(folder.read_all()) == [0]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"fingerprint": 1}', '{"fingerprint": "x", "study": 7}', b"\xff",
     json.dumps(store.study_node(Study({**CONFIG, "seed": 1})))],
)  # fmt: skip
def test_a_damaged_study_is_named(content, folder, tmp_path):
    path = folder.path / "study.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DamagedRecord, match=r"study.json is damaged"):
        reading.read_studies(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(key=st.sampled_from(sorted(made(0))), value=JSON, seal=st.booleans())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_fuzz_a_record_with_one_value_replaced_is_equal_or_refused(
    key, value, seal, folder, tmp_path
):
    """Sealed by somebody who knows how, too. What is read can be made a table of; the rest is named."""
    changed = {**made(0), key: value}
    try:
        text = record.to_text(changed) if seal else json.dumps({**made(0), "run": {}, key: value})
    except (TypeError, AttributeError):
        return  # not even sealed
    folder.record_path(0).write_text(text)
    try:
        table = store.tables.read(tmp_path).trials
    except DamagedRecord as error:
        refusal = str(error)
        assert str(folder.record_path(0)) in refusal
        assert "\n" not in refusal
    else:
        store.read_curves(tmp_path)
        assert table["trial"].tolist() == [0]
        assert seal


@given(content=st.binary(max_size=300), place=st.integers(0, 2000), cut=st.integers(0, 400))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_fuzz_bytes_overwritten_in_a_record_are_noticed(content, place, cut, folder):
    text = record.to_text(made(0)).encode()
    changed = text[:place] + content + text[place + cut :]
    folder.record_path(0).write_bytes(changed)
    try:
        found = folder.read(0)
    except DamagedRecord as error:
        refusal = str(error)
        assert "\n" not in refusal
    else:  # unchanged, but for the white space between its values
        assert found == json.loads(text)


# --- compaction ------------------------------------------------------------------------------------


def test_compacted_records_read_like_files(folder, tmp_path):
    for trial in range(6):
        folder.write(made(trial, "failed" if trial == 2 else "complete"))
    before, table, curves = (
        folder.read_all(),
        store.tables.read(tmp_path).trials,
        store.read_curves(tmp_path),
    )
    assert compact.main([str(tmp_path)]) == 0
    assert [path.name for path in folder.trials.iterdir()] == ["000002.json"]  # is run again
    fresh = StudyFolder(tmp_path, STUDY)
    assert fresh.read_all() == before
    assert fresh.read(1) == before[1]
    assert table.equals(store.tables.read(tmp_path).trials)
    assert curves.equals(store.read_curves(tmp_path))
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


def compacted(folder, columns):
    store.write_whole(
        folder.path / "trials-x.parquet", lambda p: pq.write_table(pa.table(columns), p)
    )


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


def test_ten_thousand_records_load_in_ten_seconds(folder, tmp_path):
    folder.write(made(0))
    text = folder.record_path(0).read_text()
    for trial in range(1, 10_000):  # without the fsync of a real write
        folder.record_path(trial).write_text(record.to_text(json.loads(text) | {"trial": trial}))
    started = time.process_time()  # of this process alone: others may be busy
    table = store.tables.read(tmp_path).trials
    assert time.process_time() - started < 10
    assert len(table) == 10_000
    compaction.compact(folder.path)
    started = time.process_time()
    assert store.tables.read(tmp_path).trials.equals(table)
    assert time.process_time() - started < 10


# --- who runs what ---------------------------------------------------------------------------------

HOLDER = """
import sys, time
from pathlib import Path
from harness.records.claims import Claims
mine = Claims(Path(sys.argv[1]))
print([mine.take(trial) for trial in (0, 1, 2)], flush=True)
time.sleep(60)
"""


def test_a_claim_excludes_others_until_its_holder_dies(folder):
    ours = Claims(folder.claims)
    assert ours.take(1)
    assert not ours.take(1)  # another study of this command that is the same
    command = [sys.executable, "-c", HOLDER, str(folder.claims)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "[True, False, True]\n"
            assert not ours.take(0)
            assert claimed(folder.claims, range(5)) == {0, 2}  # ours do not count as another's
        finally:
            other.kill()
            other.wait()
    assert ours.take(0)
    assert claimed(folder.claims, range(5)) == set()
    ours.release(1)
    assert ours.take(1)
    ours.close()


def test_without_locks_every_claim_is_granted(tmp_path):
    assert Claims(tmp_path / "no such folder" / "claims").take(3)
    assert claimed(tmp_path / "nothing", [1]) == set()


# --- what was asked for ----------------------------------------------------------------------------


def test_requests_add_up_and_are_noted_once(folder, tmp_path):
    assert asked.read(folder.path) == asked.Asked()
    for first, count in ((0, 4), (2, 4), (1, 3), (0, 4)):
        asked.note(folder, Request(STUDY, str(tmp_path), first, count))
    assert asked.read(folder.path).trials == set(range(6))
    assert len(list(folder.requests.iterdir())) == 2
    asked.note(folder, Request(STUDY, str(tmp_path), trials=(9, 11)))
    assert asked.read(folder.path).wanted(STUDY, {}) == [0, 1, 2, 3, 4, 5, 9, 11]


def test_a_request_for_feasible_trials_wants_what_any_outcome_would_need(folder, tmp_path):
    for _ in range(2):
        asked.note(folder, Request(STUDY, str(tmp_path), num_feasible=3, max_trials=6))
    wanted = asked.read(folder.path).wanted
    assert wanted(STUDY, {}) == [0, 1, 2]
    assert wanted(STUDY, {0: "diverged", 1: "complete"}) == [0, 1, 2, 3]
    assert wanted(STUDY, dict.fromkeys(range(6), "diverged")) == [0, 1, 2, 3, 4, 5]
    assert len(list(folder.requests.iterdir())) == 1


@pytest.mark.parametrize("content", ["", "[]", "7", '{"trials": "x"}', '{"first_trial": 1}',
                                     '{"first_trial":"a","num_feasible":1,"max_trials":1}'])  # fmt: skip
def test_a_damaged_request_is_named(content, folder):
    (folder.requests / "x.json").write_text(content)
    with pytest.raises(DamagedRecord, match=r"x\.json is no request"):
        asked.read(folder.path)


@given(st.sets(st.integers(0, 300)))
def test_indices_as_text_and_back(trials):
    text = indices.to_text(trials)
    assert set(indices.parse(text)) == trials if trials else text == ""


@pytest.mark.parametrize(
    "given", ["", "3-1", "a", "1,,2", "-1", "0-99999999", 1.5, True, [[1]], {}]
)
def test_what_are_no_indices(given):
    with pytest.raises(ConfigError, match="trial must be indices such as 7 or 0-3,7"):
        indices.parse(given)
