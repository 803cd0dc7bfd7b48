"""``harness spaces``: does a comparison hold on parts of its spaces?"""

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
