"""How difficult each training example is: its loss under a reference trial's kept weights, or its length.

    harness difficulty ROOT optimizer=NAME [workload=NAME] [study=FINGERPRINT] [trial=INDEX] --out scores.csv
    harness difficulty --of length workload=NAME [KEY=VALUE …] --out scores.csv

The loss is by the selected trial's last evaluation unless a trial is named; it kept its weights under
keep=weights. A length needs no trial: the words are those of a run. One line an example, in the order of the
training set, for order.scores= (order=naive, mixed or combined).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.ensemble import chosen_words, source, trial_of
from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    from torch import Tensor

LOSS, LENGTH = "loss", "length"


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_intermixed_args(arguments)
    scores, how = _lengths(given.words) if given.of == LENGTH else _losses(given.words)

    from harness.records.files import write_named

    lines = ["score", *(f"{score:.9g}" for score in scores.tolist())]
    write_named(Path(given.out), "\n".join(lines) + "\n")
    print(f"{given.out}: {len(scores)} examples, {how}")
    return EXIT_COMPLETE


def _losses(words: Sequence[str]) -> tuple[Tensor, str]:
    """[training examples], and by which trial."""
    root, *rest = words if words and "=" not in words[0] else ("", *words)
    if not root:
        raise ConfigError(
            "a loss needs the results folder of a reference trial: harness difficulty ROOT --out FILE"
        )
    chosen, further = chosen_words(rest)
    if further:
        raise ConfigError(
            f"{further[0]!r} chooses no study; give workload=, optimizer=, study= or trial="
        )
    found = source(Path(root), chosen)
    trial = trial_of(found, chosen)

    from harness.records import weights
    from harness.running.trial import load_task

    state = weights.read(found.path, trial)
    task = load_task(found.study, "cpu")
    if not hasattr(task, "training_losses"):
        raise ConfigError(
            f"workload {found.study.workload} has no training_losses(model) (workloads/task.py); add it, or"
            " write the scores yourself, a line an example under the head score"
        )
    model = task.model()
    model.load_state_dict(state)
    return task.training_losses(model), f"by trial {trial} of {found.study.name}"


def _lengths(words: Sequence[str]) -> tuple[Tensor, str]:
    """[training examples], of the workload that the words of a run name."""
    from harness.config import build
    from harness.config.compose import compose
    from harness.running.trial import load_task

    if words and "=" not in words[0]:
        raise ConfigError(
            f"{words[0]!r} is no word of a run: a length needs no results folder; give workload=NAME"
        )
    study = build.requests(compose(words))[0].study
    task = load_task(study, "cpu")
    if not hasattr(task, "training_lengths"):
        raise ConfigError(
            f"workload {study.workload} has no training_lengths() (workloads/task.py): its examples have no"
            " length; go by --of loss, or add it"
        )
    return task.training_lengths(), f"by length, of {study.workload}"


def _parser() -> Parser:
    parser = Parser("difficulty", __doc__)
    add = parser.add_argument
    add("words", nargs="*", metavar="ROOT KEY=VALUE", help="which study and trial; or of a run")
    add("--of", choices=(LOSS, LENGTH), default=LOSS, help="what makes an example hard (loss)")
    add("--out", metavar="FILE", required=True, help="the scores, a CSV file")
    return parser
