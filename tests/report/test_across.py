"""`harness across`: the page and the files of several made-up workloads."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

from harness.__main__ import command
from harness.analysis.across_workloads import across
from harness.analysis.reading import read_results, save_results
from harness.report import across as said
from harness.study.study import Study
from tests.analysis import made_up
from tests.analysis.test_across_workloads import table

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("across")
    save_results(made_up.results(), folder)
    assert command(["across", str(folder / "trials.csv"), "--out", str(folder / "out")]) == 0
    return folder / "out"


def test_everything_is_written(written):
    assert sorted(path.name for path in written.iterdir()) == sorted([
        "across.csv", "across.md", "profile.csv", "profile.png", "profile.svg", "ranks.csv", "ranks.png",
        "ranks.svg", "steps.csv", "wins.png", "wins.svg",
    ])  # fmt: skip


def test_the_page_claims_no_more_than_two_workloads_tell(written):
    page = (written / "across.md").read_text("utf-8")
    assert "**No pair is told apart across workloads** (n = 2, K = " in page
    assert "It takes 6 to tell a single pair apart, and 8 for one of 6" in page
    assert (
        "two training budgets, two search spaces or two seeds of one are not two workloads" in page
    )
    assert "Left aside: NAdam (not run on made-up text); Adadelta" in page
    assert "made-up digits: .1000 (stated)" in page
    assert "made-up text: " in page
    assert "(by rule)" in page


def test_the_page_shows_the_numbers_of_the_tables(written):
    page = (written / "across.md").read_text("utf-8")
    mean = pd.read_csv(written / "across.csv", keep_default_na=False).query("workload == ''")
    assert len(mean) == 6
    for row in mean.to_dict("records"):
        assert f"| {said.share(float(row['win']))} ({said.end(float(row['win_low']))}–" in page
    steps = pd.read_csv(written / "steps.csv")
    assert (steps.groupby("workload")["ratio"].min() == 1).all()


def test_a_flip_is_said_plainly():
    errors = {
        "a": {"sgd": 0.9, "adam": 0.1},
        "b": {"sgd": 0.1, "adam": 0.11},
        "c": {"sgd": 0.1, "adam": 0.11},
    }
    flips = said.flips(across(table(errors)))
    assert flips.startswith(
        "**The order of mean ranks hangs on single workloads.** It is SGD and Adam;"
    )
    assert "(the first is then Adam): Adam before SGD" in flips
    steady = said.flips(across(table({each: {"sgd": 0.9, "adam": 0.1} for each in "abc"})))
    assert steady.startswith("The order of mean ranks is the same whichever workload is left out.")


def test_workloads_of_one_model_or_data_are_named():
    trials = table({each: {"sgd": 0.2, "adam": 0.1} for each in ("v", "w", "x")})
    trials["study"] = trials["workload"]
    studies = {
        name: Study({"workload": {"name": name, "module": module}, "data_sha256": data})
        for name, module, data in (("v", "m", "1"), ("w", "m", "2"), ("x", "n", "2"))
    }
    told = list(said.related(["v", "w", "x"], studies, trials))
    assert told == [
        "`v` and `w` have the same model: their votes are less than two independent ones.",
        "`w` and `x` have the same data: their votes are less than two independent ones.",
    ]


def test_one_workload_is_refused_in_one_line(capsys, tmp_path):
    path = tmp_path / "trials.csv"
    table({"w": {"sgd": 0.2, "adam": 0.1}}).to_csv(path, index=False)
    assert command(["across", str(path)]) == 2
    assert "one workload alone, w" in capsys.readouterr().err


def test_the_committed_page_is_of_the_committed_tables(tmp_path, monkeypatch):
    """And its card names the command that the script of all figures runs."""
    spec = importlib.util.spec_from_file_location(
        "reproduce", CHECKOUT / "scripts" / "reproduce_figures.py"
    )
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.chdir(CHECKOUT)
    results = read_results(script.ACROSS)
    found = across(results.trials)
    committed = CHECKOUT / "results" / "across_workloads"
    page = (committed / "across.md").read_text("utf-8")
    assert "\n\n".join(said.answer(found)) in page
    for name, frame in (("across", found.pairs), ("ranks", found.ranks)):
        kept = pd.read_csv(committed / f"{name}.csv").fillna(
            {"workload": "", "without": "", "verdict": ""}
        )
        pd.testing.assert_frame_equal(kept, frame.fillna({"verdict": ""}), check_dtype=False)
    words = f"harness across {' '.join(script.ACROSS)} --out results/across_workloads"
    assert words in (committed / "card.md").read_text("utf-8")
