"""How a study is pruned is said beside it, checked before anything runs, and no part of it."""

import pytest

from harness.config import build, how
from harness.errors import ConfigError
from harness.study.pruning import Pruning
from tests.faults.sweeps import CONF
from tests.studies import jobs

TINY = ("--config-dir", str(CONF), "workload=tiny", "workload.steps=50")
ON = (*TINY, "pruning=halving")


def options(*words):
    return how.common_options([config for config, _ in jobs(*words)])


def test_none_is_the_default():
    assert options(*TINY).pruning is None
    assert options(*TINY, "pruning=none").pruning is None


def test_the_settings_are_those_of_the_file_and_of_the_command_line():
    assert options(*ON).pruning == Pruning((0.2, 0.4), (0.5, 0.5), audit=0.1)
    words = ("pruning.rungs=[0.2,0.4,0.8]", "pruning.keep=[0.75,0.5,0.5]", "pruning.cohort=16")
    more = ("pruning.audit=0", "pruning.metric=val_loss", "pruning.failed=last")
    assert options(*ON, *words, *more).pruning == Pruning(
        (0.2, 0.4, 0.8), (0.75, 0.5, 0.5), 16, 0.0, "val_loss", "last"
    )


def test_it_is_no_part_of_the_study():
    (plain,) = build.requests(jobs(*TINY))
    (pruned,) = build.requests(jobs(*ON, "pruning.audit=0.2"))
    assert pruned.study == plain.study
    assert pruned.study.fingerprint == plain.study.fingerprint
    assert "pruning" not in plain.study.config


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("pruning.keep=half",), "keep must be a share such as 0.5, or a list"),
        (("pruning.keep=true",), "keep must be a share such as 0.5, or a list"),
        (("pruning.keep=[0.5]",), "for 2 rungs"),
        (("pruning.rungs=[0.25,0.5]",), "step 12, and validation results are there every 10 steps"),
        (("num_feasible=3",), "num_feasible= counts trials that were trained to the end"),
        (("pruning.metric=test_error",), "metric must be val_error or val_loss"),
    ],
)
def test_a_mistake_is_found_before_anything_runs(words, says):
    with pytest.raises(ConfigError, match=says):
        build.requests(jobs(*ON, *words))


def test_a_setting_without_pruning_says_so():
    with pytest.raises(
        ConfigError, match=r"pruning.audit=0.2 says nothing without pruning=halving"
    ):
        build.requests(jobs(*TINY, "pruning.audit=0.2"))
