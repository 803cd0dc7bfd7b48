"""A trial that was stopped and resumed ends with the bits of one that never stopped."""

import hashlib
import os
import pickle
import random
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra

from harness.config import build as config
from harness.errors import ConfigError, SweepError
from harness.records.checkpoint import Checkpoint, Every, from_bytes, parse_every, to_bytes
from harness.records.record import deterministic
from harness.records.folder import StudyFolder
from harness.training import train

STEPS = 12
EVERY_FIVE = Every(steps=5)
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
REAL_DATA = Path(os.environ.get("HARNESS_DATA_ROOT") or SHARED_DATA)

LSTM = (
    "workload=python_docs_lstm", "model.hidden_size=8", "model.dropout=0.3", "workload.batch_size=4",
    "model.sequence_length=10",
)  # fmt: skip
RESNET = ("workload.module=tests.made_images", "model.width=4", "workload.batch_size=10")
WORKLOADS = {
    "cnn": ("model.width=4",),
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


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def study(*overrides):
    config.register()
    GlobalHydra.instance().clear()
    budget = (f"workload.steps={STEPS}", "workload.eval_every=4", "workload.test_every=8")
    with initialize_config_module("harness.conf", version_base="1.3"):
        return config.study(compose("config", [*budget, *overrides]))


class Interrupted:
    """A trial that is stopped at each of some steps and resumed by another process's means."""

    def __init__(self, of, root, every=EVERY_FIVE, trial=1):
        self.study, self.trial = of, trial
        self.warnings = []
        self.folder = StudyFolder(root, of)
        self.folder.create()
        self.every = every

    def run(self, stop_at=None):
        """The record, or None when it was stopped at that step."""
        checkpoint = Checkpoint(self.folder, self.trial, self.every, "cpu", self.warnings.append)
        torch.manual_seed(random.getrandbits(32))  # nothing may hang on what a process did before
        steps = iter(range(STEPS + 1))
        resumes = stop_at is not None and self.path.exists()
        started_at = from_bytes(self.path.read_bytes())["state"]["step"] if resumes else 0
        try:
            return train.run_trial(
                self.study,
                self.trial,
                train.load_task(self.study, "cpu"),
                "cpu",
                lambda: started_at + next(steps) == stop_at,
                checkpoint,
            )
        except train.Stopped:
            return None

    @property
    def path(self):
        return self.folder.checkpoint_path(self.trial)


def uninterrupted(of, trial=1):
    return train.run_trial(of, trial, train.load_task(of, "cpu"), "cpu")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_resumed_trial_has_the_same_bits(workload, optimizer, tmp_path):
    of = study(*WORKLOADS[workload], *OPTIMIZERS[optimizer])
    trial = Interrupted(of, tmp_path)
    assert trial.run(stop_at=3) is None  # between checkpoints: a stop writes one
    assert trial.run(stop_at=9) is None
    resumed = trial.run()
    whole = uninterrupted(of)
    assert deterministic(resumed) == deterministic(whole)
    assert resumed["status"] == "complete"
    assert resumed["run"]["resumed_at_steps"] == [3, 9]
    assert "resumed_at_steps" not in whole["run"]
    assert resumed["run"]["train_seconds"] > 0


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
        state["optimizer"]["state"] = [torch.ones_like(t) for t in state["optimizer"]["state"]]
    trial.path.write_bytes(to_bytes(node))
    assert deterministic(trial.run()) != deterministic(uninterrupted(of))


def test_killed_without_a_word_it_goes_on_from_the_last_checkpoint(tmp_path):
    of = study(*WORKLOADS["cnn"], "optimizer=adam")
    trial = Interrupted(of, tmp_path)

    class Killed(BaseException):
        pass

    calls = iter(range(STEPS))

    def kill_at_eight():
        if next(calls) == 8:
            raise Killed

    checkpoint = Checkpoint(trial.folder, 1, trial.every, "cpu", trial.warnings.append)
    with pytest.raises(Killed):
        train.run_trial(of, 1, train.load_task(of, "cpu"), "cpu", kill_at_eight, checkpoint)
    resumed = trial.run()
    assert resumed["run"]["resumed_at_steps"] == [5]
    assert deterministic(resumed) == deterministic(uninterrupted(of))


def test_seconds_instead_of_steps(tmp_path):
    of = study(*WORKLOADS["cnn"], "optimizer=sgd")
    often = Interrupted(of, tmp_path / "often", every=Every(seconds=1e-9))
    seldom = Interrupted(of, tmp_path / "seldom", every=Every(seconds=3600))
    for each in (often, seldom):
        assert each.run() is not None
    assert from_bytes(often.path.read_bytes())["state"]["step"] == STEPS - 1
    assert not seldom.path.exists()


def test_without_checkpoints_a_stopped_trial_leaves_none(tmp_path):
    trial = Interrupted(study(*WORKLOADS["cnn"], "optimizer=sgd"), tmp_path, every=None)
    assert trial.run(stop_at=7) is None
    assert not trial.path.exists()


class Malicious:
    def __reduce__(self):
        return (os.system, ("touch pwned",))


@pytest.mark.parametrize(
    "damage",
    ["truncated", "empty", "binary", "one bit", "pickled code", "bare pickled code", "of another trial",
     "of another study", "of another device", "of another torch", "a shape that does not fit",
     "a part missing"],
)  # fmt: skip
def test_a_checkpoint_that_cannot_be_trusted_is_set_aside_and_the_trial_starts_over(
    damage, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    of = study(*WORKLOADS["cnn"], "optimizer=adam")
    trial = Interrupted(of, tmp_path / "results")
    trial.run(stop_at=6)
    content = trial.path.read_bytes()
    node = from_bytes(trial.path.read_bytes())
    if damage == "truncated":
        trial.path.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        trial.path.write_bytes(b"")
    elif damage == "binary":
        trial.path.write_bytes(random.Random(0).randbytes(5000))
    elif damage == "one bit":
        place = content.index(node["state"]["parameters"].numpy().tobytes()[:64])
        trial.path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    elif damage == "pickled code":
        trial.path.write_bytes(to_bytes({"identity": Malicious()}))
    elif damage == "bare pickled code":
        code = pickle.dumps({"identity": Malicious()})
        trial.path.write_bytes(hashlib.sha256(code).digest() + code)
    elif damage.startswith("of another"):
        name = damage.split()[-1]
        node["identity"][name] = 7 if name == "trial" else "elsewhere"
        trial.path.write_bytes(to_bytes(node))
    elif damage == "a shape that does not fit":
        node["state"]["parameters"] = torch.zeros(3)
        trial.path.write_bytes(to_bytes(node))
    else:
        del node["state"]["curve"]
        trial.path.write_bytes(to_bytes(node))
    record = trial.run()
    assert deterministic(record) == deterministic(uninterrupted(of))
    assert "resumed_at_steps" not in record["run"]
    (warning,) = trial.warnings
    assert "set aside as 000001.pt.damaged-" in warning
    assert len(list(trial.path.parent.glob("000001.pt.damaged-*"))) == 1
    assert not (tmp_path / "pwned").exists()


def test_a_checkpoint_that_cannot_be_written_ends_the_sweep_not_the_trial(tmp_path):
    """A trial's record must not say that it failed because a disk was full."""
    trial = Interrupted(study(*WORKLOADS["cnn"], "optimizer=sgd"), tmp_path)
    trial.folder.checkpoints.write_text("in the way")
    with pytest.raises(SweepError, match=r"cannot be written .*finished trials are safe"):
        trial.run()


@pytest.mark.parametrize(
    ("given", "every"),
    [(None, None), (500, Every(steps=500)), ("500", Every(steps=500)), ("90s", Every(seconds=90)),
     ("1.5m", Every(seconds=90)), ("2h", Every(seconds=7200))],
)  # fmt: skip
def test_how_often(given, every):
    assert parse_every(given) == every


@pytest.mark.parametrize("given", [0, -1, "0s", "1.5", "s", "1d", "", "ten", "1e3", "9" * 400])
def test_how_often_refused(given):
    with pytest.raises(ConfigError, match="steps such as 500 or a time such as 90s, 10m or 2h"):
        parse_every(given)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workload", "data", "overrides"),
    [
        ("war_and_peace_lstm", "war_and_peace.txt", ()),
        (
            "cifar10_resnet32",
            "cifar10-images.tar.xz",
            ("model.depth=8", "data.format=image_folder"),
        ),
    ],
)
@pytest.mark.parametrize("optimizer", ["adam", "torch.optim.AdamW"])
def test_on_real_data(workload, data, overrides, optimizer, tmp_path):
    if not (REAL_DATA / data).exists():
        pytest.skip(f"no {data} in {REAL_DATA}; set HARNESS_DATA_ROOT to the folder that holds it")
    words = OPTIMIZERS.get(optimizer, ("optimizer=adam",))
    of = study(f"workload={workload}", *words, f"data.root={REAL_DATA}", *overrides,
               "~search_space.l2" if optimizer == "torch.optim.AdamW" and "cifar" in workload
               else "seed=0")  # fmt: skip
    trial = Interrupted(of, tmp_path)
    assert trial.run(stop_at=7) is None
    assert deterministic(trial.run()) == deterministic(uninterrupted(of))
