"""Reading and checking tables: every bad one in one line that names rule, row and column."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis import table
from harness.analysis.table import TableError
from tests.analysis.conftest import SPACES, made_up_study, made_up_table, write_study

GOOD = """workload,optimizer,trial,status,val_error,hp.lr
made_up,sgd,0,complete,0.3,0.1
made_up,sgd,1,diverged,,10
made_up,adam,0,complete,0.2,0.001
"""


def write(folder, text, name="trials.csv"):
    path = folder / name
    path.write_text(text)
    return path


# --- good tables --------------------------------------------------------------------------------


def test_a_foreign_csv_needs_five_columns(tmp_path):
    trials = table.read(write(tmp_path, GOOD.replace(",hp.lr", "").replace(",0.1\n", "\n")
                              .replace(",10\n", "\n").replace(",0.001\n", "\n")))  # fmt: skip
    assert trials["val_error"].tolist()[::2] == [0.3, 0.2]
    assert trials["study"].tolist() == [""] * 3
    assert trials["test_error"].isna().all()


def test_a_csv_written_from_a_table_reads_the_same(tmp_path):
    trials = table.read(write(tmp_path, GOOD))
    trials.to_csv(tmp_path / "again.csv", index=False)
    pd.testing.assert_frame_equal(table.read(tmp_path / "again.csv"), trials)
    trials.to_parquet(tmp_path / "again.parquet")
    pd.testing.assert_frame_equal(table.read(tmp_path / "again.parquet"), trials)


def test_several_sources_are_one_table(tmp_path):
    one = write(tmp_path, GOOD, "one.csv")
    two = write(tmp_path, GOOD.replace("made_up", "other"), "two.csv")
    assert len(table.read([one, two])) == 6
    with pytest.raises(TableError, match=r"the tables together row 3: made_up/sgd trial 0 stands"):
        table.read([one, one])


def test_a_results_folder_reads_as_its_csv(root, tmp_path):
    trials = table.read(root)
    assert trials.groupby("optimizer").size().to_dict() == {"momentum": 60, "sgd": 60}
    assert {"hp.lr", "hp.one_minus_momentum", "hp.end_factor"} <= set(trials.columns)
    assert trials.loc[trials["optimizer"] == "sgd", "hp.one_minus_momentum"].isna().all()
    assert set(table.read_studies(root)) == set(trials["study"])
    trials.to_csv(tmp_path / "trials.csv", index=False)
    again = table.read(tmp_path / "trials.csv")
    pd.testing.assert_frame_equal(again[trials.columns], trials)


def test_checking_leaves_the_given_table_alone():
    given = pd.DataFrame({"workload": ["w"], "optimizer": ["o"], "trial": [0.0],
                          "status": ["complete"], "val_error": ["0.5"]})  # fmt: skip
    before = given.copy()
    table.check(given)
    pd.testing.assert_frame_equal(given, before)


def test_hyperparameters_may_be_names():
    trials = made_up_table(sgd=[0.1, 0.2]).assign(**{"hp.schedule": ["cosine", "linear"]})
    assert table.check(trials)["hp.schedule"].tolist() == ["cosine", "linear"]


def test_an_external_table_is_read_whole(mnli):
    trials = table.read(mnli)
    assert len(trials) == 2048
    assert {group.optimizer: len(group.trials) for group in table.groups(trials)} == {
        "deberta-base": 1024,
        "deberta-v3-base": 1024,
    }


# --- bad tables ---------------------------------------------------------------------------------

BAD = {
    "empty file": ("", "trials.csv is empty"),
    "no rows": (GOOD.splitlines()[0], "trials.csv is empty: it names columns and holds no trials"),
    "missing column": (
        GOOD.replace("val_error", "error"),
        r"trials.csv lacks the column val_error; it has .*error.*; a table needs workload",
    ),
    "NaN in a complete trial": (
        GOOD.replace("complete,0.2", "complete,"),
        r"trials.csv line 4: val_error is empty \(NaN\) in a complete trial \(made_up/adam trial 0\)",
    ),
    "NaN spelt out": (GOOD.replace("0.3", "NaN"), r"line 2: val_error is empty \(NaN\)"),
    "infinite in a complete trial": (GOOD.replace("0.3", "inf"), "line 2: val_error is inf"),
    "duplicate": (
        GOOD + "made_up,sgd,0,complete,0.4,1\n",
        "line 5: made_up/sgd trial 0 stands there twice, first at trials.csv line 2",
    ),
    "unknown status": (
        GOOD.replace("diverged", "exploded"),
        r"line 3: status 'exploded' is not one of: complete, diverged, failed, out_of_memory",
    ),
    "non-numeric error": (
        GOOD.replace("0.2", "0,2").replace("complete,0,2", 'complete,"0,2"'),
        r"line 4: val_error is '0,2', not a number; leave a cell without a value empty",
    ),
    "non-numeric coordinate": (GOOD.replace(",10\n", ",ten\n"), "line 3: hp.lr is 'ten'"),
    "fractional trial": (GOOD.replace("sgd,1", "sgd,1.5"), "line 3: trial is 1.5"),
    "no trial number": (GOOD.replace("sgd,1", "sgd,"), "line 3: trial is nan"),
    "no optimizer": (GOOD.replace("adam", ""), "line 4: optimizer is empty"),
    "ragged": (GOOD + "made_up,sgd,9,complete,0.4,1,2,3,4\n", "not a CSV table: .* line 5"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_one_line(tmp_path, name):
    text, message = BAD[name]
    with pytest.raises(TableError, match=message) as caught:
        table.read(write(tmp_path, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"workload,optimizer\n", b"PAR1 cut off PAR1"])
def test_damaged_parquet_is_one_line(tmp_path, content):
    (tmp_path / "trials.parquet").write_bytes(content)
    with pytest.raises(TableError, match=r"trials\.parquet cannot be read \(.*\); ") as caught:
        table.read(tmp_path / "trials.parquet")
    assert "\n" not in str(caught.value)


def test_missing_files_and_empty_folders(tmp_path):
    with pytest.raises(TableError, match=r"nowhere\.csv does not exist"):
        table.read(tmp_path / "nowhere.csv")
    with pytest.raises(TableError, match="holds no trials yet"):
        table.read(tmp_path)


def test_mixed_metrics_by_column():
    trials = made_up_table(sgd=[0.1], adam=[0.2]).assign(metric=["error rate", "cross entropy"])
    with pytest.raises(TableError, match=r"made_up mixes metrics .*: error rate, cross entropy"):
        table.check(trials)
    table.check(trials.assign(metric="error rate"))


def test_fractions_beside_percentages():
    fractions, percentages = np.linspace(0.1, 0.9, 10), np.linspace(10, 90, 10)
    with pytest.raises(TableError, match=r"sgd has at most 0.9 .* adam at least 10"):
        made_up_table(sgd=fractions, adam=percentages)
    made_up_table(sgd=fractions + 0.5, adam=percentages)  # cross entropies may well exceed 1


def test_numeric_fields_that_status_leaves_empty():
    trials = made_up_table(sgd=[0.1, np.inf])
    rows = table.counted(trials, feasible_only=False)
    assert table.values(rows, "val_error").tolist() == [0.1, np.inf]
    with pytest.raises(TableError, match=r"made_up/sgd trial 0: test_error is empty \(NaN\)"):
        table.values(rows, "test_error")
    with pytest.raises(TableError, match="lacks the column perplexity"):
        table.values(rows, "perplexity")
    with pytest.raises(TableError, match="the column status holds words"):
        table.values(rows, "status")


def test_listed_trials_are_never_counted():
    trials = made_up_table(sgd=[0.1] * 7)
    trials["status"] = ["complete", "diverged", *table.LISTED]
    assert len(table.counted(trials)) == 1
    assert len(table.counted(trials, feasible_only=False)) == 2


# --- several studies ----------------------------------------------------------------------------


@pytest.fixture
def two_spaces(root):
    """A second study of sgd, over a wider range, beside those of ``root``."""
    wider = {**SPACES["sgd"], "lr": {"low": 1e-3, "high": 1e2, "scale": "log"}}
    study = made_up_study("sgd", search_space=wider)
    write_study(root, study, [0.05, 0.06])
    return root, study.fingerprint


def test_several_studies_are_never_mixed(two_spaces):
    root, fingerprint = two_spaces
    trials, studies = table.read(root), table.read_studies(root)
    with pytest.raises(TableError, match=r"made_up/sgd has 2 studies.*choose one with study="):
        list(table.groups(trials))
    with pytest.raises(TableError, match=r"search_space.lr.low \((0.01, 0.001|0.001, 0.01)\)"):
        table.select_studies(trials, studies=studies)
    chosen = table.select_studies(trials, fingerprint[:6], studies=studies)
    sizes = {group.optimizer: len(group.trials) for group in table.groups(chosen)}
    assert sizes == {"sgd": 2, "momentum": 60}
    with pytest.raises(TableError, match="study 'abc' is not in the table, which holds"):
        table.select_studies(trials, "abc")


def test_different_spaces_are_not_pooled(two_spaces):
    root, _ = two_spaces
    with pytest.raises(TableError, match=r"differ in search_space.lr.low"):
        table.select_studies(table.read(root), studies=table.read_studies(root), pool=True)


def test_independent_scrambles_are_pooled_on_request(root):
    scramble = made_up_study("sgd", sampler={"name": "halton", "seed": 1}, seed=5)
    write_study(root, scramble, [0.05, 0.06, 0.07])
    trials, studies = table.read(root), table.read_studies(root)
    with pytest.raises(TableError, match=r"differ in sampler.seed|differ in seed"):
        table.select_studies(trials, studies=studies)
    pooled = table.select_studies(trials, studies=studies, pool=True)
    sgd = next(group for group in table.groups(pooled) if group.optimizer == "sgd")
    assert len(sgd.trials) == 63
    assert sgd.trials["study"].nunique() == 2  # a trial can still be found
    assert set(sgd.trials["pool"]) == {"+".join(sorted(set(sgd.trials["study"])))}


def test_one_workload_name_with_two_settings(root):
    longer = {**made_up_study("momentum").config["workload"], "steps": 999}
    write_study(root / "b", made_up_study("momentum", workload=longer), [0.1, 0.2])
    write_study(root / "b", made_up_study("sgd"), [0.1, 0.2])
    trials, studies = table.read(root / "b"), table.read_studies(root / "b")
    with pytest.raises(
        TableError, match=r"made_up was run with different settings, workload.steps"
    ):
        table.select_studies(trials, studies=studies)
    table.select_studies(trials)  # the table alone can't tell


def test_what_is_no_part_of_a_study_keeps_none_apart(root):
    """Where the data lay, and the target asked of the results."""
    trials, studies = table.read(root), table.read_studies(root)
    first = trials[trials["optimizer"] == "sgd"].assign(study="again")
    for place, (name, study) in enumerate(list(studies.items())):
        workload = {**study["workload"], "target_error": place / 10}
        studies[name] = {**study, "workload": workload, "data": {**study["data"], "root": name}}
    own = trials.loc[trials["optimizer"] == "sgd", "study"].iloc[0]
    studies["again"] = {**studies[own], "seed": 7, "data": {"root": "elsewhere"}}
    both = table.check(pd.concat([trials, first]))
    pooled = table.select_studies(both, studies=studies, pool=True)
    assert len(pooled) == len(both)
