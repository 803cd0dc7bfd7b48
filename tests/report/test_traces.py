"""What the interactive figures are made of."""

import math

import pandas as pd

from harness.report.traces import Palette, whiskers


def test_an_infinite_interval_hides_its_own_whisker_and_no_other():
    rows = pd.DataFrame(
        {"budget_trials": [1, 2, 4], "p50": [0.5, 0.4, 0.3], "low": [0.4, 0.3, 0.2],
         "high": [0.6, math.inf, 0.4], "trusted": True}
    )  # fmt: skip
    (bars,) = whiskers(rows, ("p50", "low", "high"), "sgd", Palette(["sgd"]))
    assert bars["x"] == [1.0, 4.0]
    assert [round(value, 6) for value in bars["error_y"]["array"]] == [0.1, 0.1]
