"""A results folder and all that repeats it as one zip file: the same contents give the same bytes."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.records.files import write_whole
from harness.records.reading import record_paths, study_paths

SUMS = "SHA256SUMS"
KEPT = ("study.json", "resuming.json", "trials-*.parquet", "requests/*.json", "rungs/*.json")
"""Of a study's folder, beside its records; claims, logs and checkpoints are of the machine it ran on."""
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first that a zip file knows


def study_files(root: Path | str) -> Iterator[tuple[str, Path]]:
    """The files of a results root that a bundle holds, by where they lie under it."""
    for study in study_paths(root):
        paths = [*record_paths(study), *(path for name in KEPT for path in study.glob(name))]
        for path in sorted(paths):
            yield path.relative_to(root).as_posix(), path


def write(path: Path, contents: Mapping[str, bytes | Path]) -> dict[str, str]:
    """Write the zip whole or not at all, with the checksums of all in it, which are returned by name.

    Args:
        contents: by name within the file's own folder, which has the file's name.

    Raises:
        SweepError: it can't be written.
    """
    digests: dict[str, str] = {}

    def fill(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, content in sorted(contents.items()):
                data = content.read_bytes() if isinstance(content, Path) else content
                digests[name] = hashlib.sha256(data).hexdigest()
                _add(zipped, f"{path.stem}/{name}", data)
            sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
            _add(zipped, f"{path.stem}/{SUMS}", sums.encode())

    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, fill)
    return digests


def _add(zipped: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    zipped.writestr(entry, data)
