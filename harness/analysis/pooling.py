"""One study (search space and settings) per optimizer and workload: chosen, pooled, or refused.

Studies that differ in their seeds alone are independent draws of the same space (scrambles of its
Halton sequence), and may be merged; the table then says so in the column ``pool``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from harness.analysis.checking import TableError
from harness.analysis.names import optimizer_order
from harness.study.study import NOT_OF_THE_STUDY, OPTIONAL_KEYS, Study

Studies = Mapping[str, Study]
"""Resolved studies by their fingerprint."""

SEEDS = ("seed", "sampler.seed")
WORKLOAD_SETTINGS = ("workload", "model", "data", "data_sha256", "precision", "stopping")


class SeveralStudies(TableError):
    """A workload and optimizer have several studies, and nothing says which is meant.

    ``pair`` and ``names``, the fingerprints, are there for who can tell more of them.
    """

    def __init__(self, pair: str, names: Sequence[str], difference: str | None):
        self.pair, self.names = pair, tuple(names)
        differing = f" that differ in {difference}" if difference else ""
        self.opening = f"{pair} has {len(names)} studies{differing}"
        super().__init__(self.told([name or "(none)" for name in names]))

    def told(self, studies: Sequence[str]) -> str:
        """The whole line, with these words for the studies."""
        return (
            f"{self.opening}: {', '.join(studies)}; choose one with study=FINGERPRINT, or pool those"
            " that differ in their seed alone with pool=true"
        )


class Group(NamedTuple):
    """The trials of one optimizer on one workload."""

    workload: str
    optimizer: str
    trials: pd.DataFrame


def groups(trials: pd.DataFrame) -> Iterator[Group]:
    """The trials of each workload and optimizer: workloads as they come, optimizers in their order.

    Raises:
        TableError: a pair has several studies that `select_studies` has not pooled; they would be
            mixed silently.
    """
    pairs = dict(iter(trials.groupby(["workload", "optimizer"], sort=False)))
    workloads = dict.fromkeys(workload for workload, _ in pairs)
    optimizers = optimizer_order(optimizer for _, optimizer in pairs)
    for workload, optimizer in itertools.product(workloads, optimizers):
        if (workload, optimizer) not in pairs:
            continue
        rows = pairs[workload, optimizer]
        names = sorted(rows["study"].unique())
        if len(names) > 1 and not ("pool" in rows and (rows["pool"] != "").all()):
            raise SeveralStudies(f"{workload}/{optimizer}", names, None)
        yield Group(workload, optimizer, rows)


def select_studies(
    trials: pd.DataFrame,
    study: str | Sequence[str] | None = None,
    *,
    studies: Studies | None = None,
    pool: bool = False,
) -> pd.DataFrame:
    """The trials to compare, of one study per workload and optimizer.

    Args:
        trials: a checked table.
        study: fingerprints, or beginnings of them, to keep where an optimizer has several studies
            on a workload; a pair that none of them belongs to keeps all it has.
        studies: the resolved settings, to say what differs, and to hold optimizers of a workload to
            the same workload settings.
        pool: merge studies that differ in their seeds alone (independent scrambles, or
            ``sampler.seed``), in a new column ``pool``; other columns stay, so a trial can still
            be found. Without ``studies`` this is taken on trust.

    Raises:
        TableError: an optimizer has several studies on a workload and neither argument settles
            which; a fingerprint that matches nothing; pooled studies that differ in more than
            seeds; optimizers of a workload with different workload settings.
    """
    if study is not None:
        trials = _keep(trials, [study] if isinstance(study, str) else list(study))
    settings = {name: _settings(each) for name, each in (studies or {}).items()}
    pooled = trials.assign(pool="") if pool else trials
    for (workload, optimizer), rows in trials.groupby(["workload", "optimizer"], sort=False):
        names = sorted(rows["study"].unique())
        if len(names) == 1:
            continue
        difference = _difference(names, settings, ignore=SEEDS if pool else ())
        if difference or not pool:
            raise SeveralStudies(f"{workload}/{optimizer}", names, difference)
        pooled.loc[rows.index, "pool"] = "+".join(names)
    check_same_workload(trials, studies or {})
    return pooled


def check_same_workload(trials: pd.DataFrame, studies: Studies) -> None:
    """That all trials of a workload have the same batch size, steps, model, data and precision.

    Raises:
        TableError: they do not, so their errors are not comparable.
    """
    for workload, rows in trials.groupby("workload", sort=False):
        names = [name for name in dict.fromkeys(rows["study"]) if name in studies]
        settings = {
            name: {key: node for key, node in _settings(studies[name]).items() if key in WORKLOAD_SETTINGS}
            for name in names
        }  # fmt: skip
        difference = _difference(names, settings)
        if difference:
            raise TableError(
                f"workload {workload} was run with different settings, {difference}, by the studies"
                f" {', '.join(names)}; compare like with like: choose with study=FINGERPRINT"
            )


def _keep(trials: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    matches = trials["study"].str.startswith(tuple(wanted))
    known = list(dict.fromkeys(trials["study"]))
    for name in wanted:
        if not name or not any(fingerprint.startswith(name) for fingerprint in known):
            raise TableError(f"study {name!r} is not in the table, which holds: {', '.join(known)}")
    chosen = matches.groupby([trials["workload"], trials["optimizer"]]).transform("any")
    return trials[matches | ~chosen].reset_index(drop=True)


def _settings(study: Study) -> dict[str, Any]:
    """Its configuration; what it does not use as nothing set, which another's use differs from."""
    return {**{key: {} for key in OPTIONAL_KEYS}, **study.config}


def _difference(
    names: Sequence[str], settings: Mapping[str, Mapping[str, Any]], ignore: Sequence[str] = ()
) -> str | None:
    """The first setting in which studies differ, as ``search_space.lr.high (1, 10)``; None if none.

    A node that one of them lacks altogether (``schedule``, of a study from before there were several)
    says nothing.
    """
    known = [settings[name] for name in names if name in settings]
    for one, other in itertools.pairwise(known):
        both = one.keys() & other.keys()
        here, there = (_flat({key: study[key] for key in both}) for study in (one, other))
        for key in sorted(here.keys() | there.keys()):
            if key not in (*ignore, *NOT_OF_THE_STUDY) and here.get(key) != there.get(key):
                return f"{key} ({here.get(key, 'absent')}, {there.get(key, 'absent')})"
    return None


def _flat(node: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(node, Mapping):
        return {prefix: node}
    inner = (_flat(value, f"{prefix}.{key}" if prefix else str(key)) for key, value in node.items())
    return {name: value for flat in inner for name, value in flat.items()}
