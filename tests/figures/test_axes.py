"""Axes and legends hold whatever range and name they are given."""

import pytest

from harness.figures.axes import plain_ticks
from harness.figures.style import legend_handles


@pytest.mark.parametrize(
    ("low", "high"), [(1e-15, 1e15), (1e-300, 1e300), (0.5, 2e30), (5e-324, 1.7e308)]
)
def test_a_range_of_many_decades_has_few_ticks(low, high):
    ticks = plain_ticks(low, high)
    assert 3 <= len(ticks) <= 12
    assert all(low <= tick <= high for tick in ticks)


def test_a_long_name_fits_into_the_legend():
    (handle,) = legend_handles(["an_optimizer_" * 10])
    assert len(handle.get_label()) < 40
