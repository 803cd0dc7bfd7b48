"""What scripts/benchmark_refining.py counts: on trials that were not fitted, and nothing twice."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.analysis.reading import Results
from harness.study.space import Choices, Constant, Range

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import benchmark_refining

    yield benchmark_refining
    sys.modules.pop("benchmark_refining", None)


@pytest.fixture
def trials():
    return pd.DataFrame({
        "study": "s", "trial": range(10), "status": "complete", "hp.lr": np.logspace(-4, 0.5, 10),
        "hp.end": [0.1, 0.01] * 5, "hp.mode": ["plain", "sign"] * 5, "val_error": np.linspace(0.1, 0.19, 10),
    })  # fmt: skip


def test_a_trial_lies_inside_on_every_axis(benchmark, trials):
    lr, end = Range("lr", 1e-3, 1.0), Choices("end", (0.01,))
    assert benchmark.inside(trials, {"lr": lr}).tolist() == [*[False] * 2, *[True] * 7, False]
    assert np.flatnonzero(benchmark.inside(trials, {"lr": lr, "end": end})).tolist() == [3, 5, 7]
    word, constant = Choices("mode", ("plain",)), Constant("momentum", 0.9)
    assert benchmark.inside(trials, {"mode": word, "momentum": constant}).sum() == 5


def test_good_are_those_near_the_best_and_the_best_tenth(benchmark):
    good = benchmark.good(np.array([0.20, 0.21, 0.22, 0.23, np.inf, *[0.5] * 15]))
    assert np.flatnonzero(good["within"]).tolist() == [0, 1, 2]
    assert np.flatnonzero(good["tenth"]).tolist() == [0, 1]


def test_most_are_fitted_and_the_others_counted(benchmark, trials):
    fitted = benchmark.drawn(trials, np.random.default_rng(0))
    assert fitted.sum() == 8
    row = {}
    space = {"lr": Range("lr", 1e-5, 9e-4)}  # the first two
    benchmark.count(row, trials, ~fitted.to_numpy(), space, covered=True)
    benchmark.count(row, trials, fitted.to_numpy(), space, covered=False)
    found = benchmark._row(("t", "a", "refine", "joint"), row)
    assert found["inside"] == pytest.approx(0.2)
    assert found["within_share"] == pytest.approx(0.2)  # .10 and .11
    assert found["within_held"] == 1.0
    assert found["within_gain"] == pytest.approx(5.0)
    assert found["inclusions_held"] == 0.5


def test_what_a_first_stage_was_narrowed_to_is_left_out(benchmark, trials, monkeypatch, tmp_path):
    (tmp_path / "found" / "held_out" / "w" / "a" / "later").mkdir(parents=True)
    (tmp_path / "demo" / "w" / "a" / "shown").mkdir(parents=True)
    parts = [trials.assign(study=name) for name in ("s", "later", "shown")]
    both = Results(pd.concat(parts, ignore_index=True), None, {})
    monkeypatch.setattr(benchmark, "read_results", lambda *given, **keywords: both)
    ((name, found),) = benchmark.tables(tmp_path, ["found"])
    assert (name, set(found.trials["study"])) == ("found", {"s"})
