"""The answer in sentences: who leads, how surely, and what it does not say."""

import numpy as np

from harness.analysis.inclusion_verdicts import verdicts
from harness.analysis.reading import Results
from harness.report.comparison import analyse
from harness.report.question import Question
from harness.report.sentences import what_spaces_lack
from harness.study.study import Study
from tests.analysis.conftest import made_up_table

ERRORS = np.linspace(0.1, 0.9, 50)


def answer(trials, **asked):
    (found,) = analyse(Results(trials, None, {}), Question(**asked)).answers
    return found


def test_the_leader_and_whom_it_can_be_told_apart_from():
    found = answer(made_up_table(sgd=ERRORS, momentum=ERRORS - 0.005, adam=ERRORS + 0.5))
    assert found.headline.startswith(
        "Tuned with 10 trials each, Momentum has the lowest expected validation error: .1"
    )
    assert (
        "Adam can be told apart from it: higher medians, and 90% intervals apart."
        in found.sentences
    )
    assert any(s.startswith("SGD can't be told apart from it") for s in found.sentences)


def test_of_equal_medians_the_one_that_comes_first_more_often_leads():
    steps = np.repeat([0.1, 0.2], 25)
    better = np.repeat([0.05, 0.1, 0.2], [1, 24, 25])
    found = answer(made_up_table(sgd=steps, momentum=better), count_infeasible=True)
    assert "Momentum has the lowest median validation error: .1000" in found.headline


def test_what_the_general_space_lacks_is_said():
    trials = made_up_table(sgd=ERRORS, momentum=ERRORS)
    space = {"lr": {"low": 0.1, "high": 1.0}}

    def said(one_minus_momentum):
        studies = {
            "sgd-study": Study({"search_space": space}),
            "momentum-study": Study(
                {"search_space": {**space, "one_minus_momentum": one_minus_momentum}}
            ),
        }
        return what_spaces_lack(verdicts(trials, studies=studies))

    assert "sgd ⊆ momentum (one_minus_momentum needs [1, 1], has [0.1, 0.1])" in said(0.1)
    assert said({"low": 0.1, "high": 1.0}) == ""
