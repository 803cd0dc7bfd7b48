"""What every test shares: a process left as it was found, and markers that a folder stands for."""

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tests run on all cores at once

FOLDERS = {"faults": "fault", "slurm": "slurm", "report/test_in_browser.py": "browser"}


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items):
    """The marker of a test's folder.

    Those of the marked folders watch the clock, signals and each other's processes, and their files have
    sweeps in common: a file is run in one process, and so is all of Slurm, which begins, as it takes longest.
    """
    here = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(here).as_posix()
        for start, marker in FOLDERS.items():
            if path.startswith(start):
                item.add_marker(marker)
                item.add_marker(pytest.mark.xdist_group(marker if marker == "slurm" else path))
    items.sort(key=lambda item: item.get_closest_marker("slurm") is None)


@pytest.fixture(autouse=True)
def subnormal_numbers():
    """A trial trained in this process flushes subnormal numbers to zero; other tests need them."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
