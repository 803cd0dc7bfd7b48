"""Which trials pass a rung: a function of their cohort's values there and of nothing else."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.study.pruning import (
    INFEASIBLE,
    Pruning,
    Value,
    decided,
    is_audited,
    parse,
    passing,
    uncovered,
    values,
)

WORKLOAD = {"steps": 100, "eval_every": 10}


def halving(**changes):
    return Pruning(**{"rungs": (0.2, 0.4), "keep": (0.5, 0.5), "cohort": 8} | changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rungs": (0.4, 0.2)}, "rungs must be shares of the steps, rising"),
        ({"rungs": (0.2, 0.2)}, "rungs must be shares"),
        ({"rungs": (0.0, 0.2)}, "rungs must be shares"),
        ({"rungs": (0.2, 1.5)}, "rungs must be shares"),
        ({"rungs": ()}, "rungs must be shares"),
        ({"keep": (0.5,)}, r"got \[0.5\] for 2 rungs"),
        ({"keep": (0.5, 1.0)}, "keep must be a share between 0 and 1"),
        ({"cohort": 1}, "cohort must be 2 trials or more, got 1"),
        ({"audit": 1.0}, "audit must be a share"),
        ({"metric": "test_error"}, "metric must be val_error or val_loss, got 'test_error'"),
        ({"failed": "never"}, "failed must be wait or last"),
    ],
)
def test_a_setting_that_is_none_is_refused(changes, says):
    with pytest.raises(ConfigError, match=says):
        halving(**changes)


@pytest.mark.parametrize("changes", [{}, {"audit": 0.125, "metric": "val_loss", "failed": "last"}])
def test_the_line_in_a_record_tells_all(changes):
    assert parse(halving(**changes).text) == halving(**changes)
    with pytest.raises(ValueError, match="tells no pruning"):
        parse("none")


def test_rungs_are_steps_after_which_a_trial_is_evaluated():
    assert halving().steps(WORKLOAD) == (20, 40)
    assert halving(rungs=(1 / 3, 0.667)).steps({"steps": 300, "eval_every": 100}) == (100, 200)
    says = "0.25 of 100 steps is step 25, and validation results are there every 10 steps; give 0.2 or 0.3"
    with pytest.raises(ConfigError, match=says):
        halving(rungs=(0.25, 0.4)).steps(WORKLOAD)
    with pytest.raises(ConfigError, match="are one step of 100"):
        halving(rungs=(0.2, 0.2001)).steps(WORKLOAD)
    with pytest.raises(ConfigError, match=r"give workload\.eval_every=20"):
        halving().steps({"steps": 100, "eval_every": 100})


def test_the_better_half_passes_and_equal_errors_are_told_apart_by_the_loss():
    entrants = {
        0: Value(0.2, 0.5), 1: Value(0.1, 0.9), 2: Value(0.2, 0.4), 3: INFEASIBLE, 4: Value(0.2, 0.5),
    }  # fmt: skip
    assert passing(entrants, 0.5) == {0, 1, 2}  # of 0 and 4, alike in both, the first
    assert passing(entrants, 0.2) == {1}


def test_values_of_a_curve():
    curve = {
        "step": [10, 20, 30],
        "val_error": [0.9, 0.5, None],
        "val_loss": [2.0, math.inf, None],
    }
    assert values(curve, (20, 40), "val_error", ended=False) == [Value(0.5, math.inf)]
    assert values(curve, (20, 30), "val_loss", ended=False)[1] == INFEASIBLE
    assert values(curve, (20, 40), "val_error", ended=True) == [Value(0.5, math.inf), INFEASIBLE]


def test_a_rung_is_decided_once_all_who_come_to_it_have():
    pruning = halving(cohort=4)
    first = {trial: [Value(0.1 * trial, 1.0)] for trial in range(4)}
    assert decided(pruning, {**first, 3: []}) == []
    assert decided(pruning, first) == [{0, 1}]
    second = {0: [*first[0], Value(0.3, 1.0)], 1: [*first[1], Value(0.2, 1.0)]}
    assert decided(pruning, {**first, 0: second[0]}) == [{0, 1}]
    assert decided(pruning, first | second) == [{0, 1}, {1}]


errors = st.lists(st.floats(0, 1), min_size=8, max_size=8)


@given(errors, errors, st.permutations(range(8)))
def test_order_decides_nothing(early, late, order):
    found = {t: [Value(early[t], 0.0), Value(late[t], 0.0)] for t in range(8)}
    expected = decided(halving(), found)
    assert decided(halving(), {trial: found[trial] for trial in order}) == expected
    assert [len(those) for those in expected] == [4, 2]
    assert expected[1] < expected[0]
    assert max(early[t] for t in expected[0]) <= min(
        early[t] for t in range(8) if t not in expected[0]
    )


@given(errors, st.integers(0, 7), st.floats(0, 1))
def test_a_better_trial_moves_nobody_up(early, trial, better):
    """So that a failed trial, ranked last until it is run again, costs no other its place wrongly."""
    before = {t: Value(early[t], 0.0) for t in range(8)} | {trial: INFEASIBLE}
    after = before | {trial: Value(better, 0.0)}
    assert passing(after, 0.5) - {trial} <= passing(before, 0.5)


def test_the_audited_are_a_share_and_the_same_everywhere():
    audited = [trial for trial in range(20_000) if is_audited(0, trial, 0.1)]
    assert len(audited) == pytest.approx(2000, abs=4 * math.sqrt(1800))
    assert audited[:20] == [trial for trial in range(audited[19] + 1) if is_audited(0, trial, 0.1)]
    assert set(audited) < {trial for trial in range(20_000) if is_audited(0, trial, 0.2)}
    assert audited != [trial for trial in range(20_000) if is_audited(1, trial, 0.1)]
    assert not any(is_audited(0, trial, 0.0) for trial in range(100))


def test_a_request_is_of_whole_cohorts_with_what_others_ask_for():
    assert uncovered(8, range(16), ()) == []
    assert uncovered(8, range(4, 20), ()) == [range(8), range(16, 24)]
    assert uncovered(8, range(4), range(4, 8)) == []
