"""What the trials say: reads results folders and tables of trials (CSV, Parquet), prints the comparison
and writes into DIR, where one is given,

    report.html         one self-contained page: verdict, tuning curves, diagnostics, all trials
    trials.csv, tuning_curves.csv, final.csv, pairs.csv, inclusions.csv, spaces.csv, importance.csv,
    borders.csv
    tuning_curves.png, tuning_curves.svg
    curves.parquet, studies.json    learning curves and resolved studies, when the source has them

A report can be made again from its own trials.csv. Where an optimizer has several studies on a
workload, choose with --study FINGERPRINT (or study=FINGERPRINT), or pool those that differ in their
seeds alone with --pool (or pool=true).

Does it hold on other search spaces? Each was swept into a root of its own; the report is of the last, the
most general one, and says how every pair does on the others (figures 3 and 4):

    harness report --space "lr only=ROOT" --space "+ the others=ROOT" --out DIR
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from harness.commands.parsing import Parser, choosing_studies, chosen
from harness.commands.which_study import told_apart
from harness.errors import EXIT_COMPLETE, ConfigError
from harness.report.question import Question


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_intermixed_args(arguments)
    asked = question(given)
    sources, study, pool = chosen(given, given.sources)
    spaces = spaces_asked(given) if given.space else None
    if not sources and not spaces:
        raise ConfigError("no source given; name a results folder or a trials.csv")

    from harness.analysis.pooling import SeveralStudies
    from harness.analysis.reading import read_spaces
    from harness.config import shipped
    from harness.report.writing import write_report

    try:
        write_report(
            list(spaces.values()) if spaces else sources,
            given.out,
            asked,
            study=study,
            pool=pool,
            folders=[shipped.folder()],
            spaces=read_spaces(spaces, num_trials=given.num_trials) if spaces else None,
        )
    except SeveralStudies as error:
        raise told_apart(error, sources) from None
    return EXIT_COMPLETE


def spaces_asked(given: argparse.Namespace) -> dict[str, Path]:
    """The roots of --space by their labels, in the order given.

    Raises:
        ConfigError: a word that is not LABEL=ROOT, a label twice, other sources beside.
    """
    if given.sources or given.study or given.pool:
        raise ConfigError(
            "--space names the sources, each with one study per pair; give nothing beside"
        )
    spaces: dict[str, Path] = {}
    for word in given.space:
        label, equals, root = word.partition("=")
        if not (label and equals and root):
            raise ConfigError(
                f"--space {word!r} is not LABEL=ROOT; such as --space 'lr only=results/lr'"
            )
        if label in spaces:
            raise ConfigError(f"--space gives {label!r} twice; label each space by its own name")
        spaces[label] = Path(root)
    return spaces


def _parser() -> Parser:
    parser = Parser("report", __doc__)
    add = parser.add_argument
    add("sources", nargs="*", metavar="ROOT|trials.csv", help="results folders, tables of trials")
    add("--out", metavar="DIR", help="folder to write into, made if needed")
    add_question(parser)
    return parser


def add_question(parser: argparse.ArgumentParser) -> None:
    """The options that say what is asked of the trials, of the report and of the figures."""
    add = parser.add_argument
    add("--metric", default="val_error", help="reported of the selected trial (val_error)")
    add("--select-by", help="the column that is lowest in the selected trial (val_error)")
    add("--baseline", metavar="NAME", help="compare the others with this optimizer first")
    add("--budget", type=int, metavar="K", help="compare at this budget (16, N/5 where smaller)")
    add("--max-budget", type=int, metavar="K", help="the largest tuning budget shown")
    add("--target", type=float, help="target error of steps_to_target (the workload's own)")
    add(
        "--count-infeasible",
        action="store_true",
        help="count every trial, diverged ones as infinitely bad, instead of feasible trials alone: what"
        " a search gets that can't know which settings diverge. K and N are then trials run, and medians"
        " stand for means",
    )
    add(
        "--bands",
        action="store_true",
        help="opda's simultaneous 90%% bands on the curves of medians (pip install opda; a minute)",
    )
    add("--space", action="append", metavar="LABEL=ROOT", help="a search space beside the others")
    add("--num-trials", type=int, metavar="N", help="of each space the trials below N only")
    add(
        "--against",
        choices=("steps", "gradients", "seconds"),
        default="steps",
        help="what a target takes and learning curves are drawn against; seconds are those in steps (steps)",
    )
    choosing_studies(parser)


def question(given: argparse.Namespace) -> Question:
    """What these options ask.

    Raises:
        ConfigError: a budget under 1, or a number of trials that is.
    """
    if given.num_trials is not None and given.num_trials < 1:
        raise ConfigError(f"--num-trials must be 1 or more, got {given.num_trials}")
    if given.num_trials and not given.space:
        raise ConfigError("--num-trials is for --space: it makes the spaces' trials as many")
    return Question(
        metric=given.metric,
        select_by=given.select_by,
        max_budget=given.max_budget,
        target=given.target,
        count_infeasible=given.count_infeasible,
        budget=given.budget,
        baseline=given.baseline,
        bands=given.bands,
        against=given.against.replace("steps", "step"),
    )
