"""One report of made-up results, for all tests that only look at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis import results
from harness.report import comparison as report
from tests.figures import made_up


@pytest.fixture(scope="session")
def made_up_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """trials.csv with its curves and studies beside it."""
    folder = tmp_path_factory.mktemp("made_up")
    results.save(made_up.results(), folder)
    return folder / "trials.csv"


@pytest.fixture(scope="session")
def written(made_up_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of its report."""
    out = tmp_path_factory.mktemp("report")
    assert report.main([str(made_up_table), "--out", str(out)]) == 0
    return out
