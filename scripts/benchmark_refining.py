"""Does a narrowed space hold more good trials? Measured on committed tables, nothing trained.

Of each study some trials are drawn, at most 64 and four fifths of them, the space is narrowed by these alone,
and the others, held out, are counted: how many lie in the narrowed space, and how many of the good
ones do. A trial is good when its validation error is within 10 % of the study's best one ("within 10 %"),
or among its best tenth ("tenth"); diverged trials count, as bad ones.

    inside    the share of held-out trials that lie in the narrowed space
    held      the share of the good held-out ones that do
    gain      held / inside: the share of good trials in the narrowed space over that in the whole one
    after     the share of the held-out trials in the narrowed space that are good

What of a narrowed space lies outside the old one has no trials and is not judged. `refine` narrows every
optimizer's space by itself; `stages` those of a table of effective learning rates together, as `harness
stages` does, with what the inclusions need.

    python scripts/benchmark_refining.py [--draws 10] [--out results/refining] [TABLE …]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.counting import finished, values
from harness.analysis.reading import Results, read_results
from harness.analysis.refining import RULES, refine
from harness.analysis.stages import second_stage
from harness.errors import ConfigError
from harness.figures import refining as figure
from harness.figures import style
from harness.study.inclusions import EDGES, gaps
from harness.study.parametrisation import EFFECTIVE_LR, SCHEDULE_AXES
from harness.study.space import Choices, Range, Space

FIRST, PAPERS, LATER = "first stages", "ranges of papers", "narrowed before"
STAGES = "narrowed by stages"
TABLES = {
    "digits_broad": FIRST, "python_docs_stages": FIRST, "digits_stages": FIRST,
    "war_and_peace_broad": FIRST, "cifar10_broad": FIRST,
    "modern_digits": PAPERS,
    "war_and_peace": LATER, "digits": LATER, "demo": LATER, "inclusion_quadratic": LATER,
    "inclusion_war_and_peace": STAGES, "inclusion_cifar10": STAGES, "inclusion_fashion_mnist_narrow": STAGES,
}  # fmt: skip
MOST_FITTED, FITTED = 64, 0.8
WITHIN, BEST = 1.1, 0.1
GOODS = ("within", "tenth")
TARGET = 3.0


def tables(folder: Path, names: list[str]) -> Iterator[tuple[str, Results]]:
    """Each table without what a first stage was narrowed to, and without the studies of `demo` elsewhere."""
    demo = {path.name for path in (folder / "demo").glob("*/*/*")}
    for name in names:
        seen = demo if name != "demo" else set()
        kept = folder / name / "trials.csv"
        found = read_results(kept if kept.exists() else folder / name, all_studies=True)
        later = {path.name for path in (folder / name).glob("held_out/*/*/*")}
        trials = finished(found.trials)
        trials = trials[~trials["study"].isin(seen | later)].reset_index(drop=True)
        yield name, found._replace(trials=trials)


def good(errors: np.ndarray) -> dict[str, np.ndarray]:
    """Of each definition, which trials are: ``[trials]``."""
    tenth = np.sort(errors)[max(1, round(BEST * len(errors))) - 1]
    return {"within": errors <= WITHIN * errors.min() * (1 + 1e-9), "tenth": errors <= tenth}


def inside(rows: pd.DataFrame, space: Space) -> np.ndarray:
    """Which trials lie in it: ``[trials]``."""
    found = np.ones(len(rows), dtype=bool)
    for name, axis in space.items():
        column = rows[f"hp.{name}"] if axis.searched else None
        if isinstance(axis, Range):
            found &= column.between(axis.low * (1 - 1e-9), axis.high * (1 + 1e-9)).to_numpy()
        elif isinstance(axis, Choices):
            given = column.to_numpy()[:, None]
            equal = given == axis.choices if axis.of_words else np.isclose(given, axis.choices)
            found &= equal.any(axis=1)
    return found


def drawn(trials: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Which trials are fitted."""
    order = pd.Series(rng.random(len(trials)), trials.index).groupby(trials["study"])
    size = trials.groupby("study")["trial"].transform("size")
    return order.rank() <= (FITTED * size).round().clip(upper=MOST_FITTED)


def narrowed(
    found: Results, fitted: pd.Series, rule: str
) -> Iterator[tuple[str, str, Space, bool]]:
    """way, optimizer, narrowed space, whether no inclusion that was held is lost."""
    part = found.trials[fitted]
    workload = part["workload"].iloc[0]
    for optimizer in part["optimizer"].unique():
        try:
            one = refine(part, found.studies, workload, optimizer, rule=rule)
        except ConfigError:  # too few feasible
            continue
        lost = any("no longer covered" in line for line in one.warnings)
        yield "refine", optimizer, one.space, not lost
    spaces = {
        optimizer: found.studies[rows["study"].iloc[0]].space
        for optimizer, rows in part.groupby("optimizer", sort=False)
    }
    if len(spaces) > 1 and all(EFFECTIVE_LR in space for space in spaces.values()):
        axes = {
            optimizer: [name for name in space if name not in SCHEDULE_AXES]
            for optimizer, space in spaces.items()
        }
        stages = second_stage(part, found.studies, axes, rule=rule)
        new = {each.optimizer: each.space for each in stages}
        for optimizer, space in new.items():
            lacking = [
                gap
                for edge in EDGES
                if edge.general == optimizer and edge.special in new
                for gap in gaps(edge, new[edge.special], space)
            ]
            yield "stages", optimizer, space, not lacking


