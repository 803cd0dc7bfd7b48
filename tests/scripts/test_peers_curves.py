"""Asynchronous halving as it is simulated stops the trials that the tools themselves stop."""

import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
TRIALS, EVALUATIONS = 60, 10


@pytest.fixture
def curves(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import peers_curves

    yield peers_curves
    for name in ("peers_curves", "benchmark_pruning"):
        sys.modules.pop(name, None)


@pytest.fixture
def pair(curves):
    """Trials of which early errors tell something of the last ones."""
    from benchmark_pruning import Pair

    from harness.study.rung_choice import curves_of

    rng = np.random.default_rng(0)
    final = rng.random(TRIALS)
    noise = rng.standard_normal((TRIALS, EVALUATIONS)) * np.linspace(0.4, 0, EVALUATIONS)
    evaluations = [
        {"step": [*range(10, 101, 10)], "val_error": [*row], "val_loss": [*row]}
        for row in (final[:, None] + noise)
    ]
    found = curves_of(evaluations, [*final], [100] * TRIALS, 100)
    return Pair("made/up", "", {"steps": 100, "eval_every": 10}, found)


@pytest.mark.parametrize(("first", "eta"), [(1, 4), (2, 2)])
def test_as_optuna_stops_them(curves, pair, first, eta):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    taken = []

    def objective(trial):
        for evaluation in range(1, EVALUATIONS + 1):
            error = float(pair.curves.columns["val_error"][trial.number, evaluation - 1])
            trial.report(error, evaluation)
            if trial.should_prune():
                taken.append(evaluation)
                raise optuna.TrialPruned
        taken.append(EVALUATIONS)
        return error

    pruner = optuna.pruners.SuccessiveHalvingPruner(first, eta)
    optuna.create_study(pruner=pruner).optimize(objective, n_trials=TRIALS)
    stop = curves.asynchronous(pair, first, eta, counts_itself=True)
    found, passed = stop(np.arange(TRIALS)[None], np.zeros((1, TRIALS)))
    assert found[0].tolist() == taken
    assert passed[0].tolist() == [each == EVALUATIONS for each in taken]
    assert 1 < passed.sum() < TRIALS / 2


def test_nearly_as_ray_stops_them(curves, pair):
    """Which interpolates between two values: one trial in twenty may differ."""
    values = pair.curves.columns["val_error"]
    expected, recorded = [], {1: [], 4: []}
    for trial in range(TRIALS):
        end = EVALUATIONS
        for rung, before in recorded.items():
            value = values[trial, rung - 1]
            cutoff = np.percentile(before, 25) if before else np.inf
            before.append(value)
            if value > cutoff:
                end = rung
                break
        expected.append(end)
    stop = curves.asynchronous(pair, 1, 4, counts_itself=False)
    found, _ = stop(np.arange(TRIALS)[None], np.zeros((1, TRIALS)))
    assert np.mean(found[0] != expected) <= 0.05


def test_whole_training_is_what_all_is_measured_in(curves, pair):
    whole = curves.gain(pair, curves.whole_training(pair), tables=400)
    assert whole.costs == pytest.approx([count / 64 for count in curves.COUNTS])
    assert whole.steps == pytest.approx(1.0, abs=0.25)
    assert whole.squared[0] > 2 > 0.5 > whole.squared[-1]
