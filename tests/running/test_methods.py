"""Methods beside the optimizer, by a user's words: part of the study, resumed to the bit, off by default."""

import pytest

from harness.records.record import deterministic
from harness.study.result import COMPLETE
from tests.running.test_trial import CNN, Interrupted
from tests.studies import record, result, study

BASE = ("optimizer=momentum", *CNN)
METHODS = {
    "noise": ("+search_space.noise_eta={low: 1e-3, high: 1, scale: log}",),
    "clipping by norm": ("+search_space.clip_norm={low: 1e-2, high: 1e-1, scale: log}",),
    "clipping by value": ("+search_space.clip_value=1e-3",),
}


@pytest.mark.parametrize("words", METHODS.values(), ids=METHODS)
def test_a_method_is_part_of_the_study_and_resumes_to_the_same_bits(words, tmp_path):
    of = study(*BASE, *words)
    assert of.fingerprint != study(*BASE).fingerprint
    trial = Interrupted(of, tmp_path)
    assert trial.run(stop_at=6) is None
    resumed, whole = trial.run(), record(of, 1)
    assert deterministic(resumed) == deterministic(whole)
    assert resumed["status"] == COMPLETE
    assert resumed["run"]["resumed_at_steps"] == [6]
    assert trial.warnings == []


@pytest.mark.parametrize("name", ["noise", "clipping by norm", "clipping by value"])
def test_what_is_done_to_a_gradient_changes_the_training_alone(name):
    """The method's axis comes before the schedule's, so the coordinates before it stay."""
    plain, changed = study(*BASE), study(*BASE, *METHODS[name])
    assert result(changed)["point"]["lr"] == result(plain)["point"]["lr"]
    assert result(changed)["train_loss"] != result(plain)["train_loss"]
