"""Optimizers of all kinds train as their plain twins do, to the bit: with L2 and without, whole and cut."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from harness.records.checkpoint import Checkpoint, Every
from harness.records.folder import StudyFolder
from harness.running.trial import run_trial
from harness.study.study import Study
from harness.training import chain
from harness.training.train import Stopped
from tests.faults import further_twins, sweeps, twins
from tests.faults.twins import LR
from tests.studies import task

ALL = twins.TWINS | further_twins.TWINS
CASES = [pytest.param(of, twin, id=of.__name__) for of, twin in ALL.items()]


def study_of(optimizer, l2, lr=LR):
    """A study of sixteen steps, an evaluation after each, whose optimizer is a class."""
    plain = sweeps.study(
        "optimizer=sgd", "schedule=constant", "workload.eval_every=1", "workload.steps=16"
    )
    rule = f"{optimizer.__module__}.{optimizer.__qualname__}"
    space = {"l2": l2} if lr is None else {"l2": l2, "lr": lr}
    chain.check(rule, "constant", space)
    return Study(
        {**plain.config, "optimizer": {"name": "mine", "rule": rule}, "search_space": space}
    )


class Trial:
    """One trial of a study, in a folder of its own."""

    def __init__(self, root, study, every=5):
        self.study = study
        self.folder = StudyFolder(root, self.study)
        self.folder.create()
        self.every, self.said = every, []

    def run(self, stop_after=None):
        """Its record, or None where it was stopped after so many steps."""
        checkpoint = Checkpoint(self.folder, 0, Every(steps=self.every), "cpu", self.said.append)
        asked = iter(range(99))
        try:
            return run_trial(
                self.study,
                0,
                task(self.study),
                "cpu",
                lambda: next(asked) == stop_after,
                checkpoint,
            )
        except Stopped:
            return None


def outcome(record):
    assert record["status"] == "complete", record["error"]
    return {name: column for name, column in record["curve"].items() if name != "learning_rate"}


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize(("of", "twin"), CASES)
def test_it_trains_as_its_plain_twin(of, twin, l2, tmp_path):
    mine = Trial(tmp_path / "mine", study_of(of, l2, twin.lr), every=1000).run()
    plain = Trial(tmp_path / "plain", study_of(twin.plain, l2)).run()
    if twin.to_the_bit:
        assert outcome(mine) == outcome(plain)
    else:
        assert_frame_equal(pd.DataFrame(outcome(mine)), pd.DataFrame(outcome(plain)), rtol=1e-5)


@pytest.mark.parametrize(("of", "twin"), CASES)
def test_cut_and_gone_on_with_it_does_too(of, twin, tmp_path):
    """Twice: what it keeps may tell nothing apart yet the first time."""
    study = study_of(of, 0.1, twin.lr)
    whole = Trial(tmp_path / "whole", study, every=1000).run()
    cut = Trial(tmp_path / "cut", study)
    assert cut.run(stop_after=1) is None
    assert cut.run(stop_after=6) is None
    record = cut.run()
    assert outcome(record) == outcome(whole)
    assert record["run"].get("resumed_at_steps", []) == ([1, 7] if twin.resumes else [])
    assert bool(cut.said) is not twin.resumes  # that it starts over is said
