"""The rules of a table: every broken one in one line that names rule, row and column."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.checking import TableError, check
from harness.analysis.reading import read_results
from tests.analysis.conftest import GOOD, made_up_table

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
        r"line 3: status 'exploded' is not one of: complete, diverged, pruned, failed, out_of_memory",
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
    path = tmp_path / "trials.csv"
    path.write_text(text)
    with pytest.raises(TableError, match=message) as caught:
        read_results(path)
    assert "\n" not in str(caught.value)


def test_checking_leaves_the_given_table_alone():
    given = pd.DataFrame({"workload": ["w"], "optimizer": ["o"], "trial": [0.0],
                          "status": ["complete"], "val_error": ["0.5"]})  # fmt: skip
    before = given.copy()
    check(given)
    pd.testing.assert_frame_equal(given, before)


def test_hyperparameters_may_be_names():
    trials = made_up_table(sgd=[0.1, 0.2]).assign(**{"hp.schedule": ["cosine", "linear"]})
    assert check(trials)["hp.schedule"].tolist() == ["cosine", "linear"]


def test_mixed_metrics_by_column():
    trials = made_up_table(sgd=[0.1], adam=[0.2]).assign(metric=["error rate", "cross entropy"])
    with pytest.raises(TableError, match=r"made_up mixes metrics .*: error rate, cross entropy"):
        check(trials)
    check(trials.assign(metric="error rate"))


def test_fractions_beside_percentages():
    fractions, percentages = np.linspace(0.1, 0.9, 10), np.linspace(10, 90, 10)
    with pytest.raises(TableError, match=r"sgd has at most 0.9 .* adam at least 10"):
        made_up_table(sgd=fractions, adam=percentages)
    made_up_table(sgd=fractions + 0.5, adam=percentages)  # cross entropies may well exceed 1


def test_a_coordinate_of_ones_own_may_mix_words_and_numbers():
    trials = made_up_table(sgd=[0.1, 0.2]).assign(**{"hp.schedule": ["0.1", "cosine"]})
    assert check(trials)["hp.schedule"].tolist() == ["0.1", "cosine"]


def test_trials_are_told_apart_to_the_last_digit():
    numbers = [90071992547409920, 90071992547409921]  # one as floats
    trials = check(made_up_table(sgd=[0.1, 0.2]).assign(trial=numbers))
    assert trials["trial"].tolist() == numbers
