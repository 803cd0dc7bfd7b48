"""A results folder's records as tables."""

import pytest

from harness.errors import ConfigError
from harness.records import tables
from harness.records.folder import StudyFolder
from harness.study.result import CURVE_COLUMNS, IDENTITY, TABLE_COLUMNS
from harness.study.study import Study
from tests.records.made_up import CONFIG, STUDY, made


def test_a_row_a_trial_and_a_row_an_evaluation(folder, tmp_path):
    for trial, status in enumerate(("complete", "diverged", "complete")):
        folder.write(made(trial, status))
    trials, curves, studies = tables.read(tmp_path)
    assert trials["trial"].tolist() == [0, 1, 2]
    assert trials["status"].tolist() == ["complete", "diverged", "complete"]
    assert trials["train_seconds"].tolist() == pytest.approx([0.1, 1.1, 2.1])
    assert trials["val_error"].isna().tolist() == [False, True, False]
    assert trials["hp.lr"].tolist() == [STUDY.point(trial)["lr"] for trial in range(3)]
    assert curves["trial"].tolist() == [0, 0, 2, 2]
    assert curves["step"].tolist() == [1, 2, 1, 2]
    assert list(studies) == [STUDY.fingerprint]
    assert studies[STUDY.fingerprint]["overrides"] == []


def test_the_columns_are_declared_once(folder, tmp_path):
    folder.write(made(0))
    trials, curves, _ = tables.read(tmp_path)
    assert list(trials) == [*TABLE_COLUMNS, "val_loss", "test_loss", "hp.lr"]
    assert list(curves) == [*IDENTITY, *CURVE_COLUMNS]


def test_axes_that_an_optimizer_lacks_are_empty(folder, tmp_path):
    other = Study({**CONFIG, "optimizer": {"name": "momentum", "rule": "momentum"}, "seed": 1})
    beside = StudyFolder(tmp_path, other)
    beside.create()
    names = {"optimizer": "momentum", "study": other.fingerprint}
    beside.write(made(0) | names | {"point": {"momentum": 0.9}})
    folder.write(made(0))
    trials = tables.read(tmp_path).trials.set_index("optimizer")
    assert trials[["hp.momentum", "hp.lr"]].isna().to_dict("index") == {
        "momentum": {"hp.momentum": False, "hp.lr": True},
        "sgd": {"hp.momentum": True, "hp.lr": False},
    }


def test_a_folder_without_records_gives_tables_without_rows(folder, tmp_path):
    trials, curves, studies = tables.read(tmp_path)
    assert (len(trials), len(curves)) == (0, 0)
    assert list(trials) == [*TABLE_COLUMNS, "val_loss", "test_loss"]
    assert list(curves) == [*IDENTITY, *CURVE_COLUMNS]
    assert list(studies) == [STUDY.fingerprint]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"no results folder at .*; give the root= of a sweep"):
        tables.read(tmp_path / "nowhere")
