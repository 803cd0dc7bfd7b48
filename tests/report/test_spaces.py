"""What is said of search spaces, and that it is said before a verdict."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from harness.__main__ import command
from harness.analysis import across_spaces
from harness.analysis.reading import Results
from harness.analysis.space_check import BY_HAND, CHOSEN, STAGES, space_check
from harness.report import markdown, page, spaces, terminal
from harness.report.comparison import analyse
from harness.report.question import Question
from tests.analysis.conftest import made_up_table

FINE = np.linspace(0.01, 0.03, 100)
FEW_GOOD = np.concatenate([np.linspace(0.01, 0.012, 10), np.linspace(0.1, 0.4, 90)])


def checked(**errors):
    return space_check(made_up_table(**errors))


def test_nothing_is_said_of_spaces_that_are_alike():
    assert spaces.caution(checked(sgd=FINE, adam=FINE)) == ""


def test_poor_spaces_are_named_with_what_to_do():
    said = spaces.caution(checked(sgd=FINE, adam=FEW_GOOD))
    assert said.startswith("Adam's search space is poor: its best of 4 is ")
    assert said.endswith("harness stages finds equal ones.")
    both = spaces.caution(checked(sgd=FINE, adam=FEW_GOOD, nadam=FEW_GOOD))
    assert both.startswith("The search spaces of Adam and NAdam are poor; Adam's: its best of 4")
    assert "A verdict on them is one on their spaces too" in both


def test_the_baselines_space_comes_first():
    table = checked(sgd=FINE, adam=FEW_GOOD, nadam=FEW_GOOD)
    said = spaces.caution(table, "nadam")
    assert said.startswith("The baseline's search space is poor: its best of 4")
    assert "Adam's search space is poor" in said
    assert [line.split("'")[0] for line in spaces.sentences(table, "nadam")] == [
        "NAdam", "Adam", "SGD",
    ]  # fmt: skip
    assert spaces.sentences(table, "sgd")[0].startswith("SGD's space on made_up: 0% of 100 trials")


def test_spaces_found_in_different_ways_are_named():
    table = checked(sgd=FINE, adam=FINE, nadam=FINE)
    assert spaces.unequal(table) == ""  # nobody knows how any was found
    table["found_by"] = [STAGES, STAGES, ""]
    assert spaces.unequal(table) == ""  # of NAdam's nobody knows
    assert "not known" in [cell for line in spaces.cells(table) for cell in line]
    table["found_by"] = [STAGES, STAGES, CHOSEN]
    assert spaces.caution(table) == (
        "The search spaces were not found in the same way: SGD and Adam: both stages; NAdam: narrowed by"
        " hand. harness stages finds all of them by the same."
    )
    assert spaces.unequal(table.assign(found_by=BY_HAND)) == ""


def test_a_verdict_that_rests_on_a_poor_space_says_so_first():
    """In the terminal, the page and the card, before anything is said of who is better."""
    trials = made_up_table(sgd=FINE, adam=FEW_GOOD)
    analysis = analyse(Results(trials, None, {}), Question(baseline="adam"))
    (answer,) = analysis.answers
    assert answer.caution.startswith("The baseline's search space is poor")
    assert "SGD is better than Adam" in answer.headline
    shown = io.StringIO()
    Console(file=shown, width=100).print(terminal.render(analysis))
    said = " ".join(shown.getvalue().split())
    assert said.startswith("made_up: The baseline's search space is poor")
    assert "is it the optimizer, or its search space?" in said
    html = page.render(analysis)
    assert html.index('class="caution"') < html.index('class="headline"')
    assert html.count("not known") == 2
    card = markdown.outcome(trials)
    assert card.startswith("**Adam's search space is poor: its best of 4 is")
    assert "| optimizer | no better than chance | best of 1 | best of 4 | × the field's |" in card


# --- several spaces beside each other --------------------------------------------------------------


def two_spaces(tmp_path):
    """On one space Adam loses, on the other they are alike."""
    words = []
    for label, errors in (("narrow", FEW_GOOD), ("wide", FINE)):
        trials = made_up_table(sgd=FINE, adam=errors)
        trials.to_csv(tmp_path / f"{label}.csv", index=False)
        words += ["--space", f"{label} one={tmp_path / label}.csv"]
    return words


def test_a_report_of_several_spaces_says_on_which_a_verdict_holds(tmp_path, capsys):
    out = tmp_path / "out"
    assert command(["report", *two_spaces(tmp_path), "--out", str(out)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "SGD can't be told apart from Adam" in said  # on the last, of which the report is
    assert "SGD is better than Adam on “narrow one”; on “wide one” it can't be told." in said
    assert "the same on other search spaces" in said
    html = (out / "report.html").read_text()
    assert "SGD is better than Adam on “narrow one”" in html
    assert {path.suffix for path in out.glob("figure_3_4_search_spaces.*")} == {
        ".csv", ".png", ".svg",
    }  # fmt: skip
    assert len(pd.read_csv(out / "trials.csv")) == 200


def test_verdicts_that_turn_round_are_the_spaces_doing(tmp_path):
    found = []
    for label, sgd, adam in (("a", FINE, FEW_GOOD), ("b", FEW_GOOD, FINE)):
        found.append(made_up_table(sgd=sgd, adam=adam).assign(search_space=label))
    across = across_spaces.across_spaces(pd.concat(found, ignore_index=True))
    (line,) = across_spaces.sentences(across, "made_up")
    assert line.endswith("better than Adam on “a” and worse on “b”: the spaces decide.")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--space", "lr only"], "is not LABEL=ROOT"),
        (["--space", "a=x", "results"], "give nothing beside"),
        (["results", "--num-trials", "3"], "--num-trials is for --space"),
        ([], "no source given"),
    ],
)
def test_mistakes_of_spaces(words, says, capsys):
    assert command(["report", *words]) == 2
    assert says in capsys.readouterr().err
