import gzip
import importlib.machinery
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from workloads.data import digits
from workloads.task import DataError


def test_they_are_what_scikit_learn_itself_reads():
    pixels, labels = load_digits(return_X_y=True)
    found = digits.read()
    assert np.array_equal(np.frombuffer(found.pixels, np.uint8).reshape(-1, 64), pixels)
    assert np.array_equal(np.frombuffer(found.labels, np.uint8), labels)


def test_studies_so_far_have_this_digest():
    assert digits.read().sha256.startswith("87ff0c9e40dc7e2c")


@pytest.mark.parametrize(
    "content", [None, b"no gzip", gzip.compress(b"1,2,x\n", mtime=0), "truncated"]
)
def test_a_missing_or_damaged_file_is_named(tmp_path, monkeypatch, content):
    path = tmp_path / "sklearn" / digits.FILE
    path.parent.mkdir(parents=True)
    if content == "truncated":
        content = gzip.compress(bytes(1000))[:-10]
    if content is not None:
        path.write_bytes(content)
    package = importlib.machinery.ModuleSpec(
        "sklearn", None, origin=str(Path(tmp_path, "sklearn", "__init__.py"))
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: package)
    with pytest.raises(DataError, match=rf"{path} cannot be read \(.*\): install scikit-learn"):
        digits.read()


def test_without_scikit_learn_it_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"^scikit-learn, .* is not installed: install"):
        digits.read()
