"""Seeds apart from search, on made-up numbers."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.checking import check
from harness.analysis.confirming import confirmed, selected


def table(val, test, optimizer="sgd", study="s"):
    rows = {"workload": "w", "optimizer": optimizer, "study": study, "trial": range(len(val)),
            "status": "complete", "val_error": val, "test_error": test}  # fmt: skip
    return check(pd.DataFrame(rows))


def test_the_selected_trial_is_the_lowest_and_the_first_of_equals():
    found = selected(table([0.3, 0.1, 0.1], [0.3, 0.2, 0.1]))
    assert found["trial"].tolist() == [1]


def test_interval_of_the_mean_over_seeds():
    """t(9) at .975 is 2.262."""
    seeds = np.arange(10) / 100
    row = confirmed(table([0.3, 0.2], [0.3, 0.2]), table(seeds, seeds + 0.1, study="r")).iloc[0]
    assert row["test_mean"] == pytest.approx(0.145)
    half = 2.262 * np.std(seeds, ddof=1) / 10**0.5
    assert row["test_low"] == pytest.approx(0.145 - half, rel=1e-3)
    assert row["selected_val"] == 0.2


@pytest.mark.parametrize(("of_search", "of_seeds"), [(0.03, 0.01), (0.0, 0.02), (0.02, 0.02)])
def test_the_split_finds_the_variances_that_made_the_numbers(of_search, of_seeds):
    """Validation errors say nothing of the test here, so that any configuration is selected alike."""
    random = np.random.default_rng(0)
    configurations = random.normal(0.3, of_search, 4000) if of_search else np.full(4000, 0.3)
    searched = table(random.random(4000), configurations + random.normal(0, of_seeds, 4000))
    row = confirmed(searched, table(random.random(400), random.normal(0.3, of_seeds, 400))).iloc[0]
    share = of_search**2 / (of_search**2 + of_seeds**2)
    assert row["search_share"] == pytest.approx(share, abs=0.15)
    assert row["seed_sd"] == pytest.approx(of_seeds, rel=0.1)


def test_seeds_that_diverge_are_counted():
    seeds = table([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
    seeds.loc[2, ["status", "val_error", "test_error"]] = ["diverged", np.nan, np.nan]
    row = confirmed(table([0.3, 0.2], [0.3, 0.2]), check(seeds)).iloc[0]
    assert (row["seeds"], row["diverged"]) == (2, 1)