def measure(folder: Path, draws: int, names: list[str]) -> pd.DataFrame:
    """A row a table, optimizer, way and rule."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for table, found in tables(folder, names):
        rng = np.random.default_rng(0)
        for fitted in [drawn(found.trials, rng) for _ in range(draws)]:
            for rule in RULES:
                for way, optimizer, space, covered in narrowed(found, fitted, rule):
                    own = found.trials["optimizer"] == optimizer
                    row = rows.setdefault((table, optimizer, way, rule), {})
                    count(row, found.trials[own], ~fitted[own].to_numpy(), space, covered)
        print(table, flush=True)
    return pd.DataFrame([_row(key, row) for key, row in rows.items()])


def count(
    row: dict[str, Any], own: pd.DataFrame, out: np.ndarray, space: Space, covered: bool
) -> None:
    """Add one draw to a row's counts."""
    lies = inside(own, space)
    row["trials"] = len(own)
    row["draws"] = row.get("draws", 0) + 1
    row["covered"] = row.get("covered", 0) + covered
    row["out"] = row.get("out", 0) + out.sum()
    row["inside"] = row.get("inside", 0) + (out & lies).sum()
    for name, which in good(values(own, "val_error")).items():
        row[f"{name}_share"] = which.mean()
        row[f"{name}_out"] = row.get(f"{name}_out", 0) + (which & out).sum()
        row[f"{name}_inside"] = row.get(f"{name}_inside", 0) + (which & out & lies).sum()


def _row(key: tuple[str, ...], row: Mapping[str, Any]) -> dict[str, Any]:
    table, optimizer, way, rule = key
    known = {"table": table, "group": TABLES.get(table, FIRST), "optimizer": optimizer, "way": way}
    share = row["inside"] / row["out"]
    found = {"rule": rule, "trials": row["trials"], "inside": share}
    for name in GOODS:
        held = row[f"{name}_inside"] / row[f"{name}_out"] if row[f"{name}_out"] else np.nan
        found[f"{name}_share"] = row[f"{name}_share"]
        found[f"{name}_held"], found[f"{name}_gain"] = held, held / share if share else np.nan
        found[f"{name}_after"] = row[f"{name}_inside"] / row["inside"] if row["inside"] else np.nan
    return known | found | {"inclusions_held": row["covered"] / row["draws"]}


def summary(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Over pairs: the mean share inside, held, the gain of these means, the median and how many reach the target."""
    rows = []
    for key, own in frame.groupby(by, sort=False):
        row = dict(zip(by, key, strict=True)) | {"pairs": len(own), "inside": own["inside"].mean()}
        for name in GOODS:
            judged = own[own[f"{name}_held"].notna()]  # of some no good trial was held out
            row[f"{name}_held"] = judged[f"{name}_held"].mean()
            row[f"{name}_gain"] = row[f"{name}_held"] / judged["inside"].mean()
            row[f"{name}_gain_median"] = own[f"{name}_gain"].median()
            row[f"{name}_reach_target"] = int((own[f"{name}_gain"] >= TARGET).sum())
        row["base_over_a_third"] = int((own["within_share"] > 1 / TARGET).sum())
        rows.append(row | {"inclusions_held": own["inclusions_held"].mean()})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("tables", nargs="*", metavar="TABLE", help="folders of --results; all of them")
    add("--draws", type=int, default=10, help="splits of each table (10)")
    add("--results", type=Path, default=Path("results"), help="committed tables")
    add("--out", type=Path, default=Path("results/refining"), help="folder written into")
    given = parser.parse_args()
    frame = measure(given.results, given.draws, given.tables or [*TABLES])
    (given.out / "figures").mkdir(parents=True, exist_ok=True)
    frame.round(3).to_csv(given.out / "pairs.csv", index=False)
    told = {
        "groups": summary(frame, ["group", "way", "rule"]),
        "tables": summary(frame, ["table", "way", "rule"]),
    }
    for name, table in told.items():
        table.round(3).to_csv(given.out / f"{name}.csv", index=False)
        print(table.round(2).to_string(index=False))
    with style.settings():
        figure.draw(frame, TARGET).savefig(given.out / "figures" / "refining.png", dpi=90)


if __name__ == "__main__":
    main()
