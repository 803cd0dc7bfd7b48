"""Trials trained as one by a worker, and what becomes of a block that comes to nothing."""

import threading
from multiprocessing import Pipe

import pytest

from harness.errors import ConfigError
from harness.records import compaction
from harness.records.folder import StudyFolder
from harness.records.record import deterministic, from_text, new_record, to_text
from harness.running import block, messages, runner, stacking, worker
from harness.running.messages import SPLIT, Assignment, Outcome, Outcomes
from harness.running.options import Options
from harness.study.request import Request
from harness.study.study import Study
from tests import studies

WORDS = (
    "workload=digits_logistic",
    "optimizer=momentum",
    "workload.steps=20",
    "workload.eval_every=10",
)


def of(*further):
    return studies.study(*WORDS, *further)


def records(study, trials):
    return block.run_block(study, trials, block.load_stacked(study, "cpu"), "cpu")


def run(study, root, **options):
    request = Request(study, str(root), num_trials=options.pop("num_trials", 12))
    return runner.run([request], Options(device="cpu", quiet=True, **options))


def test_a_record_is_as_that_of_the_trial_alone_and_says_how_it_was_run():
    study = of()
    for trial, found in zip((2, 3, 5), records(study, (2, 3, 5)), strict=True):
        assert found["run"].pop("stack") == 3
        assert found["run"]["train_seconds"] > 0
        one = studies.result(study, trial)
        for name in ("status", "steps", "point", "seeds", "data", "trial"):
            assert found[name] == one[name]
        assert found["hyperparameters"] == pytest.approx(one["hyperparameters"], rel=1e-12)
        assert deterministic(found).keys() == one.keys()
        assert found["val_error"] == pytest.approx(one["val_error"], rel=1e-4)
        text = to_text(found)
        place = (study.workload, study.optimizer, study.fingerprint)
        assert from_text(text, place, trial)["val_loss"] == found["val_loss"]


@pytest.mark.parametrize("together_from", [3, 1000])
def test_many_records_are_one_file_and_few_are_one_each(together_from, tmp_path, monkeypatch):
    monkeypatch.setattr(compaction, "TOGETHER_FROM", together_from)
    study = of()
    folder = StudyFolder(tmp_path, study)
    folder.create()
    folder.write(new_record(study, 1))  # failed, and run again
    made = records(study, range(4))
    compaction.write_together(folder, made)
    assert len(list(folder.path.glob("trials-*.parquet"))) == (together_from == 3)
    assert len(list(folder.trials.iterdir())) == (0 if together_from == 3 else 4)
    for trial in range(4):
        assert folder.read(trial)["status"] == "complete"
    assert StudyFolder(tmp_path, study).read_all().keys() == set(range(4))


def test_a_sweep_trains_blocks_of_one_size(tmp_path, monkeypatch):
    study = of()
    assert run(study, tmp_path, workers=1, stack=5) == 0
    found = StudyFolder(tmp_path, study).read_all()
    assert found.keys() == set(range(12))
    assert {each["run"]["stack"] for each in found.values()} == {4}
    assert all(each["run"]["device"] == "cpu" for each in found.values())


def answers(assignment, stop=False):
    """What a worker says to it, in a thread of this process; ``stop``: told so at once."""
    ours, theirs = Pipe()
    ours.send(assignment)
    if stop:
        ours.send(messages.STOP)
    working = threading.Thread(target=worker.work, args=(theirs, "cpu"), daemon=True)
    working.start()
    said = [ours.recv()]
    while not isinstance(said[-1], Outcome | Outcomes):
        said.append(ours.recv())
    ours.send(None)
    working.join()
    return said


def test_a_worker_tells_every_trials_outcome(tmp_path):
    study = of()
    StudyFolder(tmp_path, study).create()
    said = answers(Assignment(study, str(tmp_path), 0, block=(0, 1)))
    outcomes = said[-1]
    assert isinstance(outcomes, Outcomes)
    assert {each.status for each in outcomes.by_trial.values()} == {"complete"}
    assert outcomes.by_trial[1].val_error == StudyFolder(tmp_path, study).read(1)["val_error"]


def test_a_block_that_is_stopped_leaves_nothing(tmp_path):
    study = of()
    StudyFolder(tmp_path, study).create()
    said = answers(Assignment(study, str(tmp_path), 0, block=(0, 1)), stop=True)
    assert said[-1] == Outcome(messages.STOPPED)
    assert not list(tmp_path.rglob("trials/*"))


