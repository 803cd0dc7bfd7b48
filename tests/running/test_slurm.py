"""A sweep cut into job arrays, planned against what is there and what waits; a real Slurm is in tests/slurm."""

import pytest

from harness.records import requests as asked
from harness.records.folder import StudyFolder
from harness.running.slurm import Array, Queued, Sweep, missing, plan, shares
from harness.study.pruning import Pruning
from harness.study.request import Request
from tests.records.made_up import STUDY, made

HALVING = Pruning((0.2, 0.4), (0.5, 0.5), cohort=8, audit=0.1)


def sweep(root, per_task=1, retry_failed=False, pruning=None, **request):
    whole = Request(STUDY, str(root), **request)
    return Sweep(whole, per_task, retry_failed, ("seed=0",), pruning)


def numbers(arrays):
    return [(array.offset, array.tasks, array.trials) for array in arrays]


def test_a_task_a_trial_or_several(tmp_path):
    (one,) = plan([sweep(tmp_path, num_trials=4)], [], 100)
    assert (one.tasks, one.trials) == ((0, 1, 2, 3), (0, 1, 2, 3))
    assert (one.low, one.high, one.specification(None)) == (0, 3, "0-3")
    (several,) = plan([sweep(tmp_path, 3, first_trial=4, num_trials=4)], [], 100)
    assert (several.tasks, several.trials) == ((1, 2), (4, 5, 6, 7))
    assert (several.low, several.high, several.specification(2)) == (4, 7, "1-2%2")


def test_a_sweep_longer_than_an_array_may_be_becomes_several(tmp_path):
    arrays = plan([sweep(tmp_path, 2, num_trials=13)], [], 3)
    assert numbers(arrays) == [(0, (0, 1, 2), (0, 1, 2, 3, 4, 5)), (3, (3, 4, 5), tuple(range(6, 12))),
                               (6, (6,), (12,))]  # fmt: skip
    assert [array.specification(1) for array in arrays] == ["0-2%1", "0-2%1", "0%1"]


def test_a_log_a_task_named_by_study_and_index(tmp_path):
    first, second = plan([sweep(tmp_path / "100%", num_trials=4)], [], 2)
    logs = StudyFolder(tmp_path / "100%%", STUDY).path / "logs"  # %: Slurm's own names begin so
    assert first.log == f"{logs}/tiny-sgd-{STUDY.fingerprint}_%a.log"
    assert second.log == f"{logs}/tiny-sgd-{STUDY.fingerprint}_2+%a.log"
    assert (first.folder.path / "logs").is_dir()


def test_only_what_has_no_record_and_does_not_wait_is_planned(tmp_path):
    folder = StudyFolder(tmp_path, STUDY)
    folder.create()
    folder.write(made(1))
    folder.write(made(2, "failed"))
    waiting = [Queued(str(folder.path.resolve()), frozenset({3})), Queued("/other", frozenset({0}))]
    whole = sweep(tmp_path, num_trials=5)
    assert [array.trials for array in plan([whole], waiting, 100)] == [(0, 4)]
    assert missing(whole) == [0, 3, 4]
    assert missing(sweep(tmp_path, retry_failed=True, num_trials=5)) == [0, 2, 3, 4]
    assert plan([sweep(tmp_path, trials=(1, 3))], waiting, 100) == []


def test_two_sweeps_of_one_study_submit_no_trial_twice(tmp_path):
    first, second = plan([sweep(tmp_path, num_trials=3), sweep(tmp_path, num_trials=5)], [], 100)
    assert (first.trials, second.trials) == ((0, 1, 2), (3, 4))


def test_what_is_planned_is_noted_as_asked_for(tmp_path):
    plan([sweep(tmp_path, num_trials=5)], [], 100)
    assert asked.read(StudyFolder(tmp_path, STUDY).path).trials == set(range(5))


@pytest.mark.parametrize("limit", [None, 4])
def test_the_specification_is_of_the_arrays_own_indices(limit, tmp_path):
    array = Array(
        StudyFolder(tmp_path, STUDY), (), 100, 1, (100, 101, 105), (100, 101, 105), 0, 200
    )
    assert array.specification(limit) == ("0-1,5" if limit is None else "0-1,5%4")


# --- pruned ---------------------------------------------------------------------------------------


def test_an_array_for_what_goes_on_after_each_rung(tmp_path):
    arrays = plan([sweep(tmp_path, 2, pruning=HALVING, num_trials=32)], [], 100)
    assert [array.stretch for array in arrays] == [0, 1, 2]
    assert [len(array.tasks) for array in arrays] == [16, 9, 6]  # of 32: 17.6 and 10.4 go on
    assert [array.per_task for array in arrays] == [2, 0, 0]
    assert [array.words for array in arrays] == [("seed=0",), *[("seed=0", "trial=0-31")] * 2]
    assert arrays[2].log.endswith("_rung2+%a.log")
    short = plan([sweep(tmp_path / "short", pruning=HALVING, num_trials=8)], [], 3)
    assert [(a.stretch, a.tasks) for a in short if a.stretch] == [
        (1, (0, 1, 2)), (1, (0, 1)), (2, (0, 1, 2)),
    ]  # fmt: skip


def test_what_was_pruned_is_missing_where_nothing_is_pruned_any_more(tmp_path):
    folder = StudyFolder(tmp_path, STUDY)
    folder.create()
    folder.write(made(1))
    folder.write(made(2, "pruned"))
    assert missing(sweep(tmp_path, num_trials=8)) == [0, *range(2, 8)]
    assert missing(sweep(tmp_path, num_trials=8, pruning=HALVING)) == [0, *range(3, 8)]


@pytest.mark.parametrize(
    ("parallel", "tasks", "limits"),
    [
        (4, [9, 9, 9], [2, 1, 1]),
        (3, [9, 9, 9], [1, 1, 1]),
        (2, [9, 9, 9], [1, 1, 1]),
        (8, [9, 1, 9], [4, 1, 3]),
        (99, [3, 1, 2], [3, 1, 2]),
    ],
)
def test_as_many_tasks_at_once_as_asked_for(parallel, tasks, limits):
    assert shares(parallel, tasks) == limits
