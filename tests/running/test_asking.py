"""Bayesian search through the pool: the same trials whatever runs them, and no exact statistics of them."""

import pytest

from harness.__main__ import command
from harness.analysis.checking import TableError
from harness.analysis.final import final
from harness.analysis.reading import read_results
from harness.errors import ConfigError
from tests.running.test_same_bits import HERE, records
from tests.studies import study

pytest.importorskip("optuna")

TPE = ("optimizer=momentum", "sampler=tpe", "sampler.startup=2", "sampler.parallel=2", *HERE)


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory):
    root = tmp_path_factory.mktemp("one")
    assert command([*TPE, "num_trials=5", "workers=1", f"root={root}"]) == 0
    return root


@pytest.mark.slow
def test_the_same_trials_whatever_the_workers_and_in_however_many_pieces(one_worker, tmp_path):
    for trials in (3, 5):
        assert command([*TPE, f"num_trials={trials}", "workers=2", f"root={tmp_path}"]) == 0
    one = records(one_worker)
    assert one == records(tmp_path)
    halton = study("optimizer=momentum", *HERE[1:])
    points = [one["momentum", trial]["point"] for trial in range(5)]
    assert points[:2] == [halton.point(trial) for trial in range(2)]
    assert all(points[trial] != halton.point(trial) for trial in range(2, 5))


def test_a_trial_waits_for_those_that_choose_it():
    of = study("optimizer=momentum", "sampler=tpe", "sampler.startup=3", "sampler.parallel=2")
    assert [of.told_up_to(trial) for trial in range(6)] == [0, 0, 0, 2, 3, 4]
    assert of.point(2)
    with pytest.raises(ConfigError, match="trial 3 is chosen by what the trials before it found"):
        of.point(3)


def test_no_report_mixes_it_with_exact_statistics(one_worker, tmp_path, capsys):
    results = read_results(one_worker)
    assert set(results.trials["sampler"]) == {"tpe"}
    with pytest.raises(TableError, match=r"momentum: tpe chose each trial by those before it"):
        final(results.trials)
    capsys.readouterr()
    assert command(["report", str(one_worker), "--out", str(tmp_path / "report")]) == 2
    assert "harness searches" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pruning=halving",), "which pruning= leaves out"),
        (("trial=3",), "ask for num_trials= alone, from the first"),
        (("first_trial=2",), "ask for num_trials= alone, from the first"),
        (("sampler.points=3",), "sampler.points=3 says nothing under sampler=tpe"),
        (("sampler.startup=0",), "sampler.startup must be 1 or more, got 0"),
    ],
)
def test_what_it_cannot_do_is_said_first(words, message, tmp_path, capsys):
    assert command([*TPE, *words, f"root={tmp_path}"]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
