"""What every test shares: a process left as it was found."""

import sys

import pytest


@pytest.fixture(autouse=True)
def subnormal_numbers():
    """A trial trained in this process flushes subnormal numbers to zero; other tests need them."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
