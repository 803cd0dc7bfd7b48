"""What is said of search spaces, and that it is said before a verdict."""

import io

import numpy as np
from rich.console import Console

from harness.analysis.reading import Results
from harness.analysis.space_check import BY_HAND, STAGES, space_check
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
    assert said.endswith("`harness stages` finds equal ones.")
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
    assert spaces.caution(table) == (
        "The search spaces were not found in the same way: SGD and Adam: both stages; NAdam: not known."
        " `harness stages` finds all of them by the same."
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
