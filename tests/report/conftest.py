"""One report of made-up results, for all tests that only look at it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.analysis.reading import save_results
from harness.report.writing import write_report
from tests.analysis import made_up
from tests.analysis.conftest import mnli  # noqa: F401  (a fixture)


@pytest.fixture(scope="session")
def made_up_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """trials.csv with its curves and studies beside it."""
    folder = tmp_path_factory.mktemp("made_up")
    save_results(made_up.results(), folder)
    return folder / "trials.csv"


@pytest.fixture(scope="session")
def written(made_up_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of its report."""
    out = tmp_path_factory.mktemp("report")
    write_report(made_up_table, out)
    return out


def data_of(page: str) -> dict[str, Any]:
    """The data block of a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found.group(1))
