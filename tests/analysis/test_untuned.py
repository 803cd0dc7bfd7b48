"""What tuning buys, from made-up tables."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.analysis.untuned import CARRIED, DEFAULT, TUNED, sentences, untuned
from harness.figures.untuned import draw


def trials(errors, optimizer="adam", diverged=()):
    count = len(errors)
    return pd.DataFrame({
        "workload": "w", "optimizer": optimizer, "study": "s", "trial": range(count),
        "status": ["diverged" if i in diverged else "complete" for i in range(count)],
        "val_error": errors, "test_error": errors,
    })  # fmt: skip


def test_settings_are_compared_seed_by_seed():
    rng = np.random.default_rng(0)
    seeds = rng.normal(0, 0.05, 8)  # far more than the settings differ
    tuned, by_default = 0.2 + seeds, 0.21 + seeds + rng.normal(0, 0.001, 8)
    table = untuned({TUNED: trials(tuned), DEFAULT: trials(by_default)}).set_index("setting")
    difference = stats.ttest_rel(by_default, tuned).confidence_interval(0.95)
    found = table.loc[DEFAULT, ["worse_low", "worse_high"]].to_list()
    assert found == pytest.approx([difference.low, difference.high])
    assert found[0] > 0
    assert table.loc[TUNED, "test_mean"] == pytest.approx(tuned.mean())
    assert table.loc[TUNED, ["worse", "worse_low"]].isna().all()


def test_a_seed_that_diverged_is_counted_and_left_out_of_the_difference():
    tables = {
        TUNED: trials([0.1, 0.2, 0.3, 0.4]),
        DEFAULT: trials([9.0, 0.3, 0.4, 0.5], diverged=(0,)),
        CARRIED: trials([0.5] * 4, optimizer="sgd"),  # never tuned here
    }
    table = untuned(tables).set_index("setting")
    assert table.loc[DEFAULT, ["seeds", "diverged"]].to_list() == [3, 1]
    assert table.loc[DEFAULT, "worse"] == pytest.approx(0.1)
    assert np.isnan(table.loc[CARRIED, "worse"])
    told = list(sentences(table.reset_index()))
    assert told[0].endswith(
        "by default (.1000 to .1000 more than tuned; 1 of 4 diverged), .2500 tuned"
    )
    draw(table.reset_index(), "error rate")
