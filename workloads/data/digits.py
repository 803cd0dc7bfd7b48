"""scikit-learn's handwritten digits, read from its file: `sklearn.datasets` takes 1.3 s to import."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import zlib
from pathlib import Path
from typing import NamedTuple

from workloads.task import DataError

FILE = "datasets/data/digits.csv.gz"  # of 1,797 rows: 64 pixels and the label, as decimal numbers
REMEDY = "install scikit-learn again (pip install --force-reinstall scikit-learn)"


class Digits(NamedTuple):
    """pixels: [1797 · 8 · 8], whole numbers 0..16; labels: [1797], 0..9; one byte each."""

    pixels: bytes
    labels: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.pixels + self.labels).hexdigest()


def read() -> Digits:
    """What `sklearn.datasets.load_digits` reads.

    Raises:
        DataError: when scikit-learn or its file is missing or damaged.
    """
    package = importlib.util.find_spec("sklearn")  # found, not imported
    if package is None or package.origin is None:
        raise DataError(f"scikit-learn, which brings the digits, is not installed: {REMEDY}")
    path = Path(package.origin).parent / FILE
    try:
        with gzip.open(path, "rt", encoding="ascii") as file:
            rows = [bytes(int(float(number)) for number in line.split(",")) for line in file]
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}): {REMEDY}") from error
    return Digits(b"".join(row[:-1] for row in rows), b"".join(row[-1:] for row in rows))
