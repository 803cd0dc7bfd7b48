"""Trial indices as text, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.study import indices


@given(st.sets(st.integers(0, 300)))
def test_as_text_and_back(trials):
    text = indices.to_text(trials)
    assert set(indices.parse(text)) == trials if trials else text == ""


@pytest.mark.parametrize(
    ("given", "trials"),
    [(7, (7,)), ("7", (7,)), ("0-3,7", (0, 1, 2, 3, 7)), (["2-3", 1, 2], (1, 2, 3)), (" 1 - 2 ", (1, 2))],
)  # fmt: skip
def test_what_are_indices(given, trials):
    assert indices.parse(given) == trials


@pytest.mark.parametrize(
    "given", ["", "3-1", "a", "1,,2", "-1", "0-99999999", 1.5, True, [[1]], {}, None]
)
def test_what_are_none(given):
    with pytest.raises(ConfigError, match="trial must be indices such as 7 or 0-3,7"):
        indices.parse(given)


def test_as_runs():
    assert indices.spans([4, 1, 2, 2, 9]) == [(1, 2), (4, 4), (9, 9)]
