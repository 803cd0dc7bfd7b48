"""Set our runs of a DeepOBS problem beside its authors' published ones: a table, a figure, a summary.

    harness experiment=deepobs_quadratic_deep
    python scripts/compare_deepobs.py results/deepobs/quadratic_deep deepobs_baselines.csv.gz

The second argument is a table of columns problem, optimizer, lr, seed, epoch (0: before training) and
test_loss, test_accuracy. Writes <workload>_epoch<N>.csv and .png into --out. z of an optimizer and
learning rate is the difference of the means over its standard error; where one side has a single run,
its spread is taken to be the other's. A run that ended without a finite loss counts as diverged.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.analysis.published_runs import KEYS, compared, summary
from harness.analysis.reading import read_results
from harness.figures import published_runs, style

CHECKOUT = Path(__file__).resolve().parents[1]


class Problem(NamedTuple):
    name: str  # DeepOBS's
    measure: str
    epoch_steps: int


PROBLEMS = {
    "quadratic_deep": Problem("quadratic_deep", "test_loss", 7),
    "war_and_peace_lstm": Problem("tolstoi_char_rnn", "test_accuracy", 1045),
    "fashion_mnist_cnn": Problem("fmnist_2c2d", "test_accuracy", 468),
    "cifar10_3c3d": Problem("cifar10_3c3d", "test_accuracy", 390),
    "cifar100_cnn": Problem("cifar100_allcnnc", "test_accuracy", 195),
}


def ours(root: Path, epoch: int) -> tuple[str, pd.DataFrame]:
    """The workload, and a row a trial: optimizer, lr, value (NaN: diverged) after that epoch."""
    read = read_results(root, all_studies=True)
    assert read.curves is not None
    (workload,) = read.trials["workload"].unique()
    problem = PROBLEMS[workload]
    name = "test_error" if problem.measure == "test_accuracy" else problem.measure
    rows = read.curves[read.curves["step"] == epoch * problem.epoch_steps]
    if rows.empty:
        last = read.curves["step"].max() // problem.epoch_steps
        raise SystemExit(
            f"no run of {workload} in {root} has an epoch {epoch}; give --epoch {last}"
        )
    keys = ["optimizer", "study", "trial"]
    found = read.trials[[*keys, "hp.lr"]].merge(rows[[*keys, name]], on=keys, how="left")
    value = found[name].astype(float)
    found["value"] = 1 - value if problem.measure == "test_accuracy" else value
    return workload, found.rename(columns={"hp.lr": "lr"})[[*KEYS, "value"]]


def published(path: Path, problem: Problem, epoch: int) -> pd.DataFrame:
    """A row a published run, as `ours`."""
    found = pd.read_csv(path)
    found = found[(found["problem"] == problem.name) & (found["epoch"] == epoch)]
    value = found[problem.measure].astype(float)
    value = value.where(np.isfinite(value))
    if problem.measure == "test_accuracy":  # a run whose loss has gone still guesses
        value = value.where(np.isfinite(found["test_loss"]))
    return found.assign(value=value)[[*KEYS, "value"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="of a deepobs_ experiment, or its trials.csv")
    parser.add_argument("published", type=Path, help="a table of DeepOBS's published runs")
    parser.add_argument("--epoch", type=int, default=100)
    parser.add_argument("--out", type=Path, default=CHECKOUT / "results" / "deepobs")
    given = parser.parse_args()
    workload, mine = ours(given.root, given.epoch)
    problem = PROBLEMS[workload]
    table = compared(mine, published(given.published, problem, given.epoch))
    given.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(given.out / f"{workload}_epoch{given.epoch}.csv", index=False, float_format="%.6g")
    with style.settings():
        figure = published_runs.draw(table, problem.measure, given.epoch)
        figure.savefig(given.out / f"{workload}_epoch{given.epoch}.png")
    for line in summary(table, problem.measure == "test_accuracy"):
        print(line)


if __name__ == "__main__":
    main()
