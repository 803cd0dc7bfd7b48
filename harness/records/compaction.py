"""Many records in one Parquet file, each as the same JSON text; both read alike."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from harness.records import headlines
from harness.records.files import write_whole
from harness.records.folder import StudyFolder
from harness.records.headlines import Headline
from harness.records.reading import compacted_name, read_record, record_paths, trusted
from harness.records.record import Record, to_text
from harness.study.result import FINISHED, PRUNED

COMPACT_FROM = 1000  # record files; fewer load in under a second and are easier to look into
TOGETHER_FROM = 64  # records that come at once: a file each takes 7 ms, of which most is fsync


def compact(study_path: Path, at_least: int = 1) -> Path | None:
    """Move a study's results into one Parquet file (`headlines.COLUMNS`, the record's JSON text).

    Safe beside writers, readers and other compactions: the new file has a name of its own, nothing
    is replaced, and only files whose text is in it are removed. Failed trials keep their files, as
    they are run again. None where there are fewer than ``at_least`` to move.

    Raises:
        DamagedRecord: a record that cannot be trusted; nothing has been moved then.
        SweepError: the folder can't be written.
    """
    paths = record_paths(study_path)
    if len(paths) < at_least:
        return None
    texts: dict[Path, str] = {}
    told: list[Headline] = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            record = trusted(read_record, path)
            if record["status"] in (*FINISHED, PRUNED):
                told.append(headlines.of(record))
                texts[path] = path.read_text(encoding="utf-8")
    if not texts:
        return None
    target = _write_table(study_path, [int(path.stem) for path in texts], told, [*texts.values()])
    for path, text in texts.items():
        with contextlib.suppress(FileNotFoundError):
            if path.read_text(encoding="utf-8") == text:  # not a re-run's newer record
                path.unlink()
    return target


def write_together(folder: StudyFolder, records: Sequence[Record]) -> None:
    """Put the results of some trials in place, many of them as one file; whole or not at all.

    Raises:
        SweepError: the disk is full, or the folder can no longer be written.
    """
    if len(records) < TOGETHER_FROM:
        for record in records:
            folder.write(record)
        return
    told = [headlines.of(record) for record in records]
    trials = [record["trial"] for record in records]
    _write_table(folder.path, trials, told, [to_text(record) for record in records])
    for trial in trials:  # a failure that was run again
        folder.record_path(trial).unlink(missing_ok=True)


def _write_table(
    study_path: Path, trials: list[int], told: Sequence[Headline], texts: list[str]
) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = study_path / compacted_name(texts)
    columns = {
        "trial": trials,
        "status": [each.status for each in told],
        "steps": [each.steps for each in told],
        "ended_at": [each.ended_at for each in told],
        "record": texts,
    }

    def fill(temporary: Path) -> None:
        with open(temporary, "wb") as file:  # pyarrow opens no path that is not UTF-8
            pq.write_table(pa.table(columns), file, compression="zstd")

    write_whole(target, fill)
    return target
