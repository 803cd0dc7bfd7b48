"""Studies composed and trials trained in this process, as a user's words describe them."""

import functools
import json

from harness.config import build, compose
from harness.records.record import deterministic
from harness.running.trial import load_task, run_trial


def jobs(*words):
    """The (configuration, words) that the command line would run."""
    return compose.compose(words)


@functools.cache
def study(*words):
    """The study of the one job that the words compose."""
    (job,) = jobs(*words)
    return build.study(*job)


def task(of):
    """A study's workload, opened once in this process."""
    parts = [of.config[part] for part in ("workload", "data", "model")]
    order = [of.config["order"], parts[0]["steps"]] if "order" in of.config else None
    key = json.dumps(
        [parts[0]["module"], parts[0]["batch_size"], *parts[1:], order], sort_keys=True
    )
    if key not in TASKS:
        TASKS[key] = load_task(of, "cpu")
    return TASKS[key]


TASKS = {}


def record(of, trial=0, *further):
    """The record of a trial, trained here."""
    return run_trial(of, trial, task(of), "cpu", *further)


def result(of, trial=0):
    """What is deterministic in it."""
    return deterministic(record(of, trial))
