"""opda's bands, an independent check of the simultaneous intervals."""

import builtins

import numpy as np
import pytest

from harness.analysis import bands, confidence
from harness.analysis.tuning_curves import in_cells
from harness.errors import ConfigError
from tests.analysis.conftest import made_up_table


def test_our_intervals_lie_within_opdas_bands():
    """Theirs hold at every budget and quantile, ours at the medians of a few: so ours are the narrower."""
    rng = np.random.default_rng(0)
    errors = rng.lognormal(size=40)
    budgets = np.array([1, 2, 4, 8])
    low, high = confidence.median_interval(errors, budgets, simultaneous=True)
    theirs_low, theirs_high = bands.median_band(errors, budgets)
    assert (theirs_low <= low).all()
    assert (high <= theirs_high).all()
    assert theirs_high[0] < np.sort(errors)[-5]  # and say something


def test_they_are_columns_of_the_curves_where_what_is_shown_selects():
    trials = made_up_table(sgd=np.linspace(0.1, 0.9, 40), adam=[np.inf] * 3)
    trials["test_error"] = trials["val_error"]
    frame = bands.with_bands(in_cells(trials), trials)
    sgd = frame[frame["optimizer"] == "sgd"]
    assert (sgd["opda_low"] <= sgd["p50"]).all()
    assert (sgd["p50"] <= sgd["opda_high"]).all()
    assert frame[frame["optimizer"] == "adam"]["opda_high"].isna().all()
    other = bands.with_bands(in_cells(trials, "test_error"), trials, "test_error")
    assert other["opda_high"].isna().all()


def test_without_opda_there_is_one_line(monkeypatch):
    bands._bands.cache_clear()
    bands._ranks.cache_clear()
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("opda"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match="pip install opda, or leave out --bands"):
        bands.median_band(np.arange(9.0), np.array([1]))
