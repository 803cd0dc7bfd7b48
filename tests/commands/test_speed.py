"""The door answers at once: what costs seconds is imported when it is needed."""

import resource
import statistics
import subprocess
import sys

import pytest

from harness.records import requests
from harness.records.folder import StudyFolder
from harness.records.record import to_text
from harness.study.request import Request
from harness.study.study import Study
from tests.records.made_up import CONFIG, made

pytestmark = pytest.mark.slow

SECONDS = 1.0  # of CPU time, which a free machine takes by the clock: 0.1 to 0.6 on two cores


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--help"], 0),
        (["report", "--help"], 0),
        (["optimizer=adamm"], 2),
        (["num_trials=0"], 2),
        (["report", "results", "--no-such-option"], 2),
    ],
)
def test_an_answer_comes_in_under_a_second(words, status):
    def seconds():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ended = subprocess.run([sys.executable, "-m", "harness", *words], capture_output=True)
        assert ended.returncode == status, ended.stderr
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    seconds()  # what is read from disk once
    assert statistics.median(seconds() for _ in range(3)) < SECONDS


def test_the_status_of_a_large_folder(tmp_path):
    """Ten thousand records of twenty studies; a hundred thousand take 1.4 seconds of CPU time."""
    for number in range(20):
        study = Study({**CONFIG, "workload": {**CONFIG["workload"], "name": f"w{number}"}})
        folder = StudyFolder(tmp_path, study)
        folder.create()
        requests.note(folder, Request(study, str(tmp_path), num_trials=500))
        text = to_text({**made(0), "run": {"train_seconds": 1.0, "ended_at": 1e9}})
        for trial in range(500):
            folder.record_path(trial).write_text(text)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "harness", "status", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count(" 500 ") == 20
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.5  # .5 measured
