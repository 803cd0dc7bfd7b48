import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.analysis.published_runs import best, compared, summary
from harness.figures import published_runs

CHECKOUT = Path(__file__).parents[2]
RESULTS = CHECKOUT / "results"


@pytest.fixture(scope="module")
def compare_deepobs():
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("c", CHECKOUT / "scripts" / "compare_deepobs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def runs(**values):
    """{"sgd_0.1": [values]} as rows."""
    rows = [(*name.split("_"), value) for name, each in values.items() for value in each]
    found = pd.DataFrame(rows, columns=["optimizer", "lr", "value"])
    return found.astype({"lr": float, "value": float})


OURS = runs(**{
    "sgd_0.1": [1.0, 2.0, 3.0, 2.0], "sgd_0.2": [np.nan, np.nan], "sgd_0.3": [5.0, 5.2],
    "adam_0.1": [1.0, 1.1],
})  # fmt: skip
THEIRS = runs(**{"sgd_0.1": [2.5], "sgd_0.2": [np.nan], "sgd_0.3": [9.0]})


def test_z_is_the_difference_of_means_over_its_standard_error():
    table = compared(OURS, THEIRS).set_index(["optimizer", "lr"])
    sd = np.std([1, 2, 3, 2], ddof=1)
    assert table.loc[("sgd", 0.1), "z"] == pytest.approx(-0.5 / (sd * (1 / 4 + 1) ** 0.5))
    assert np.isnan(table.loc[("sgd", 0.2), "z"])
    assert table.loc[("sgd", 0.2), "ours_diverged"] == 2
    assert np.isnan(table.loc[("adam", 0.1), "published_runs"])


def test_two_spreads_are_each_its_own():
    table = compared(OURS, runs(**{"sgd_0.1": [1.0, 3.0]}))
    one, other = np.std([1, 2, 3, 2], ddof=1), np.std([1, 3], ddof=1)
    row = table[table["published_runs"].notna()].iloc[0]
    assert row["z"] == pytest.approx(0.0)
    assert row["published_sd"] == pytest.approx(other)
    assert row["ours_sd"] == pytest.approx(one)


def test_learning_rates_printed_with_other_digits_are_one():
    table = compared(runs(**{"sgd_0.158489": [1.0]}), runs(**{"sgd_0.1584893": [1.0]}))
    assert table["published_runs"].tolist() == [1]


def test_a_learning_rate_at_which_a_run_diverged_is_not_the_best():
    table = compared(runs(**{"sgd_0.1": [2.0], "sgd_0.2": [1.0, np.nan]}), THEIRS)
    assert best(table, "ours", larger_is_better=False) == {"sgd": 0.1}
    higher = compared(runs(**{"sgd_0.1": [2.0], "sgd_0.2": [3.0]}), THEIRS)
    assert best(higher, "ours", larger_is_better=True) == {"sgd": 0.2}


def test_the_summary_names_what_is_outside():
    lines = summary(compared(OURS, THEIRS), larger_is_better=False)
    assert lines[0].startswith(
        "2 pairs of optimizer and learning rate with finite ends on both sides: 1 within 3"
    )
    assert lines[1] == "1 that diverged as published: 1 diverged here in every run"
    assert lines[2].startswith("outside: sgd 0.3: ours 5.1")
    assert lines[-1] == "best learning rate of sgd: 0.1 (published 0.1)"
    assert "best learning rate of adam: 0.1 (not in the table)" in lines


def test_the_figure_has_a_line_an_optimizer():
    figure = published_runs.draw(compared(OURS, THEIRS), "test_loss", 100)
    assert figure.axes[0].get_yscale() == "log"
    assert len(figure.axes[0].containers) == 2


@pytest.mark.parametrize(
    ("workload", "epoch"),
    [("war_and_peace_lstm", 1), ("war_and_peace_lstm", 2), ("fashion_mnist_cnn", 1),
     ("fashion_mnist_cnn", 2), ("cifar10_3c3d", 1)],
)  # fmt: skip
def test_committed_comparisons_are_those_of_the_committed_runs(compare_deepobs, workload, epoch):
    """Our side of each; the published one is another table's."""
    committed = RESULTS / "deepobs" / f"{workload}_epoch{epoch}.csv"
    found, mine = compare_deepobs.ours(RESULTS / "deepobs" / workload / "trials.csv", epoch)
    table = pd.read_csv(committed)
    fresh = compared(mine, mine)[["ours_runs", "ours_diverged", "ours_mean", "ours_sd"]]
    assert found == workload
    np.testing.assert_allclose(table[fresh.columns], fresh, rtol=1e-5)
    assert (table["z"].abs().dropna() < 3).all()
