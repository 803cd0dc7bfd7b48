"""What was ever asked of a study."""

import pytest

from harness.records import damage
from harness.records import requests as asked
from harness.records.reading import DamagedRecord
from harness.running.trial_queue import wanted
from harness.study.request import Request
from tests.records.made_up import STUDY


def test_requests_add_up_and_are_noted_once(folder, tmp_path):
    assert asked.read(folder.path) == asked.Asked()
    for first, count in ((0, 4), (2, 4), (1, 3), (0, 4)):
        asked.note(folder, Request(STUDY, str(tmp_path), first, count))
    assert asked.read(folder.path).trials == set(range(6))
    assert len(list(folder.requests.iterdir())) == 2
    asked.note(folder, Request(STUDY, str(tmp_path), trials=(9, 11)))
    assert wanted(asked.read(folder.path), STUDY, {}) == [0, 1, 2, 3, 4, 5, 9, 11]


def test_a_request_for_feasible_trials_wants_what_any_outcome_would_need(folder, tmp_path):
    for _ in range(2):
        asked.note(folder, Request(STUDY, str(tmp_path), num_feasible=3, max_trials=6))
    found = asked.read(folder.path)
    assert wanted(found, STUDY, {}) == [0, 1, 2]
    assert wanted(found, STUDY, {0: "diverged", 1: "complete"}) == [0, 1, 2, 3]
    assert wanted(found, STUDY, dict.fromkeys(range(6), "diverged")) == [0, 1, 2, 3, 4, 5]
    assert len(list(folder.requests.iterdir())) == 1


@pytest.mark.parametrize("content", ["", "[]", "7", '{"trials": "x"}', '{"first_trial": 1}',
                                     '{"first_trial":"a","num_feasible":1,"max_trials":1}'])  # fmt: skip
def test_a_damaged_request_is_named(content, folder):
    (folder.requests / "x.json").write_text(content)
    with pytest.raises(DamagedRecord, match=r"x\.json is no request"):
        asked.read(folder.path)


def test_a_damaged_request_is_set_aside_and_the_others_stay(folder, tmp_path):
    asked.note(folder, Request(STUDY, str(tmp_path), 0, 4))
    (folder.requests / "x.json").write_text("{")
    ((problem, aside),) = damage.set_aside_damaged(folder.path)
    assert problem.path == folder.requests / "x.json"
    assert aside.read_text() == "{"
    assert asked.read(folder.path).trials == set(range(4))
