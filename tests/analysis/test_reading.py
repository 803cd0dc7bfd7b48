"""Sources read together: folders, CSV and Parquet, with curves and studies; and saved again."""

import json

import pandas as pd
import pytest

from harness.analysis.checking import EVERY, TableError
from harness.analysis.pooling import groups
from harness.analysis.reading import Results, read_results, read_spaces, save_results
from harness.errors import ConfigError
from harness.study.study import Study
from tests.analysis import made_up
from tests.analysis.conftest import GOOD, SPACES, made_up_study, write_study


def write(folder, text, name="trials.csv"):
    path = folder / name
    path.write_text(text)
    return path


def test_a_foreign_csv_needs_five_columns(tmp_path):
    bare = pd.read_csv(write(tmp_path, GOOD)).drop(columns="hp.lr")
    trials = read_results(write(tmp_path, bare.to_csv(index=False))).trials
    assert trials["val_error"].tolist()[::2] == [0.3, 0.2]
    assert trials["study"].tolist() == [""] * 3
    assert trials["test_error"].isna().all()


def test_a_csv_written_from_a_table_reads_the_same(tmp_path):
    trials = read_results(write(tmp_path, GOOD)).trials
    trials.to_csv(tmp_path / "again.csv", index=False)
    pd.testing.assert_frame_equal(read_results(tmp_path / "again.csv").trials, trials)
    trials.to_parquet(tmp_path / "again.parquet")
    pd.testing.assert_frame_equal(read_results(tmp_path / "again.parquet").trials, trials)


def test_several_sources_are_one_table(tmp_path):
    one = write(tmp_path, GOOD, "one.csv")
    two = write(tmp_path, GOOD.replace("made_up", "other"), "two.csv")
    assert len(read_results([one, two]).trials) == 6
    with pytest.raises(TableError, match=r"the tables together row 3: made_up/sgd trial 0 stands"):
        read_results([one, one])


def test_a_folder_beside_a_table_keeps_the_name_of_its_error(tmp_path):
    quadratic = made_up_study("sgd", workload={"name": "quadratic", "metric": "loss"})
    write_study(tmp_path / "root", quadratic, [1.0, 2.0])
    table = write(tmp_path, GOOD.replace("made_up", "other"))
    with_names = read_results(table).trials.assign(metric="error rate")
    with_names.to_csv(table, index=False)
    trials = read_results([tmp_path / "root", table]).trials
    named = trials.groupby("workload")["metric"].unique().map(list).to_dict()
    assert named == {"quadratic": ["loss"], "other": ["error rate"]}


def test_a_results_folder_reads_as_its_csv(root, tmp_path):
    trials = read_results(root).trials
    assert trials.groupby("optimizer").size().to_dict() == {"momentum": 60, "sgd": 60}
    assert {"hp.lr", "hp.one_minus_momentum", "hp.end_factor"} <= set(trials.columns)
    assert trials.loc[trials["optimizer"] == "sgd", "hp.one_minus_momentum"].isna().all()
    assert set(read_results(root).studies) == set(trials["study"])
    trials.to_csv(tmp_path / "trials.csv", index=False)
    again = read_results(tmp_path / "trials.csv").trials
    pd.testing.assert_frame_equal(again[trials.columns], trials)


def test_an_external_table_is_read_whole(mnli):
    trials = read_results(mnli).trials
    assert len(trials) == 2048
    assert {group.optimizer: len(group.trials) for group in groups(trials)} == {
        "deberta-base": 1024,
        "deberta-v3-base": 1024,
    }


@pytest.mark.parametrize("content", [b"", b"workload,optimizer\n", b"PAR1 cut off PAR1"])
def test_damaged_parquet_is_one_line(tmp_path, content):
    (tmp_path / "trials.parquet").write_bytes(content)
    with pytest.raises(TableError, match=r"trials\.parquet cannot be read \(.*\); ") as caught:
        read_results(tmp_path / "trials.parquet")
    assert "\n" not in str(caught.value)


def test_missing_files_and_empty_folders(tmp_path):
    with pytest.raises(TableError, match=r"nowhere\.csv does not exist"):
        read_results(tmp_path / "nowhere.csv")
    with pytest.raises(TableError, match="holds no trials yet"):
        read_results(tmp_path)


