"""Records read by several processes are those that one process reads."""

import pytest

from harness.records import compaction, many, tables
from harness.records.folder import StudyFolder
from harness.records.reading import DamagedRecord
from harness.study.study import Study
from tests.records.made_up import CONFIG, made

TRIALS = 25


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Three studies: one of more records than a process takes at once, one compacted, one of another space."""
    for seed in range(3):
        space = {"lr": {"low": 0.1, "high": 1.0}} | ({"l2": {"choices": [0.0]}} if seed else {})
        study = Study({**CONFIG, "seed": seed, "search_space": space})
        folder = StudyFolder(tmp_path, study)
        folder.create()
        for trial in range(TRIALS):
            whole = made(trial, "diverged" if trial % 5 == seed else "complete")
            point = dict.fromkeys(space, 0.5)
            spent = {"curve_seconds": [0.1, 0.2]} if trial == 3 else {}
            run = whole["run"] | spent
            folder.write(whole | {"study": study.fingerprint, "point": point, "run": run})
        if seed == 1:
            compaction.compact(folder.path)
    return tmp_path


@pytest.fixture
def several(monkeypatch):
    monkeypatch.setattr(many, "MANY", 1)
    monkeypatch.setattr(many, "AT_ONCE", 10)
    monkeypatch.setattr(many.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)


def same(one, other):
    assert other.trials.equals(one.trials)
    assert list(other.curves) == list(one.curves)
    assert other.curves.equals(one.curves)
    assert other.studies == one.studies


def test_several_processes_read_the_same(root, request):
    alone = tables.read(root)
    assert len(alone.trials) == 3 * TRIALS
    request.getfixturevalue("several")
    same(alone, tables.read(root))


def test_what_is_damaged_is_named(root, several):
    first, second = sorted(root.glob("*/*/*/trials"))[:2]
    damaged = [path / "000003.json" for path in (first, second) if (path / "000003.json").exists()]
    for path in damaged:
        path.write_text("{")
    with pytest.raises(DamagedRecord, match=rf"record {damaged[0]} is not JSON"):
        tables.read(root)


def test_records_compacted_meanwhile_are_there(root, several, monkeypatch):
    begin, expected = many._begin, len(tables.read(root).trials)

    def compacted_after(pool, path, keep):
        begun = begin(pool, path, keep)
        compaction.compact(path)
        return begun

    monkeypatch.setattr(many, "_begin", compacted_after)
    found = tables.read(root).trials
    assert len(found) == expected
    assert not found.duplicated(["study", "trial"]).any()
