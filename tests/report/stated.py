"""What a result's own tables hold, row by row, for the numbers of its prose to be found in."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.analysis import final
from harness.analysis.names import NAMES
from harness.analysis.reading import TABLE, read_results
from harness.report import card
from tests.report.prose import ONE, Stated

MOST_ROWS = 200  # of a table; in a longer one every number is found somewhere
POLICIES = ("auto", "0.5@0.2 0.5@0.4 val_error")
FIGURES = (
    "figure_1_errors",
    "figure_2_steps_to_target",
    "figure_3_4_search_spaces",
    "delays",
    "ensemble",
    "pairs",
    "points",
    "searches",
    "settings",
)
FURTHER = ("confirmed/confirmed.csv", "untuned/untuned.csv")
SHARES = re.compile(
    r"win|superiority|share|tie|probability|first|feasible|mass|no better than chance|wins"
)
SOME = r"(?:two|three|four|five|six|seven)"
ALL = re.compile(
    rf"\b(?:all|each|every|none|field|others|(?:those|other) {SOME}|{SOME} (?:of|others?|optimizers|pairs|inclusions|spaces))\b"
)
WINS = re.compile(r"^(win|superiority|feasible_share)|\| (first|general) wins \|")
WORDS = {re.compile(rf"(?<![\w-]){re.escape(shown)}(?![\w-])"): key for key, shown in NAMES.items()}


class Row(NamedTuple):
    """Numbers that stand together, the column of each, and the optimizers that they are of."""

    optimizers: frozenset[str]
    values: np.ndarray
    shares: np.ndarray  # whether each is a share: of races, of trials, of weight
    columns: tuple[str, ...]


def optimizers_in(text: str) -> frozenset[str]:
    """Those named, by the names of prose or of tables."""
    found = {key for word, key in WORDS.items() if word.search(text)}
    return frozenset(found | {key for key in NAMES if re.search(rf"\b{key}\b", text)})


def rows_for(stated: Stated, page: Path, results: Path) -> list[Row]:
    """Those that a page's sentence can be of: its own result's, and those of results that its paragraph names."""
    names = dict.fromkeys((page.parent.name, *stated.results))
    folders = [results / name for name in names if (results / name / "card.md").exists()]
    return [row for folder in folders for row in _of_result(folder)]


@functools.cache
def _of_result(folder: Path) -> tuple[Row, ...]:
    tables = [path for path in sorted(folder.glob("*.csv")) if path.name != TABLE]
    tables += [folder / name for name in FURTHER if (folder / name).exists()]
    tables += [path for name in FIGURES for path in sorted(folder.glob(f"figures/**/{name}.csv"))]
    rows = [row for path in tables for row in of_table(pd.read_csv(path))]
    text = (folder / "card.md").read_text(encoding="utf-8")
    if card.BEGIN in text:
        rows += _of_facts(text[text.index(card.BEGIN) : text.index(card.END)], folder.name)
    for table in (folder / TABLE, folder / "trials.parquet"):
        if table.exists():
            trials = read_results(table, all_studies=True).trials
            for _, own in trials.groupby("study"):
                rows += of_table(final.final(own.reset_index(drop=True)))
    return tuple(rows)


def found(stated: Stated, rows: Iterable[Row]) -> bool:
    """Whether the numbers stand in the tables, as far as they are written: in one row, or in one column.

    The rows are of no optimizers but those that the sentence or the one before names; of any where it names
    none, or speaks of all. A percentage without decimals is a share, never an error.
    """
    named = optimizers_in(f"{stated.before} {stated.sentence}")
    of_any = not named or ALL.search(stated.sentence) is not None
    columns: dict[str, set[int]] = {}
    for row in rows:
        if not (of_any or row.optimizers <= named):
            continue
        hits = []
        for text, value, within in zip(stated.texts, stated.values, stated.within, strict=True):
            near = np.abs(row.values - value) <= within * 1.0001
            hits.append(near & row.shares if "%" in text and "." not in text else near)
        if all(hit.any() for hit in hits):
            return True
        for place, hit in enumerate(hits):
            for at in np.flatnonzero(hit):
                columns.setdefault(row.columns[at], set()).add(place)
    return any(len(held) == len(stated.texts) for held in columns.values())


def of_table(frame: pd.DataFrame) -> Iterator[Row]:
    """Of a short table."""
    if "policy" in frame:  # of results/pruning: those that its card speaks of
        frame = frame[frame["policy"].isin(POLICIES)]
    if len(frame) > MOST_ROWS:
        return
    numeric = frame.select_dtypes("number")
    wins = [column for column in numeric if WINS.search(str(column))]
    names = [column for column in frame if column in ("optimizer", "a", "b", "special", "general")]
    both = [str(each) for each in (*numeric.columns, *wins)]
    columns = tuple(each.removesuffix("_low").removesuffix("_high") for each in both)
    shares = np.array([bool(SHARES.search(each)) for each in both])
    for place in range(len(frame)):
        values = numeric.iloc[place].to_numpy(float)
        turned = 1 - numeric[wins].iloc[place].to_numpy(float)
        of = frozenset(str(frame[column].iloc[place]) for column in names)
        yield Row(of, np.concatenate([values, turned]), shares, columns)


def _of_facts(text: str, name: str) -> Iterator[Row]:
    """A row of a Markdown table, or a sentence between them."""
    header: list[str] = []
    for line in text.splitlines():
        cells = re.sub(r"`[^`]*`", "", line).split("|")
        if not line.startswith("|"):
            header = []
        elif not header:
            header = cells
            continue
        table = "|".join(header)
        found = []
        for place, cell in enumerate(cells):
            head = header[place] if header else "a sentence's share"
            for match in ONE.finditer(cell):
                percent = cell[match.end() :].startswith("%")
                value = float(match[0].replace(",", "")) * (0.01 if percent else 1.0)
                share = (percent and bool(SHARES.search(head))) or "excluded" in head
                both = [value, 1 - value] if percent and WINS.search(table) else [value]
                found += [(each, share, f"{name}: {table}/{place}") for each in both]
        if found:
            values, shares, columns = zip(*found, strict=True)
            yield Row(optimizers_in(line), np.array(values), np.array(shares), columns)
