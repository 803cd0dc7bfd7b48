"""``python -m harness.refine ROOT workload=… optimizer=…``: the search space of the next stage.

The paper's coarse-to-fine step: broad first spaces, then a final one narrowed around the good region,
with the optimum away from the borders. Writes a file for conf/search_space/ with its evidence in a
comment. The rule is that of `harness.analysis.borders`: an end with much of the selected trials' weight
moves out, the others move in to where the selected trials are. Choices that hardly any selected trial
made (less than a quarter of an even share) go; constants stay. Where the new range no longer holds
the image of an optimizer that this one includes, the file and standard error say so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis import best_of_k, borders, table
from harness.errors import ConfigError
from harness.study.inclusions import EDGES, gaps
from harness.study.space import parse

LEAST_TRIALS = 20  # K = N/10 = 2: fewer say nothing of where good trials lie
CHOICE_SHARE = 0.25
USAGE = "give ROOT workload=NAME optimizer=NAME, and study=FINGERPRINT where there are several"


def refine(
    trials: pd.DataFrame,
    studies: table.Studies,
    workload: str,
    optimizer: str,
    *,
    study: str | None = None,
    budget_trials: int | None = None,
) -> tuple[str, list[str]]:
    """The YAML text of the refined search space, and what to warn of.

    Args:
        trials: a checked table that holds the pair's trials.
        studies: the resolved studies by fingerprint, with their search spaces.
        study: which study, where the pair has several.
        budget_trials: K of the selection weights; None for a tenth of the feasible trials.

    Raises:
        ConfigError: no such trials, fewer than 20 feasible ones, several studies, or no search space.
    """
    rows = _trials(trials, workload, optimizer, study)
    feasible = table.counted(rows)
    if len(feasible) < LEAST_TRIALS:
        raise ConfigError(
            f"{workload}/{optimizer} has {len(feasible)} feasible trials of {len(rows)}; refining needs"
            f" {LEAST_TRIALS} or more: run it with a larger num_trials"
        )
    old = borders.search_space(feasible, studies)
    if not old:
        raise ConfigError(
            f"the search space of {workload}/{optimizer} is not known; give the results folder it was"
            " run in, not a CSV"
        )
    found = borders.borders(rows, studies, budget_trials=budget_trials).set_index("axis")
    new: dict[str, Any] = {}
    lines: list[str] = []
    for axis, node in old.items():
        new[axis], why = _refined(axis, node, found, feasible)
        lines.append(f"{axis}: {_yaml(new[axis])}" + (f" # {why}" if why else ""))
    warnings = _inclusion_gaps(workload, optimizer, old, new, trials, studies)
    head = _evidence(rows, feasible, int(found["budget_trials"].iloc[0]))
    comments = [f"# {line}" for line in (*head, *warnings)]
    return "\n".join([*comments, *lines]) + "\n", warnings


def _trials(trials: pd.DataFrame, workload: str, optimizer: str, study: str | None) -> pd.DataFrame:
    pair = trials[(trials["workload"] == workload) & (trials["optimizer"] == optimizer)]
    if pair.empty:
        known = (trials["workload"] + "/" + trials["optimizer"]).unique()
        raise ConfigError(
            f"{workload}/{optimizer} has no trials here; there are: {', '.join(known)}"
        )
    return table.select_studies(pair, study)


def _refined(axis: str, node: Any, found: pd.DataFrame, feasible: pd.DataFrame) -> tuple[Any, str]:
    """The new node of an axis and the reason for it."""
    if axis not in found.index:
        return node, ""
    row = found.loc[axis]
    if row["scale"] == "choices":
        return _refined_choices(axis, node, feasible, int(row["budget_trials"]))
    new = {"low": row["suggested_low"], "high": row["suggested_high"], "scale": row["scale"]}
    shown = " ".join(f"{row[name]:.2g}" for name in ("p05", "p50", "p95"))
    why = (
        f"was [{row['low']:g}, {row['high']:g}]; selected 5-50-95%: {shown};"
        f" at the borders: {row['mass_low']:.0%} low, {row['mass_high']:.0%} high"
    )
    return new, why


def _refined_choices(
    axis: str, node: Mapping[str, Any], feasible: pd.DataFrame, budget_trials: int
) -> tuple[dict[str, Any], str]:
    weights = best_of_k.weights(table.values(feasible, "val_error"), [budget_trials])[0]
    values = feasible[f"hp.{axis}"].to_numpy(float)
    shares = {choice: weights[np.isclose(values, choice)].sum() for choice in node["choices"]}
    kept = [c for c, share in shares.items() if share >= CHOICE_SHARE / len(shares)]
    shown = ", ".join(f"{choice:g} {share:.0%}" for choice, share in shares.items())
    return {"choices": kept}, f"selected: {shown}"


def _evidence(rows: pd.DataFrame, feasible: pd.DataFrame, budget_trials: int) -> list[str]:
    workload, optimizer = rows["workload"].iloc[0], rows["optimizer"].iloc[0]
    study = "+".join(sorted(set(rows["study"])))
    best = feasible.loc[feasible["val_error"].idxmin()]
    return [
        f"Source: harness.refine on {workload}/{optimizer}, study {study}: {len(feasible)} feasible of"
        f" {len(table.counted(rows, feasible_only=False))} trials,",
        f"best validation error {best['val_error']:.5g} (trial {best['trial']}). Weights: the chance of"
        f" being selected by a search of K = {budget_trials}.",
        "Rule: harness/analysis/borders.py.",
    ]


def _inclusion_gaps(
    workload: str,
    optimizer: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    trials: pd.DataFrame,
    studies: table.Studies,
) -> list[str]:
    """One line for each way in which the new space breaks an inclusion that the old one held."""
    lines = []
    for edge in EDGES:
        if optimizer not in (edge.special, edge.general):
            continue
        other = edge.special if optimizer == edge.general else edge.general
        known = trials[(trials["workload"] == workload) & (trials["optimizer"] == other)]
        space = borders.search_space(known, studies)
        if not space:
            lines.append(
                f"Inclusion {edge.special} ⊆ {edge.general}: not checked, {other} has no study here"
            )
            continue
        before, after = (
            gaps(edge, parse(special), parse(general))
            for special, general in (
                ((space, old), (space, new))
                if other == edge.special
                else ((old, space), (new, space))
            )
        )
        broken = [gap for gap in after if gap.split()[0] not in {gap.split()[0] for gap in before}]
        lines += [
            f"Inclusion {edge.special} ⊆ {edge.general}: no longer covered, {edge.general}'s {gap}"
            for gap in broken
        ]
    return lines


def _yaml(node: Any) -> str:
    """Flow style, as the files of conf/search_space."""
    if isinstance(node, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(value)}" for key, value in node.items()) + "}"
    if isinstance(node, list | tuple):
        return "[" + ", ".join(map(_yaml, node)) + "]"
    if isinstance(node, int | float):
        return _float(float(node))
    return str(node)


def _float(value: float) -> str:
    """A number that YAML reads as a float: it wants a point, and a sign in the exponent.

    >>> _float(0.5), _float(1e-10), _float(20000.0)
    ('0.5', '1.0e-10', '2.0e+4')
    """
    if value == 0 or 0.1 <= abs(value) < 1000:
        return repr(value)
    shortest = Decimal(repr(value)).normalize()
    digits = "".join(map(str, shortest.as_tuple().digits))
    return f"{'-' * (value < 0)}{digits[0]}.{digits[1:] or '0'}e{shortest.adjusted():+d}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m harness.refine", description=__doc__, formatter_class=_RawHelp
    )
    parser.add_argument("root", help="a results folder (the root= of a sweep that has run)")
    parser.add_argument(
        "choice", nargs="*", help="workload=NAME optimizer=NAME [study=FINGERPRINT]"
    )
    parser.add_argument(
        "--out",
        default="-",
        help="file to write, such as a new one under conf/search_space; - for standard output",
    )
    parser.add_argument("--force", action="store_true", help="write over an existing file")
    given = parser.parse_intermixed_args(arguments)
    try:
        choice = _choice(given.choice)
        if given.out != "-" and Path(given.out).exists() and not given.force:
            raise ConfigError(
                f"{given.out} exists; give another --out, or --force to write over it"
            )
        trials, studies = table.read(given.root), table.read_studies(given.root)
        text, warnings = refine(trials, studies, **choice)
        if given.out == "-":
            print(text, end="")
        else:
            Path(given.out).parent.mkdir(parents=True, exist_ok=True)
            Path(given.out).write_text(text, encoding="utf-8")
            print(given.out)
    except (ConfigError, OSError) as error:
        print(f"harness.refine: {error}", file=sys.stderr)
        return 2
    for line in warnings:
        print(f"harness.refine: {line}", file=sys.stderr)
    return 0


_RawHelp = argparse.RawDescriptionHelpFormatter


def _choice(words: Sequence[str]) -> dict[str, Any]:
    choice: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in ("workload", "optimizer", "study", "budget_trials"):
            raise ConfigError(f"{word!r} is not understood; {USAGE}")
        choice[key] = value
    for key in ("workload", "optimizer"):
        if key not in choice:
            raise ConfigError(f"{key}= is missing; {USAGE}")
    if "budget_trials" in choice:
        if not choice["budget_trials"].isdigit() or not int(choice["budget_trials"]):
            raise ConfigError(f"budget_trials must be 1 or more, got {choice['budget_trials']!r}")
        choice["budget_trials"] = int(choice["budget_trials"])
    return choice


if __name__ == "__main__":
    sys.exit(main())
