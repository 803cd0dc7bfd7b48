"""Which of several studies is meant? Each is told by its date, and by whether its files are as they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.analysis.pooling import SeveralStudies
    from harness.analysis.reading import Results


def read(sources: Sequence[str | Path], *, study: Sequence[str] | None, pool: bool) -> Results:
    """One study of every workload and optimizer.

    Raises:
        SeveralStudies: as `told_apart` has it.
        ConfigError: as `harness.analysis.reading.read_results`.
    """
    from harness.analysis.pooling import SeveralStudies
    from harness.analysis.reading import read_results

    try:
        return read_results(sources, study=study, pool=pool)
    except SeveralStudies as error:
        raise told_apart(error, sources) from None


def told_apart(error: SeveralStudies, sources: Sequence[str | Path]) -> SeveralStudies:
    """The error with what tells its studies apart, as far as the sources are results folders."""
    known = dict(_folders(error.names, sources))
    words = [
        f"{name} ({', '.join(_facts(known[name]))})" if name in known else name or "(none)"
        for name in error.names
    ]
    error.args = (error.told(words),)
    return error


def _folders(names: Sequence[str], sources: Sequence[str | Path]) -> Iterator[tuple[str, Path]]:
    from harness.records.reading import study_paths

    for source in sources:
        if Path(source).is_dir():
            yield from ((path.name, path) for path in study_paths(source) if path.name in names)


def _facts(path: Path) -> list[str]:
    """Of a study's folder: when it was run, how many trials it has, whether it would be the same today."""
    from harness.records.reading import read_study, scan

    records, _ = scan(path)
    started = [
        record["run"]["started_at"] for record in records.values() if "started_at" in record["run"]
    ]
    dates = [f"{datetime.fromtimestamp(min(started), UTC):%Y-%m-%d %H:%M} UTC"] if started else []
    same = _as_today(read_study(path), path.name)
    agreement = {True: "matches the current files", False: "its files were edited since", None: ""}
    count = f"{len(records)} trial{'' if len(records) == 1 else 's'}"
    return [*dates, count, *filter(None, [agreement[same]])]


def _as_today(node: dict[str, Any], fingerprint: str) -> bool | None:
    """Whether its command would give the same study with the files as they are; None if that is unknown."""
    from harness.config import build
    from harness.config.compose import compose
    from harness.study.study import portable

    words = portable(node["overrides"])  # with --config-dir, where one was given
    try:
        composed = compose([*words, "hydra.mode=RUN"])
        today = build.of_node(build.study_node(composed[0][0]), node.get("data_sha256"))
    except Exception:  # whatever composing the words of another day raises
        return None
    return today.fingerprint == fingerprint
