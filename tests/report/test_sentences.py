"""The answer in sentences: who is better, how surely, and what it does not say."""

import re

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


def test_the_one_that_wins_every_race_is_named_with_its_interval():
    found = answer(made_up_table(sgd=ERRORS, momentum=ERRORS - 0.09, adam=ERRORS + 0.5))
    assert found.headline.startswith(
        "Tuned with 10 trials each, Momentum is better than each of the other 2: against SGD, the"
        " nearest, it wins"
    )
    assert re.search(r"of tuning races \(95% interval \d+% to \d+%\)\.$", found.headline)
    told = " ".join(found.sentences)
    assert (
        "Worse than Momentum, by the share of tuning races won and its 95% interval: Adam (under 1%, "
        in told
    )
    assert "All 3 pairs were tested" in told


def test_those_that_cannot_be_told_apart_are_all_named_and_something_is_excluded():
    rng = np.random.default_rng(0)
    alike = {name: ERRORS + 0.1 * rng.random(50) for name in ("sgd", "momentum", "nadam")}
    found = answer(made_up_table(**alike, adam=ERRORS + 0.8))
    assert found.headline == (
        "Tuned with 10 trials each, no optimizer is the best: SGD, Momentum and NAdam can't be told"
        " apart."
    )
    assert re.match(
        r"That any of them wins more than \d\d% of tuning races against another is excluded; less is"
        " not.",
        found.sentences[0],
    )
    alone = answer(made_up_table(**alike)).headline
    assert alone.endswith("no optimizer can be told apart from any other: SGD, Momentum and NAdam.")
    two = answer(made_up_table(sgd=alike["sgd"], momentum=alike["momentum"])).headline
    assert re.search(
        r"can't be told apart from \w+: it wins \d+% of tuning races \(95% interval \d+% to \d+%\); that"
        r" it wins more than \d+% or fewer than \d+% is excluded\.$",
        two,
    )


def test_mine_against_the_baseline_leads():
    trials = made_up_table(adam=ERRORS, mine=ERRORS - 0.09, sgd=ERRORS + 0.3)
    found = answer(trials, baseline="adam")
    assert re.match(
        r"Tuned with 10 trials each, mine is better than Adam: it wins \d+% of tuning races \(95% interval"
        r" \d+% to \d+%\)\.$",
        found.headline,
    )
    assert found.sentences[0].startswith("SGD is worse than Adam: it wins")
    assert found.sentences[1] == "N = 50 trials of each optimizer."


def test_whoever_cannot_be_told_apart_from_the_baseline_is_told_what_is_excluded():
    rng = np.random.default_rng(0)
    alike = {name: ERRORS + 0.1 * rng.random(50) for name in ("adam", "mine", "sgd")}
    found = answer(made_up_table(**alike), baseline="adam")
    for said in (found.headline, found.sentences[0]):
        assert re.search(
            r"from Adam: it wins .*; that it wins more than \d+% .*is excluded\.$", said
        )


def test_nobody_is_named_the_best_of_too_few_trials():
    found = answer(made_up_table(sgd=ERRORS[:20], momentum=ERRORS[:20] - 0.09))
    assert found.headline == (
        "Tuned with 4 trials each, nothing can be said of which is better: that takes 40 trials of"
        " each, and there are 20."
    )
    assert "races" not in " ".join(found.sentences)


def test_an_optimizer_with_too_few_trials_is_named_as_not_judged():
    trials = made_up_table(sgd=ERRORS, momentum=ERRORS + 0.2, lion=ERRORS[:9] - 0.09)
    found = answer(trials)
    assert "SGD is better than Momentum" in found.headline
    assert "Not judged, for too few trials: Lion (9); K = 10 takes 50 feasible trials." in (
        found.sentences
    )


def test_what_is_consistent_says_what_it_excludes():
    rng = np.random.default_rng(1)
    trials = made_up_table(sgd=ERRORS, momentum=ERRORS + 0.1 * rng.random(50))
    told = " ".join(answer(trials).sentences)
    assert (
        re.search(
            r"Consistent with these trials: SGD ⊆ Momentum \(Momentum losing more than \d\d% of races is"
            r" excluded\)",
            told,
        )
        or "Violated: SGD ⊆ Momentum." in told
    )
    worse = " ".join(answer(made_up_table(sgd=ERRORS, momentum=ERRORS + 0.3)).sentences)
    assert "Violated: SGD ⊆ Momentum. Momentum wins" in worse
    assert re.search(r"that it wins more than \d+% is excluded\.", worse)


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