def test_names_that_look_like_nothing_are_names(tmp_path):
    """pandas takes None and NA for empty cells."""
    text = "workload,optimizer,trial,status,val_error\nNA,None,0,complete,0.1\nNA,null,0,complete,0.2\n"
    trials = read_results(write(tmp_path, text)).trials
    assert trials["optimizer"].tolist() == ["None", "null"]
    assert trials["workload"].unique().tolist() == ["NA"]


def test_a_folder_is_read_once(root, monkeypatch):
    """Its records are what takes time: 10,000 of them seconds."""
    from harness.records import many

    seen, read = [], many.read
    monkeypatch.setattr(many, "read", lambda path, keep: seen.append(path) or read(path, keep))
    found = read_results(root)
    assert seen == [root]
    assert found.curves is not None


def test_only_the_studies_asked_for_are_compared(root):
    """Beside them a root may hold others: an edited space of the same pair, another setting."""
    own = set(read_results(root).studies)
    wider = {**SPACES["sgd"], "weight_decay": {"low": 1e-5, "high": 1e-2}}
    write_study(root, made_up_study("sgd", search_space=wider), [0.1, 0.2])
    write_study(root, made_up_study("momentum", precision="bfloat16"), [0.1, 0.2])
    found = read_results(root, only=sorted(own))
    assert set(found.trials["study"]) == own
    assert "hp.weight_decay" not in found.trials
    assert set(found.curves["study"]) == own
    with pytest.raises(TableError, match="no trials of the studies abc"):
        read_results(root, only=["abc"])


# --- saved ----------------------------------------------------------------------------------------


def test_what_is_saved_reads_the_same(tmp_path):
    made = made_up.results()
    save_results(made.counting_every_trial(), tmp_path)
    again = read_results(tmp_path / "trials.csv")
    assert EVERY not in again.trials
    pd.testing.assert_frame_equal(again.trials[made.trials.columns], made.trials)
    assert again.studies == made.studies
    assert len(again.curves) == len(made.curves)


def test_saved_studies_name_no_place(tmp_path):
    found = made_up.results()
    studies = {
        name: Study(
            {**study.config, "data": {"root": "/somewhere", "format": "official"}},
            ("data.root=/somewhere", "optimizer=adam"),
        )
        for name, study in found.studies.items()
    }
    save_results(found._replace(studies=studies), tmp_path)
    assert "/somewhere" not in (tmp_path / "studies.json").read_text()
    assert "official" in (tmp_path / "studies.json").read_text()


@pytest.mark.parametrize(
    "change",
    [
        {"search_space": {"lr": {"low": 2, "high": 1}}},
        {"search_space": None},
        {"workload": {}},
        {"overrides": [1]},
    ],
)
def test_a_damaged_study_beside_a_table_is_one_line(tmp_path, change):
    save_results(made_up.results(), tmp_path)
    nodes = json.loads((tmp_path / "studies.json").read_text())
    first = next(iter(nodes))
    (tmp_path / "studies.json").write_text(json.dumps({**nodes, first: {**nodes[first], **change}}))
    with pytest.raises(TableError, match=r"studies\.json is damaged \(.*\); remove it") as caught:
        read_results(tmp_path / "trials.csv")
    assert "\n" not in str(caught.value)


def test_spaces_trained_in_another_way_are_not_compared(tmp_path):
    folders = {}
    for name, steps in (("short", 100), ("long", 1000)):
        (tmp_path / name).mkdir()
        made = made_up.results(10)
        trials = made.trials.assign(study=made.trials["study"] + name)
        studies = {
            fingerprint + name: Study(
                {**study.config, "workload": {**study.config["workload"], "steps": steps}}
            )
            for fingerprint, study in made.studies.items()
        }
        save_results(Results(trials, None, studies), tmp_path / name)
        folders[name] = tmp_path / name / "trials.csv"
    with pytest.raises(
        ConfigError, match=r"run with different settings, workload.steps \(100, 1000"
    ):
        read_spaces(folders)
