"""Checkpoints that resume are proven to, once a study; where they don't, a trial starts over aloud."""

import pytest
import torch

from harness.records.checkpoint import Checkpoint, Every, from_bytes
from harness.records.folder import StudyFolder
from harness.records.record import deterministic
from harness.running.trial import run_trial
from harness.training.train import Stopped
from tests.faults.sweeps import CONF
from tests.studies import result, study, task

TINY = ("--config-dir", str(CONF), "workload=tiny", "optimizer=sgd")  # with dropout


class Forgetful(torch.optim.SGD):
    """It keeps a counter that its state_dict leaves out."""

    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        self.calls = 0

    def step(self, closure=None):
        self.calls += 1
        for group in self.param_groups:
            group["lr"] *= 1 / self.calls
        super().step(closure)


class Refusing(torch.optim.SGD):
    """It cannot take back what it saved."""

    def load_state_dict(self, state):
        raise NotImplementedError("not today")


def rule(optimizer):
    return (*TINY, f"optimizer.rule=tests.running.test_keeper.{optimizer.__name__}")


class Trials:
    """Trials of a study, each with its checkpoint."""

    def __init__(self, root, *words, every=5):
        self.study = study(*words)
        self.folder = StudyFolder(root, self.study)
        self.folder.create()
        self.every, self.warnings = Every(steps=every), []

    def checkpoint(self, trial):
        return Checkpoint(self.folder, trial, self.every, "cpu", self.warnings.append)

    def run(self, trial=0, stop_after=None):
        steps = iter(range(99))
        checkpoint = self.checkpoint(trial)
        try:
            return run_trial(
                self.study,
                trial,
                task(self.study),
                "cpu",
                lambda: next(steps) == stop_after,
                checkpoint,
            )
        except Stopped:
            return None

    @property
    def proven(self):
        return self.checkpoint(0).proven()


def test_a_study_whose_checkpoints_resume_is_proven_once(tmp_path):
    trials = Trials(tmp_path, *TINY)
    assert trials.proven is None
    assert deterministic(trials.run(0)) == result(trials.study, 0)  # the proof changes no bit of it
    assert trials.proven is True
    before = trials.checkpoint(0).proof_path.stat().st_mtime_ns
    trials.run(1)
    assert trials.checkpoint(0).proof_path.stat().st_mtime_ns == before
    assert trials.warnings == []


def test_a_stop_proves_what_it_saved(tmp_path):
    trials = Trials(tmp_path, *TINY, every=1000)
    assert trials.run(stop_after=7) is None
    assert trials.proven is True
    resumed = trials.run()
    assert resumed["run"]["resumed_at_steps"] == [7]
    assert deterministic(resumed) == result(trials.study, 0)


@pytest.mark.parametrize("optimizer", [Forgetful, Refusing])
def test_a_study_whose_checkpoints_do_not_resume_starts_its_trials_over(optimizer, tmp_path):
    trials = Trials(tmp_path, *rule(optimizer))
    assert trials.run(stop_after=7) is None
    assert trials.proven is False
    (warning,) = trials.warnings
    assert "an interrupted trial of this study will start over" in warning
    over = trials.run()
    assert deterministic(over) == result(trials.study, 0)
    assert "resumed_at_steps" not in over["run"]
    assert over["run"]["started_over_at_steps"] == 5
    assert "starts over from step 5: " in trials.warnings[1]
    assert trials.run(1, stop_after=7) is None
    assert not trials.folder.checkpoint_path(1).exists()  # nothing is kept that can't be used
    assert len(trials.warnings) == 2


@pytest.mark.parametrize("optimizer", [Forgetful, Refusing])
def test_a_proof_that_fails_changes_no_bit_either(optimizer, tmp_path):
    """Its copy draws from torch's generator, from which dropout goes on."""
    trials = Trials(tmp_path, *rule(optimizer))
    assert deterministic(trials.run()) == result(trials.study, 0)
    assert trials.proven is False


def test_what_differs_is_named(tmp_path):
    trials = Trials(tmp_path, *rule(Forgetful))
    trials.run()
    assert trials.checkpoint(0).why_not_resumable().startswith("parameters.")
    refused = Trials(tmp_path, *rule(Refusing))
    refused.run()
    assert refused.checkpoint(0).why_not_resumable() == "its state cannot be restored (not today)"


def test_a_checkpoint_that_nothing_is_proven_of_is_not_resumed_from(tmp_path):
    """Killed between the first checkpoint and the step that proves it."""
    trials = Trials(tmp_path, *TINY)
    trials.run(stop_after=7)
    checkpoint = trials.checkpoint(0)
    assert from_bytes(checkpoint.path.read_bytes())["state"]["step"] == 7
    checkpoint.proof_path.unlink()
    over = trials.run()
    assert over["run"]["started_over_at_steps"] == 7
    assert deterministic(over) == result(trials.study, 0)
    assert "that its checkpoints resume is not proven" in trials.warnings[0]
