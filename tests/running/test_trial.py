"""One trial from its study to its record: a pure function of (study, index), whatever happens in it."""

import random
from pathlib import Path

import pytest
import torch

from harness.errors import SweepError
from harness.records.checkpoint import Checkpoint, Every, from_bytes, to_bytes
from harness.records.folder import StudyFolder
from harness.records.record import deterministic, new_record
from harness.records.weights import Weights
from harness.running.trial import run_trial
from harness.study.result import COMPLETE, DIVERGED, FAILED, OUT_OF_MEMORY
from harness.training.train import Stopped, Training
from tests.studies import record, result, study, task

STEPS = 12
EVERY_FIVE = Every(steps=5)
TINY = (f"workload.steps={STEPS}", "workload.eval_every=4", "workload.test_every=8")
CNN = ("model.width=4", *TINY)
README = Path(__file__).parents[2] / "README.md"  # a short text: evaluated in no time
LSTM = (
    "workload=war_and_peace_lstm", f"data.file={README}", "data.any_edition=true", "model.hidden_size=8",
    "model.dropout=0.3", "workload.batch_size=4", "model.sequence_length=10", *TINY,
)  # fmt: skip
RESNET = ("workload.module=tests.made_images", "model.width=4", "workload.batch_size=10", *TINY)
WORKLOADS = {
    "cnn": CNN,
    "lstm with dropout and carried state": LSTM,
    "resnet with batch normalisation and augmentation": RESNET,
}
OPTIMIZERS = {
    "momentum": ("optimizer=momentum",),
    "rmsprop": ("optimizer=rmsprop",),
    "nadam": ("optimizer=nadam",),
    "torch.optim.AdamW": ("optimizer=momentum", "optimizer.rule=torch.optim.AdamW",
                          "~search_space.one_minus_momentum"),
}  # fmt: skip


# --- a record --------------------------------------------------------------------------------------


def test_a_record_tells_the_whole_story():
    of = study("optimizer=rmsprop", "search_space=digits_cnn/paper/rmsprop", *CNN)
    made = record(of, 2)
    assert (made["status"], made["steps"], made["trial"]) == (COMPLETE, STEPS, 2)
    assert made["curve"]["step"] == [4, 8, 12]
    assert made["test_error"] == made["curve"]["test_error"][-1]
    assert made["val_error"] == made["curve"]["val_error"][-1]
    hyper, point = made["hyperparameters"], made["point"]
    assert hyper["lr"] == pytest.approx(point["lr_over_sqrt_eps"] * point["eps"] ** 0.5)
    assert made["curve"]["learning_rate"][0] < hyper["lr"]
    assert set(made["seeds"]) == {"initialisation", "data_order", "dropout"}
    assert made["data"]["sha256"] == of.config["data_sha256"]
    assert made["run"]["train_seconds"] > 0


def test_a_trial_that_diverges_is_a_result():
    made = record(study("optimizer=sgd", "search_space.lr=1e30", *CNN))
    assert (made["status"], made["val_error"], made["error"]) == (DIVERGED, None, None)
    assert 0 < made["steps"] < STEPS


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ZeroDivisionError("a bug"), FAILED),
        (MemoryError("no more"), OUT_OF_MEMORY),
        (torch.OutOfMemoryError("CUDA"), OUT_OF_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OUT_OF_MEMORY),
        (RuntimeError("something else"), FAILED),
    ],
)
def test_a_trial_that_raises_keeps_its_traceback(error, status, monkeypatch):
    def raises(self):
        raise error

    monkeypatch.setattr(Training, "train_one_step", raises)
    made = record(study("optimizer=sgd", *CNN))
    assert made["status"] == status
    assert made["error"].startswith("Traceback")
    assert type(error).__name__ in made["error"]


def test_data_that_describe_themselves_with_more_than_plain_values_fail_the_trial():
    of = study("optimizer=sgd", *CNN)
    opened = task(of)
    before = opened.data_description
    try:
        opened.data_description = {"sizes": {1, 2}}
        made = record(of)
    finally:
        opened.data_description = before
    assert made["status"] == FAILED
    assert "set is not JSON serializable" in made["error"]


def test_the_same_bits_again_and_others_for_another_trial():
    of = study("optimizer=adam", *CNN)
    torch.manual_seed(random.getrandbits(32))  # nothing may hang on what a process did before
    assert result(of) == result(of)
    assert result(of, 1)["train_loss"] != result(of)["train_loss"]


# --- stopped and resumed ---------------------------------------------------------------------------


