"""Parts made by several processes are those that one makes."""

import os

import pandas as pd
import pytest

from harness.analysis import side_by_side as module
from harness.analysis.checking import TableError
from harness.analysis.side_by_side import side_by_side
from harness.report.writing import write_report
from tests.analysis.made_up import two_optimizers

TRIALS = pd.DataFrame({"trial": range(3)})


@pytest.fixture
def several(monkeypatch):
    monkeypatch.setattr(module, "LARGE", 1)
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)


def parts():
    return [lambda: os.getpid(), lambda: TRIALS["trial"].sum(), lambda: os.getppid()]


def test_few_trials_are_done_here():
    assert side_by_side(TRIALS, *parts()) == [os.getpid(), 3, os.getppid()]


def test_many_in_processes_of_this_one(several):
    one, total, parent = side_by_side(TRIALS, *parts())
    assert one != os.getpid()
    assert (total, parent) == (3, os.getpid())


def test_the_first_that_fails_is_told(several):
    def fail(words):
        raise TableError(words)

    with pytest.raises(TableError, match="first"):
        side_by_side(TRIALS, parts()[0], lambda: fail("first"), lambda: fail("second"))


def test_a_report_has_the_same_files(tmp_path, request):
    source = two_optimizers()
    for name in ("alone", "several"):
        if name == "several":
            request.getfixturevalue("several")
        table = tmp_path / "trials.csv"
        source.trials.to_csv(table, index=False)
        write_report(table, tmp_path / name)
    alone, together = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("alone", "several")
    )
    assert sorted(alone) == sorted(together)
    drawn_at_an_address = (
        "tuning_curves.svg"  # matplotlib's names of clip paths tell where they lay
    )
    assert alone.pop(drawn_at_an_address)
    assert together.pop(drawn_at_an_address)
    assert alone == together
