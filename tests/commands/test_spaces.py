"""``harness spaces``: does a comparison hold on parts of its spaces?"""

import pandas as pd
import pytest

from harness.__main__ import command
from harness.analysis.reading import save_results
from tests.analysis import made_up


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    save_results(made_up.two_optimizers(), folder)
    return folder / "trials.csv"


def test_it_says_what_holds_and_writes_the_tables(table, tmp_path, capsys):
    assert command(["spaces", str(table), "--out", str(tmp_path / "out")]) == 0
    out, _ = capsys.readouterr()
    assert "'s space on made-up digits" in out
    assert "made-up digits, as run: " in out
    assert "made-up digits, learning rate halved: " in out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "spaces.csv", "subspaces.csv", "pairs.csv", "subspaces.png", "subspaces.svg",
    }  # fmt: skip


def test_a_budget_under_one_is_refused(table, capsys):
    assert command(["spaces", str(table), "--budget", "0"]) == 2
    assert "--budget must be 1 or more, got 0" in capsys.readouterr().err


def test_the_study_that_the_refusal_asks_for_is_a_word_or_an_option(table, tmp_path, capsys):
    trials = pd.read_csv(table)
    of = trials["optimizer"].iloc[0]
    own = trials.loc[trials["optimizer"] == of, "study"].iloc[0]
    again = trials[trials["optimizer"] == of].assign(study="another")
    both = tmp_path / "trials.csv"
    pd.concat([trials, again]).to_csv(both, index=False)
    assert command(["spaces", str(both)]) == 2
    assert "2 studies: another, " in (said := capsys.readouterr().err)
    assert "choose one with study=FINGERPRINT" in said
    assert command(["spaces", str(both), f"study={own}"]) == 0
    assert command(["spaces", str(both), "--study", own]) == 0
