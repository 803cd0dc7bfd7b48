"""What runs depends on what was asked and on outcomes, never on workers, their speed or rivals."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from harness.running.trial_queue import TrialQueue
from harness.study.request import Request
from harness.study.result import FAILURES, STATUSES
from tests.records.made_up import STUDY

requests = st.builds(
    lambda first, count, wanted, cap: Request(STUDY, "", first, count, wanted, cap if wanted else None),
    st.integers(0, 5),
    st.integers(1, 30),
    st.none() | st.integers(1, 8),
    st.none() | st.integers(1, 30),
)  # fmt: skip
randoms = st.integers(0, 2**32).map(Random)  # drawing each choice apart takes a minute
outcomes = randoms.map(lambda random: random.choices(STATUSES, k=200))


def drain(queue, outcomes, workers, random):
    """Run a queue dry with so many workers, any of which may end next."""
    running = []
    while not queue.finished:
        while len(running) < workers and (trial := queue.take()) is not None:
            running.append(trial)
        if running:
            trial = running.pop(random.randrange(len(running)))
            queue.done(trial, outcomes[trial])
    return queue


def one_by_one(request, outcomes):
    """The plain meaning of a request."""
    asked = []
    for trial in request.indices:
        if request.num_feasible is not None:
            found = sum(outcomes[t] == "complete" for t in asked)
            if found == request.num_feasible:
                break
        asked.append(trial)
    return asked


@given(requests, outcomes, st.integers(1, 9), randoms)
def test_the_same_trials_for_any_number_of_workers_in_any_order(request, outcomes, workers, random):
    queue = TrialQueue(request, {})
    drain(queue, outcomes, workers, random)
    assert list(queue.asked) == sorted(queue.statuses) == one_by_one(request, outcomes)
    assert queue.feasible == sum(outcomes[t] == "complete" for t in queue.asked)
    assert queue.new == queue.ended == len(queue.asked) == queue.expected
    wanted = request.num_feasible
    assert queue.capped == (wanted is not None and queue.feasible < wanted)


@given(requests, outcomes, st.sets(st.integers(0, 40)), randoms)
def test_a_second_command_asks_for_what_is_missing_only(request, outcomes, done, random):
    before = {trial: outcomes[trial] for trial in done}
    queue = drain(TrialQueue(request, before), outcomes, 3, random)
    assert list(queue.asked) == one_by_one(request, outcomes)
    assert queue.new == len(set(queue.asked) - done)


@given(requests, outcomes, st.sets(st.integers(0, 40)), randoms)
def test_retry_failed_runs_the_failures_again_and_nothing_else(request, outcomes, done, random):
    before = {trial: outcomes[trial] for trial in done}
    queue = TrialQueue(request, before, retry_failed=True)
    drain(queue, ["complete"] * 200, 2, random)
    rerun = {t for t in queue.asked if t in done and outcomes[t] in FAILURES}
    assert queue.new == len(rerun) + len(set(queue.asked) - done)


@given(requests, outcomes, randoms)
def test_trials_that_others_run_are_waited_for(request, outcomes, random):
    """Each trial may turn out to be a rival's, who may end it or give it up."""
    queue, running = TrialQueue(request, {}), []
    while not queue.finished:
        while len(running) < 3 and (trial := queue.take()) is not None:
            if random.random() < 0.5:
                queue.defer(trial)
            else:
                running.append(trial)
        assert queue.pending == len(running) + len(queue.elsewhere)
        for trial in sorted(queue.elsewhere):
            if random.random() < 0.5:
                queue.done(trial, outcomes[trial])
            elif random.random() < 0.5:
                queue.resume(trial)
                running.append(trial)
        if running:
            trial = running.pop()
            queue.done(trial, outcomes[trial])
    assert list(queue.asked) == one_by_one(request, outcomes)


def test_a_list_of_trials():
    queue = TrialQueue(Request(STUDY, "", trials=(3, 9)), {9: "complete"})
    assert (queue.missing, queue.expected) == (1, 2)
    assert [queue.take(), queue.take()] == [3, None]
