"""Hogwild!: processes that update one weight vector at once, without a lock and with one.

harness hogwild [--text FILE] [--workers 1,2,4] [--epochs N] [--repeats N] [--lr RATE] [--out DIR]

Logistic regression on hashed text features: does punctuation follow this word? The text is CPython's own
reference (pydoc_data.topics) or FILE. The learning rate is the one of a grid with which one worker gets
the lowest validation loss. Real processes: speed depends on this machine, and results on who writes
first, so that these are no records. Into DIR:

    hogwild.csv    a row a run: seconds, examples a second, error and loss on the test part
    hogwild.png    speed and error against the number of workers
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from workloads.data.hashed_text import Examples

RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    workers = _counts("--workers", given.workers)
    for option, value in (("--epochs", given.epochs), ("--repeats", given.repeats)):
        if value < 1:
            raise ConfigError(f"{option} must be 1 or more, got {value}")
    if given.lr is not None and not given.lr > 0:
        raise ConfigError(f"--lr must be more than 0, got {given.lr:g}")

    from workloads.data.hashed_text import examples, split

    parts = split(examples(_text(given.text), given.bits))
    size = 2**given.bits
    told = ", ".join(f"{name} {len(part.labels):,}" for name, part in parts.items())
    print(
        f"examples: {told}; {parts['test'].labels.mean():.2%} of the test part are followed by a mark"
    )
    lr = given.lr or _tuned(parts, size, given.epochs)
    print(f"learning rate {lr:g}, {given.epochs} epochs, {os.cpu_count()} cores")
    table = runs(parts, size, lr, workers, given.epochs, given.repeats)
    from harness.analysis.hogwild import summary

    print(summary(table).to_string(index=False, float_format="%.4g"))
    if given.out:
        _write(table, given.out)
    return EXIT_COMPLETE


def _parser() -> argparse.ArgumentParser:
    parser = Parser("hogwild", __doc__)
    add = parser.add_argument
    add("--text", metavar="FILE", help="a UTF-8 text; default: the Python reference")
    add("--workers", metavar="COUNTS", default="1,2,4", help="numbers of processes; default 1,2,4")
    add("--epochs", type=int, default=2, help="default 2")
    add("--repeats", type=int, default=3, help="runs of each; default 3")
    add("--lr", type=float, help="a learning rate, instead of the best of a grid")
    add("--bits", type=int, default=18, help="of the hash; default 18")
    add("--out", metavar="DIR", help="folder to write into, made if needed")
    return parser


def _counts(option: str, text: str) -> list[int]:
    try:
        counts = sorted({int(word) for word in text.split(",")})
    except ValueError:
        counts = []
    if not counts or counts[0] < 1:
        raise ConfigError(f"{option} must be counts such as 1,2,4, got {text!r}")
    return counts


def _text(path: str | None) -> str:
    if path is None:
        from workloads.python_docs_lstm import reference_text

        return reference_text()
    from workloads.data.text import decoded

    try:
        return decoded(Path(path).read_bytes(), path)
    except OSError as error:
        raise ConfigError(
            f"--text {path} cannot be read ({error.strerror}); give a text file"
        ) from None


def _tuned(parts: Mapping[str, Examples], size: int, epochs: int) -> float:
    """The rate of the grid whose validation loss is lowest, trained by one worker in this process."""
    import numpy as np

    from harness.training.sparse_logistic import descend, order, quality

    losses = {}
    train = parts["train"]
    for lr in RATES:
        weights = np.zeros(size)
        for epoch in range(epochs):
            descend(weights, *train, order(len(train.labels), 0, epoch), lr)
        losses[lr] = quality(weights, *parts["validation"]).loss
    return min(losses, key=losses.__getitem__)


def runs(
    parts: Mapping[str, Examples],
    size: int,
    lr: float,
    workers: Sequence[int],
    epochs: int,
    repeats: int,
) -> pd.DataFrame:
    """A row a run, those of one repeat in turn, so that a loaded machine is loaded for all."""
    import pandas as pd

    from harness.running import hogwild
    from harness.training.sparse_logistic import quality

    rows = []
    for repeat in range(repeats):
        for count in workers:
            for locked in (False, True):
                run = hogwild.train(
                    *parts["train"], size, lr=lr, workers=count, locked=locked, epochs=epochs,
                    seed=repeat,
                )  # fmt: skip
                of = quality(run.weights, *parts["test"])
                done = epochs * len(parts["train"].labels)
                rows.append({
                    "workers": count, "locked": locked, "repeat": repeat, "seconds": run.seconds,
                    "cpu_seconds": run.cpu_seconds, "examples_per_second": done / run.seconds,
                    "examples_per_cpu_second": done / run.cpu_seconds,
                    "test_error": of.error_rate, "test_loss": of.loss,
                })  # fmt: skip
    return pd.DataFrame(rows)


def _write(table: pd.DataFrame, out: str) -> None:
    from harness.figures import hogwild, style
    from harness.report.writing import placed, writable

    folder = writable(out)
    with placed(folder, "hogwild") as beside, style.settings():
        table.to_csv(beside / "hogwild.csv", index=False, float_format="%.6g")
        hogwild.draw(table).savefig(beside / "hogwild.png")
    for path in sorted(folder.glob("hogwild.*")):
        print(path)
