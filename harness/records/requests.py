"""Which trials of a study were ever asked for: one small file a request, in the study's folder.

A request does not change a trial, so it is no part of the study. Each has a name of its own: any
number of commands may note theirs at once.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from harness.records.files import write_json
from harness.records.folder import StudyFolder
from harness.records.reading import DamagedRecord, Problem
from harness.study import indices
from harness.study.request import Request


class Feasible(NamedTuple):
    """As many trials as give ``num_feasible`` feasible ones, from ``first_trial``."""

    first_trial: int
    num_feasible: int
    max_trials: int | None


class Asked(NamedTuple):
    """All requests of a study together."""

    trials: frozenset[int] = frozenset()
    feasible: tuple[Feasible, ...] = ()


def note(folder: StudyFolder, request: Request) -> None:
    """Write the request down, unless those before it cover it."""
    before = read(folder.path)
    if request.num_feasible is not None:
        wanted = Feasible(request.first_trial, request.num_feasible, request.max_trials)
        if wanted in before.feasible:
            return
        node: dict[str, Any] = wanted._asdict()
    else:
        if before.trials.issuperset(request.indices):
            return
        node = {"trials": indices.to_text(request.indices)}
    name = hashlib.sha256(json.dumps(node, sort_keys=True).encode()).hexdigest()[:12]
    write_json(folder.requests / f"{name}.json", node)


def read(study_path: Path) -> Asked:
    """The requests noted in a study's folder.

    Raises:
        DamagedRecord: some of them cannot be read.
    """
    trials: set[int] = set()
    feasible: list[Feasible] = []
    problems = []
    for path in sorted((study_path / "requests").glob("*.json")):
        try:
            node = json.loads(path.read_text(encoding="utf-8"))
            if "trials" in node:
                trials.update(indices.parse(node["trials"]))
            else:
                feasible.append(_checked(Feasible(**node)))
        except (ValueError, TypeError, OSError, RecursionError) as error:
            problems.append(Problem(path, f"is no request ({error})"))
    if problems:
        raise DamagedRecord(problems)
    return Asked(frozenset(trials), tuple(feasible))


def _checked(wanted: Feasible) -> Feasible:
    for value in wanted:
        if not (value is None or type(value) is int):
            raise ValueError(f"{value!r} is not a whole number")
    return wanted
