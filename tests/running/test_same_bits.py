"""A trial has the same bits alone, in a sweep, in any order, with any number of workers."""

import pytest

from harness.__main__ import command
from harness.records import reading
from harness.records.record import deterministic
from harness.study.result import COMPLETE, DIVERGED
from tests.studies import result, study

TINY = ("workload.steps=12", "workload.eval_every=4", "model.width=4")
HERE = ("device=cpu", *TINY)


def records(root):
    return {(r["optimizer"], r["trial"]): deterministic(r) for r in reading.read_records(root)}


@pytest.mark.slow
def test_the_same_bits_alone_in_a_sweep_in_any_order_with_any_workers(tmp_path):
    """Two pieces of a sweep in worker processes against every trial by itself in this one."""
    pieces = ("-m", "optimizer=momentum", "trial=2-3", "workers=1")
    rest = ("-m", "optimizer=adam,momentum", "num_trials=4", "workers=2")
    for words in (pieces, rest):
        assert command([*words, *HERE, f"root={tmp_path}"]) == 0
    swept = records(tmp_path)
    assert len(swept) == 8
    for optimizer, trial in reversed(swept):
        of = study(f"optimizer={optimizer}", *TINY)
        assert swept[optimizer, trial] == result(of, trial)


@pytest.mark.slow
def test_num_feasible_runs_the_same_set_whatever_the_workers(tmp_path):
    space = (
        "search_space=digits_cnn/paper/momentum",
        "search_space.lr.low=1",
        "search_space.lr.high=1e12",
    )
    words = ("optimizer=momentum", *space, "num_feasible=4", "max_trials=40", "workers=2")
    assert command([*words, *HERE, f"root={tmp_path}"]) == 0
    statuses = [record["status"] for record in records(tmp_path).values()]
    of, one_by_one = study("optimizer=momentum", *space, *TINY), []
    while one_by_one.count(COMPLETE) < 4:
        one_by_one.append(result(of, len(one_by_one))["status"])
    assert statuses == one_by_one
    assert statuses[-1] == COMPLETE  # it stopped at the fourth
    assert DIVERGED in statuses
