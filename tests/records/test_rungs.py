"""What is kept of a trial that came to a rung, and which of two records of one trial counts."""

import pytest

from harness.records import damage, reading
from harness.records.compaction import compact
from harness.records.folder import StudyFolder
from harness.records.reading import DamagedRecord, further
from harness.study.result import CURVE_COLUMNS
from tests.records.made_up import STUDY, made


def pruned(trial, steps=1):
    rows = [*range(1, steps + 1)]
    return made(trial, "pruned") | {"steps": steps, "curve": dict.fromkeys(CURVE_COLUMNS, rows)}


@pytest.fixture
def folder(tmp_path):
    folder = StudyFolder(tmp_path, STUDY)
    folder.create()
    return folder


def test_it_is_no_record_until_its_cohort_has_decided(folder):
    folder.write_rung(pruned(3))
    assert folder.read_all() == {}
    assert folder.read(3) is None
    assert folder.read_rung(3)["curve"] == pruned(3)["curve"]
    assert folder.read_rung(4) is None
    assert set(folder.read_rungs()) == {3}
    assert folder.read_rungs(but_for={3}) == {}


def test_it_goes_with_the_checkpoint_once_the_trial_has_ended(folder):
    folder.checkpoints.mkdir()
    for trial in (3, 4):
        folder.write_rung(pruned(trial))
        folder.checkpoint_path(trial).write_bytes(b"")
    folder.ended(3)
    assert [path.stem for path in folder.rungs.iterdir()] == ["000004"]
    folder.clean_checkpoints({4})
    assert not [*folder.rungs.iterdir(), *folder.checkpoints.iterdir()]


def test_damage_is_named_and_set_aside(folder):
    folder.write_rung(pruned(3))
    folder.rung_path(3).write_text("{")
    for read in (lambda: folder.read_rung(3), folder.read_rungs):
        with pytest.raises(DamagedRecord, match=r"000003\.json is not JSON"):
            read()
    ((problem, aside),) = damage.set_aside_damaged(folder.path)
    assert problem.path == folder.rung_path(3)
    assert aside.exists()
    assert folder.read_rungs() == {}


@pytest.mark.parametrize("then", ["complete", "diverged"])
def test_of_two_compacted_records_the_one_that_was_carried_on_counts(then, folder):
    """Whichever hash comes first."""
    for trial in range(6):
        folder.write(pruned(trial))
        compact(folder.path)
        folder.write(made(trial, then))
        compact(folder.path)
    assert not list(folder.trials.iterdir())
    fresh = StudyFolder(folder.root, STUDY)
    assert {record["status"] for record in reading.read_records(folder.root)} == {then}
    assert {fresh.read(trial)["status"] for trial in range(6)} == {then}


def test_the_later_rung_counts_and_a_newer_failure_stands():
    assert further(pruned(0, 1), pruned(0, 2))["steps"] == 2
    assert further(pruned(0, 2), pruned(0, 1))["steps"] == 2
    assert further(made(0, "failed"), pruned(0))["status"] == "failed"
    assert further(made(0), pruned(0))["status"] == "complete"
    assert further(None, pruned(0))["status"] == "pruned"
