"""How difficult each training example is: its loss under a reference trial's kept weights.

    harness difficulty ROOT optimizer=NAME [workload=NAME] [study=FINGERPRINT] [trial=INDEX] --out scores.csv

The selected trial's last evaluation unless a trial is named; it kept its weights under keep=weights. One
line an example, in the order of the training set, for order.scores= (order=naive, mixed or combined).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.commands.ensemble import chosen_words, source, trial_of
from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE, ConfigError


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_intermixed_args(arguments)
    chosen, further = chosen_words(given.words)
    if further:
        raise ConfigError(
            f"{further[0]!r} chooses no study; give workload=, optimizer=, study= or trial="
        )
    found = source(Path(given.root), chosen)
    trial = trial_of(found, chosen)

    from harness.records import weights
    from harness.records.files import write_named
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
    losses = task.training_losses(model).tolist()
    write_named(Path(given.out), "\n".join(["score", *(f"{loss:.9g}" for loss in losses)]) + "\n")
    print(f"{given.out}: {len(losses)} examples, by trial {trial} of {found.study.name}")
    return EXIT_COMPLETE


def _parser() -> Parser:
    parser = Parser("difficulty", __doc__)
    add = parser.add_argument
    add("root", metavar="ROOT", help="a results folder")
    add("words", nargs="*", metavar="KEY=VALUE", help="which study and trial")
    add("--out", metavar="FILE", required=True, help="the scores, a CSV file")
    return parser
