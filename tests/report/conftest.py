"""One report of made-up results, for all tests that only look at it."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

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


class Written(NamedTuple):
    """A report: its folder, the paths it gave, what it printed."""

    folder: Path
    paths: list[Path]
    printed: str


@pytest.fixture(scope="session")
def whole(made_up_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Its report."""
    out = tmp_path_factory.mktemp("report")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        paths = write_report(made_up_table, out)
    return Written(out, paths, printed.getvalue())


@pytest.fixture(scope="session")
def written(whole: Written) -> Path:
    """The folder of its report."""
    return whole.folder


def data_of(page: str) -> dict[str, Any]:
    """The data block of a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found.group(1))
