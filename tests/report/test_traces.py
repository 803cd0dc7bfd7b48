"""What the interactive figures are made of."""

import math

import pandas as pd
from plotly.validator_cache import ValidatorCache

from harness.figures import style
from harness.report.traces import SYMBOLS, Palette, whiskers


def test_an_infinite_interval_hides_its_own_whisker_and_no_other():
    rows = pd.DataFrame(
        {"budget_trials": [1, 2, 4], "p50": [0.5, 0.4, 0.3], "low": [0.4, 0.3, 0.2],
         "high": [0.6, math.inf, 0.4], "trusted": True}
    )  # fmt: skip
    (bars,) = whiskers(rows, ("p50", "low", "high"), "sgd", Palette(["sgd"]))
    assert bars["x"] == [1.0, 4.0]
    assert [round(value, 6) for value in bars["error_y"]["array"]] == [0.1, 0.1]


def test_every_look_has_a_symbol():
    looks = [*style.LOOKS.values(), *style.OTHERS]
    assert {look.marker for look in looks} <= set(SYMBOLS)
    known = ValidatorCache.get_validator("scatter.marker", "symbol").values
    assert set(SYMBOLS.values()) <= set(known)
