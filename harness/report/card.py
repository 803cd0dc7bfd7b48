"""The facts of a results folder, as its card states them.

A card (``ROOT/card.md``) stands beside every committed result: the question, the protocol, what was
run on what, and what it does and does not show. The facts are written from the records, between two
marks, and refreshed by running the command again; the words around them are the authors'.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.analysis.checking import SEARCH_SPACE
from harness.analysis.names import optimizer_order
from harness.analysis.reading import TABLE, Results, of_tables, read_results, together
from harness.errors import ConfigError
from harness.records import tables
from harness.records.files import write_named
from harness.records.reading import read_records, read_studies, roots_in
from harness.records.record import Record
from harness.report import markdown
from harness.study import indices
from harness.study.result import COMPLETE, DIVERGED
from harness.study.study import Study, portable

BEGIN = "<!-- facts: written by `harness card`, do not edit -->"
BEGINS = re.compile(
    r"<!-- facts: written by `(?:harness card|python -m harness\.card)`, do not edit -->"
)
END = "<!-- end of facts -->"
AFRESH = "To train them afresh give the command a `root=` of its own, and `data.root=` where the data lie."
SKELETON = """# {name}

**Question.**

{facts}

**What it shows.**

**What it does not show.**
"""


def facts(root: Path | str, folders: Iterable[Path] = ()) -> str:
    """The facts of all studies under a results root, as Markdown; or under the roots in a folder.

    What was run, then the outcome: of each root, or of each search space that the folder's
    ``trials.csv`` labels. ``folders`` as in `markdown.outcome`.

    Raises:
        ConfigError: no records there.
    """
    by_root = {one: list(read_records(one)) for one in roots_in(root)}
    records = [record for own in by_root.values() for record in own]
    spaces = _spaces(Path(root) / TABLE, by_root)
    studies = {
        name: found.studies[name]
        for found in spaces.values()
        for name in found.trials["study"].unique()
        if name in found.studies
    }
    rows = [*_protocol(studies.values(), records), *_machine(records)]
    outcomes = [
        _titled(label, markdown.outcome(found.trials, found.studies, folders, [root]))
        for label, found in spaces.items()
    ]
    protocol = markdown.table(["fact", "value"], rows)
    return "\n".join([protocol, "", AFRESH, "", _trials(spaces), "", *outcomes])


def _spaces(table: Path, by_root: Mapping[Path, Sequence[Record]]) -> dict[str, Results]:
    """What was found on each search space or root, by its label; the only one has none."""
    if table.parent not in by_root and table.exists():
        whole = read_results(table, all_studies=True)
        if SEARCH_SPACE in whole.trials:
            return {
                str(label): whole._replace(trials=trials.reset_index(drop=True))
                for label, trials in whole.trials.groupby(SEARCH_SPACE, sort=False)
            }
    return {
        "" if root == table.parent else root.name: together(
            [of_tables(tables.of(records, read_studies(root)), root)]
        )
        for root, records in by_root.items()
    }


def _titled(label: str, text: str) -> str:
    return f"**{label}**\n\n{text}\n" if label else text


def _protocol(studies: Iterable[Study], records: Sequence[Record]) -> list[tuple[str, str]]:
    studies = list(studies)

    def common(*path: str) -> str:
        return " / ".join(_unique(_show(_at(study.config, path)) for study in studies))

    return [
        ("workload", common("workload", "name")),
        ("model", common("model")),
        ("data", " / ".join(_unique(_data(record["data"]) for record in records))),
        (
            "training steps × batch size",
            f"{common('workload', 'steps')} × {common('workload', 'batch_size')}",
        ),
        ("evaluated every", f"{common('workload', 'eval_every')} steps"),
        *_schedule(studies),
        ("precision", common("precision")),
        ("search points", f"{common('sampler', 'name')}, seed {common('seed')}"),
    ]


def _schedule(studies: Sequence[Study]) -> list[tuple[str, str]]:
    """The learning rate's, where the studies say which; its axes are in the search space."""
    nodes = [study.config["schedule"] for study in studies if study.config.get("schedule")]
    if not nodes:
        return []
    return [("schedule", " / ".join(_unique(str(node.get("name", "?")) for node in nodes)))]


def _machine(records: Sequence[Record]) -> list[tuple[str, str]]:
    runs = [record["run"] for record in records]
    hours = sum(run.get("train_seconds") or 0.0 for run in runs) / 3600
    dates = sorted(
        datetime.fromtimestamp(run["started_at"], UTC).date().isoformat()
        for run in runs
        if run.get("started_at")
    )
    versions = _unique(
        ", ".join(f"{name} {version}" for name, version in run.get("versions", {}).items())
        for run in runs
    )
    devices = _unique(f"{run.get('device', '?')} ({run.get('processor', '?')})" for run in runs)
    return [
        ("hardware", " / ".join(devices)),
        ("training time", f"{hours:.1f} worker-hours over {len(records)} trials"),
        ("date", " to ".join(_unique([dates[0], dates[-1]])) if dates else "?"),
        ("versions", " / ".join(versions)),
        ("code", ", ".join(_unique(run.get("code_version", "?") for run in runs))),
    ]


def _trials(spaces: Mapping[str, Results]) -> str:
    """A row a study: how many trials ended how, and the command that repeats them."""
    head = ["optimizer", "study", "trials", "feasible", "diverged", "failed", "to repeat it"]
    if labelled := len(spaces) > 1:
        head.insert(0, "search space")
    rows = []
    for label, found in spaces.items():
        by_study = dict(iter(found.trials.groupby(["optimizer", "study"], sort=True)))
        order = optimizer_order(optimizer for optimizer, _ in by_study)
        for optimizer, name in sorted(by_study, key=lambda key: (order.index(key[0]), key[1])):
            own = by_study[optimizer, name]
            statuses = Counter(own["status"])
            total, good, diverged = statuses.total(), statuses[COMPLETE], statuses[DIVERGED]
            words = portable(found.studies[name].overrides if name in found.studies else ())
            command = shlex.join([*words, f"trial={indices.to_text(own['trial'])}"])
            counts = [total, good, diverged, total - good - diverged]
            rows.append(
                [
                    *([label] if labelled else []),
                    optimizer,
                    f"`{name}`",
                    *map(str, counts),
                    f"`harness {command}`",
                ]
            )
    return markdown.table(head, rows)


def _at(node: Any, path: Sequence[str]) -> Any:
    for key in path:
        node = node[key]
    return node


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_show(each)}" for key, each in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def _data(description: dict[str, Any]) -> str:
    description = dict(description)
    label, digest = description.pop("label", "?"), description.pop("sha256", "?")
    return f"{label}, sha256 `{digest}` ({_show(description)})"


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def write_card(root: Path | str, folders: Iterable[Path] = ()) -> Path:
    """Write ``ROOT/card.md``, or refresh the facts of the one that is there.

    Args:
        folders: with the layout of conf/, whose files say how search spaces were found.

    Raises:
        ConfigError: no records, or a card whose marks are gone.
        SweepError: it can't be written; the one that was there is.
    """
    path = Path(root) / "card.md"
    block = f"{BEGIN}\n{facts(root, list(folders))}\n{END}"
    if not path.exists():
        text = SKELETON.format(name=Path(root).resolve().name, facts=block)
    else:
        text = path.read_text(encoding="utf-8")
        before, *rest = BEGINS.split(text, maxsplit=1)
        _, end, after = "".join(rest).partition(END)
        if not end:
            raise ConfigError(
                f"{path} has lost the marks around its facts; move it away and try again"
            )
        text = before + block + after
    write_named(path, text)
    return path
