"""Writes the search space of the next stage, narrowed to where the selected trials are.

The paper's coarse-to-fine step: broad first spaces, then a final one narrowed around the good region,
with the optimum away from the borders. Writes a file for conf/search_space/ with its evidence in
comments. The ranges are narrowed together, to a box that keeps 85 % of where a model of the
trials expects the best tenth of the space; an end with much of the selected trials' weight moves out;
choices that hardly any selected trial made go; constants stay. rule=marginal narrows each axis by
itself, as until November 2026. Where the new range no longer holds the image of an optimizer that this one includes, the file and standard error
say so.

    harness refine ROOT workload=NAME optimizer=NAME [study=FINGERPRINT | pool=true] [budget_trials=K]
                   [rule=marginal] [--out FILE]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.parsing import Parser
from harness.commands.space_file import as_text, rule_told
from harness.commands.which_study import told_apart
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    from harness.analysis.refining import Refined

USAGE = "give ROOT workload=NAME optimizer=NAME, and study=FINGERPRINT or pool=true where there are several"


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_intermixed_args(arguments)
    choice = _choice(given.choice)
    if given.out != "-" and Path(given.out).exists() and not given.force:
        raise ConfigError(f"{given.out} exists; give another --out, or --force to write over it")

    from harness.analysis.pooling import SeveralStudies
    from harness.analysis.reading import read_results
    from harness.analysis.refining import refine

    found = read_results(given.root, all_studies=True)
    try:
        refined = refine(found.trials, found.studies, **choice)
    except SeveralStudies as error:
        raise told_apart(error, [given.root]) from None
    _say(as_yaml(refined), given.out)
    for line in refined.warnings:
        print(f"harness refine: {line}", file=sys.stderr)
    return EXIT_COMPLETE


def as_yaml(refined: Refined) -> str:
    """The file for conf/search_space/."""
    head = [*_evidence(refined), *refined.warnings]
    return as_text(head, refined.space, refined.reasons)


def _evidence(refined: Refined) -> list[str]:
    return [
        f"Source: harness refine on {refined.workload}/{refined.optimizer}, study {refined.study}:"
        f" {refined.feasible_trials} feasible of {refined.trials} trials,",
        f"best validation error {refined.best_error:.5g} (trial {refined.best_trial}). Weights: the chance"
        f" of being selected by a search of K = {refined.budget_trials}.",
        rule_told(refined.rule),
    ]


def _say(text: str, out: str) -> None:
    if out == "-":
        print(text, end="")
        return
    from harness.records.files import write_named

    write_named(Path(out), text)
    print(out)


def _parser() -> Parser:
    parser = Parser("refine", __doc__)
    add = parser.add_argument
    add("root", metavar="ROOT", help="a results folder (the root= of a sweep that has run)")
    add(
        "choice",
        nargs="*",
        metavar="KEY=VALUE",
        help="workload, optimizer, study, pool, budget_trials, rule",
    )
    add(
        "--out",
        default="-",
        metavar="FILE",
        help="such as a new one under conf/search_space; - for standard output",
    )
    add("--force", action="store_true", help="write over an existing file")
    return parser


def _choice(words: Sequence[str]) -> dict[str, Any]:
    choice: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in (
            "workload",
            "optimizer",
            "study",
            "pool",
            "budget_trials",
            "rule",
        ):
            raise ConfigError(f"{word!r} is not understood; {USAGE}")
        choice[key] = value
    for key in ("workload", "optimizer"):
        if key not in choice:
            raise ConfigError(f"{key}= is missing; {USAGE}")
    if "pool" in choice:
        if choice["pool"] not in ("true", "false"):
            raise ConfigError(f"pool= is true or false, got {choice['pool']!r}")
        choice["pool"] = choice["pool"] == "true"
    if "budget_trials" in choice:
        if not choice["budget_trials"].isdigit() or not int(choice["budget_trials"]):
            raise ConfigError(f"budget_trials must be 1 or more, got {choice['budget_trials']!r}")
        choice["budget_trials"] = int(choice["budget_trials"])
    return choice