class Interrupted:
    """A trial that is stopped at some of its steps, and resumed."""

    def __init__(self, of, root, every=EVERY_FIVE, trial=1, keep=None):
        self.study, self.trial, self.every = of, trial, every
        self.warnings = []
        self.folder = StudyFolder(root, of)
        self.folder.create()
        self.weights = Weights(self.folder, trial, keep) if keep else None

    def run(self, stop_at=None, error=None):
        """The record, or None when it was stopped (or ended by the error) before that step."""
        checkpoint = Checkpoint(self.folder, self.trial, self.every, "cpu", self.warnings.append)
        torch.manual_seed(random.getrandbits(32))
        started_at = self.saved_at() if stop_at is not None and self.path.exists() else 0
        steps = iter(range(started_at, STEPS + 1))

        def should_stop():
            stop = next(steps) == stop_at
            if stop and error:
                raise error
            return stop

        try:
            return run_trial(
                self.study, self.trial, task(self.study), "cpu", should_stop, checkpoint,
                weights=self.weights,
            )  # fmt: skip
        except Stopped:
            return None

    @property
    def path(self):
        return self.folder.checkpoint_path(self.trial)

    def saved_at(self):
        return from_bytes(self.path.read_bytes())["state"]["step"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_resumed_trial_has_the_same_bits(workload, optimizer, tmp_path):
    of = study(*WORKLOADS[workload], *OPTIMIZERS[optimizer])
    trial = Interrupted(of, tmp_path)
    assert trial.run(stop_at=3) is None  # between checkpoints: a stop writes one
    assert trial.run(stop_at=9) is None
    resumed, whole = trial.run(), record(of, 1)
    assert deterministic(resumed) == deterministic(whole)
    assert resumed["status"] == COMPLETE
    assert resumed["run"]["resumed_at_steps"] == [3, 9]
    assert "resumed_at_steps" not in whole["run"]
    assert resumed["run"]["train_seconds"] > 0
    assert trial.warnings == []


@pytest.mark.parametrize("what", ["dropout", "buffers", "carry", "optimizer"])
def test_each_part_of_the_state_matters(what, tmp_path):
    """The test above would see it, were one of these not saved."""
    of = study(*(RESNET if what == "buffers" else LSTM), *OPTIMIZERS["nadam"])
    trial = Interrupted(of, tmp_path)
    trial.run(stop_at=6)
    node = from_bytes(trial.path.read_bytes())
    state = node["state"]
    if what == "dropout":
        state["random"]["cpu"] = torch.Generator().manual_seed(1).get_state()
    elif what == "buffers":
        state["buffers"] = {name: torch.ones_like(b) for name, b in state["buffers"].items()}
    elif what == "carry":
        state["carry"] = None
    else:
        moments = state["chain"]["optimizer"]["state"]
        moments.update({name: torch.ones_like(each) for name, each in moments.items()})
    trial.path.write_bytes(to_bytes(node))
    assert deterministic(trial.run()) != result(of, 1)


def test_killed_without_a_word_it_goes_on_from_the_last_checkpoint(tmp_path):
    class Killed(BaseException):
        pass

    of = study("optimizer=adam", *CNN)
    trial = Interrupted(of, tmp_path)
    with pytest.raises(Killed):
        trial.run(stop_at=8, error=Killed())
    resumed = trial.run()
    assert resumed["run"]["resumed_at_steps"] == [5]
    assert deterministic(resumed) == result(of, 1)


def test_checkpoints_come_as_often_as_asked(tmp_path):
    of = study("optimizer=sgd", *CNN)
    often = Interrupted(of, tmp_path / "often", every=Every(seconds=1e-9))
    seldom = Interrupted(of, tmp_path / "seldom", every=Every(seconds=3600))
    assert often.run() is not None
    assert seldom.run() is not None
    assert often.saved_at() == STEPS - 1
    assert not seldom.path.exists()


def test_without_checkpoints_a_stopped_trial_leaves_none(tmp_path):
    trial = Interrupted(study("optimizer=sgd", *CNN), tmp_path, every=None)
    assert trial.run(stop_at=7) is None
    assert not trial.path.exists()


@pytest.mark.parametrize("damage", ["not whole", "a shape that does not fit", "a part missing"])
def test_what_cannot_be_resumed_from_is_set_aside_and_the_trial_starts_over(damage, tmp_path):
    of = study("optimizer=adam", *CNN)
    trial = Interrupted(of, tmp_path)
    trial.run(stop_at=6)
    content = trial.path.read_bytes()
    node = from_bytes(content)
    if damage == "a shape that does not fit":
        node["state"]["chain"]["optimizer"]["state"]["m"] = torch.zeros(3)
    elif damage == "a part missing":
        del node["state"]["chain"]["averaging"]
    trial.path.write_bytes(content[:500] if damage == "not whole" else to_bytes(node))
    made = trial.run()
    assert deterministic(made) == result(of, 1)
    assert "resumed_at_steps" not in made["run"]
    (warning,) = trial.warnings
    assert "set aside as 000001.pt.damaged-" in warning
    assert len(list(trial.path.parent.glob("000001.pt.damaged-*"))) == 1


def test_a_checkpoint_that_cannot_be_written_ends_the_sweep_not_the_trial(tmp_path):
    """A trial's record must not say that it failed because a disk was full."""
    trial = Interrupted(study("optimizer=sgd", *CNN), tmp_path)
    trial.folder.checkpoints.write_text("in the way")
    with pytest.raises(SweepError, match=r"cannot be written .*finished trials are safe"):
        trial.run()


def test_a_record_starts_as_what_is_known_of_its_trial():
    of = study("optimizer=sgd", *CNN)
    known, made = new_record(of, 1), record(of, 1)
    for name in ("workload", "optimizer", "study", "trial", "point", "hyperparameters", "seeds"):
        assert made[name] == known[name]