def test_an_error_in_a_block_is_no_trials(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("can't allocate\nmemory")

    monkeypatch.setattr(block, "run_block", fail)
    study = of()
    StudyFolder(tmp_path, study).create()
    said = answers(Assignment(study, str(tmp_path), 0, block=(0, 1)))
    assert said[-1] == Outcome(SPLIT, error="RuntimeError: can't allocate memory")
    assert not list(tmp_path.rglob("trials/*"))


# --- how many ---------------------------------------------------------------------------------


def test_what_cannot_be_trained_as_one_is_refused_and_says_why():
    cases = {
        ("workload=digits_cnn",): "workloads.digits_cnn has no function load_stacked",
        ("workload=digits_mlp", "model.batch_norm=true"): "the statistics of model.batch_norm=true",
    }
    for words, why in cases.items():
        with pytest.raises(
            ConfigError, match=f"stack=8: trials of digits.* as one: {why}.*stack=auto"
        ):
            stacking.check([studies.study(*words, "optimizer=adam")], 8)
        stacking.check([studies.study(*words, "optimizer=adam")], stacking.AUTO)
    stacking.check([of()], 8)


def test_trials_chosen_by_those_before_them_are_trained_one_by_one():
    study = of()
    asks = Study({**study.config, "sampler": {"name": "tpe", "seed": None}})
    assert stacking.why_not(asks) == "sampler=tpe chooses trials by those before them"


def test_auto_takes_the_smallest_that_is_about_as_fast():
    size, why = stacking.choose({1: 400.0, 8: 80.0, 32: 21.0, 128: 20.0}, 2000)
    assert size == 32
    assert why.startswith("32 trials as one: 21 µs a training step of a trial instead of 400 (19x")
    assert stacking.choose({1: 400.0, 8: 80.0, 32: 21.0}, 10)[0] == 10
    assert stacking.choose({1: 90.0, 8: 80.0}, 100)[0] == 1
    assert stacking.choose("no memory", 100) == (1, "one by one: no memory")


def test_auto_probes_once_a_workload_and_says_what_it_chose(tmp_path, monkeypatch):
    asked = []

    def measure(study, device, most):
        asked.append(study.optimizer)
        return {1: 100.0, 8: 10.0}

    monkeypatch.setattr(stacking, "measure", measure)

    class Queue:
        def __init__(self, study, missing):
            self.queue, self.rungs, self.news, self.stack = self, None, [], 1
            self.request, self.missing = Request(study, str(tmp_path)), missing

    queues = [
        Queue(of(), 100),
        Queue(of("optimizer=adam"), 100),
        Queue(of("optimizer=adam"), 3),
        Queue(studies.study("workload=digits_cnn", "optimizer=adam"), 100),
    ]
    stacking.arrange(queues, stacking.AUTO, "cpu", 2)
    assert asked == ["momentum"]
    assert [each.stack for each in queues] == [8, 8, 1, 1]
    assert queues[0].news[0].startswith("digits_logistic/momentum: stack=auto: 8 trials as one")
    assert queues[3].news == [
        "digits_cnn/adam: stack=auto: one by one: workloads.digits_cnn has no function load_stacked"
    ]


@pytest.mark.parametrize(
    ("workers", "studies_missing", "stacks"),
    [
        (6, [128] * 6, [128] * 6),  # a whole study each
        (2, [128] * 6, [128] * 6),
        (6, [128], [22]),
        (2, [128] * 3, [64] * 3),
        (2, [500, 0, 0], [125, 1, 1]),
    ],
)
def test_blocks_are_few_and_divide_among_the_workers(workers, studies_missing, stacks, tmp_path):
    class Queue:
        rungs = None

        def __init__(self, missing):
            self.queue, self.news, self.stack = self, [], 1
            self.request, self.missing = Request(of(), str(tmp_path)), missing

    queues = [Queue(missing) for missing in studies_missing]
    stacking.arrange(queues, 128, "cpu", workers)
    assert [each.stack for each in queues] == stacks


def test_a_real_probe_measures_one_and_more():
    found = stacking._measure(of(), "cpu", 8)
    assert {1, 8} <= found.keys()
    assert all(each > 0 for each in found.values())
