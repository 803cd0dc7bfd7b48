"""A study's queue beside those of other commands on the same folder."""

import subprocess
import sys

import pytest

from harness.records.claims import Claims
from harness.records.folder import StudyFolder
from harness.records.reading import DamagedRecord
from harness.running.shared_queue import SharedQueue
from harness.study.request import Request
from tests.records.made_up import STUDY, made


@pytest.fixture
def folder(tmp_path):
    folder = StudyFolder(tmp_path, STUDY)
    folder.create()
    return folder


def opened(folder, retry_failed=False, **asked):
    request = Request(STUDY, str(folder.root), **asked)
    return SharedQueue(request, folder, Claims(folder.claims), folder.read_all(), retry_failed)


def test_the_best_error_so_far_counts_what_was_there_and_was_asked_for(folder):
    for trial, error in ((1, 0.5), (2, 0.25), (5, 0.125)):
        folder.write(made(trial) | {"val_error": error})
    queue = opened(folder, num_trials=5)
    assert queue.queue.best == 0.25
    for trial, error in ((queue.take(), 0.2), (queue.take(), None)):
        queue.done(trial, "complete", error)
    assert queue.queue.best == 0.2


def test_a_record_that_appeared_meanwhile_is_not_run_again(folder):
    queue = opened(folder, num_trials=3)
    folder.write(made(0))  # by another command, since the queue was opened
    assert [queue.take(), queue.take(), queue.take()] == [1, 2, None]
    assert queue.queue.new == 0
    assert queue.queue.counts["complete"] == 1


HOLDER = """
import sys
from pathlib import Path
from harness.records.claims import Claims
mine = Claims(Path(sys.argv[1]))
print(mine.take(0), flush=True)
sys.stdin.read()
"""


def test_a_trial_that_another_command_runs_is_left_to_it_and_asked_for_again(folder):
    queue = opened(folder, num_trials=2)
    command = [sys.executable, "-c", HOLDER, str(folder.claims)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as other:
        assert other.stdout.readline() == "True\n"
        assert [queue.take(), queue.take()] == [1, None]
        assert not queue.queue.finished
    assert queue.take() == 0  # it ended without a record


def test_a_trial_that_is_given_up_can_be_claimed_by_others(folder):
    queue = opened(folder, num_trials=2)
    trial = queue.take()
    assert not queue.claims.take(trial)
    queue.give_up(trial)
    assert queue.claims.take(trial)


@pytest.mark.parametrize("meanwhile", [None, "complete"])
def test_a_failure_is_run_again_unless_another_command_has(meanwhile, folder):
    folder.write(made(0, "failed"))
    queue = opened(folder, retry_failed=True, num_trials=1)
    if meanwhile:
        folder.write(made(0, meanwhile))
    assert queue.take() == (None if meanwhile else 0)
    assert queue.queue.finished is bool(meanwhile)


def test_a_record_damaged_meanwhile_is_named_and_its_claim_released(folder):
    queue = opened(folder, num_trials=1)
    folder.record_path(0).write_text("{")
    with pytest.raises(DamagedRecord):
        queue.take()
    assert queue.claims.take(0)
