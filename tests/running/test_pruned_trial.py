"""A trial left at a rung: the curve so far is that of the whole one, and so is the rest once it goes on."""

import pytest

from harness.records.checkpoint import Checkpoint, Every
from harness.records.folder import StudyFolder
from harness.records.record import deterministic
from harness.running.trial import run_trial
from harness.study.result import COMPLETE, DIVERGED, FINAL_COLUMNS, PRUNED
from harness.training.train import Stopped
from tests.running.test_trial import CNN, OPTIMIZERS, STEPS, WORKLOADS
from tests.studies import result, study, task

RUNGS = (4, 8)


@pytest.fixture
def left_at(tmp_path):
    """left_at(study, step): trial 0 trained on to a rung, or to its end."""

    def run(of, until, every=None, should_stop=lambda: False):
        folder = StudyFolder(tmp_path, of)
        folder.create()
        checkpoint = Checkpoint(folder, 0, every, "cpu", pytest.fail)
        return run_trial(of, 0, task(of), "cpu", should_stop, checkpoint, until)

    return run


@pytest.mark.parametrize(
    ("workload", "optimizer"),  # two optimizers a workload, and each optimizer
    [
        (workload, list(OPTIMIZERS)[(place + further) % len(OPTIMIZERS)])
        for place, workload in enumerate(WORKLOADS)
        for further in (0, 2)
    ],
)
def test_a_prefix_of_the_same_bits_and_the_same_end(workload, optimizer, left_at):
    of = study(*OPTIMIZERS[optimizer], *WORKLOADS[workload])
    whole = result(of)
    for step in RUNGS:
        record = left_at(of, step)
        assert (record["status"], record["steps"]) == (PRUNED, step)
        assert [record[name] for name in FINAL_COLUMNS] == [None] * 5
        rows = len(record["curve"]["step"])
        assert record["curve"]["step"][-1] == step
        assert record["curve"] == {name: column[:rows] for name, column in whole["curve"].items()}
    last = left_at(of, None)
    assert deterministic(last) == whole
    assert last["run"]["resumed_at_steps"] == [*RUNGS]


def test_evaluations_again_are_counted_up_to_the_rung(left_at):
    """The proof that a state can be resumed from takes a step more, which is not the trial's."""
    of = study("optimizer=lbfgs", "search_space={lr: 0.1}", *CNN)
    record, whole = left_at(of, 4), result(of)
    assert record["gradients"]["curve"] == whole["gradients"]["curve"][:1]
    assert record["gradients"]["total"] == record["gradients"]["curve"][-1]
    assert deterministic(left_at(of, None)) == whole


def test_a_checkpoint_at_the_rung_itself_is_not_trained_past(left_at):
    """Its worker died before it told that it had come there."""
    of = study("optimizer=momentum", *CNN)
    assert left_at(of, 4, every=Every(steps=4))["steps"] == 4
    assert left_at(of, 4)["steps"] == 4


def test_nor_is_one_beyond_it(left_at):
    """It was stopped at 6 when nothing was pruned yet."""
    of, whole = study("optimizer=momentum", *CNN), result(study("optimizer=momentum", *CNN))
    steps = iter(range(100))
    with pytest.raises(Stopped):
        left_at(of, None, Every(steps=100), should_stop=lambda: next(steps) == 6)
    record = left_at(of, 4)
    assert (record["status"], record["steps"], record["curve"]["step"]) == (PRUNED, 6, [4])
    assert deterministic(left_at(of, None)) == whole


def test_a_trial_that_diverges_before_its_rung_is_a_result(left_at):
    record = left_at(study("optimizer=sgd", "search_space.lr=1e30", *CNN), 8)
    assert record["status"] == DIVERGED


def test_the_rung_is_never_the_end(left_at):
    assert left_at(study("optimizer=momentum", *CNN), STEPS)["status"] == COMPLETE
