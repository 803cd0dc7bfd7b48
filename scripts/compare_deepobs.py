"""Set our runs of a DeepOBS problem beside its authors' published ones: a table, a figure, a summary.

    harness experiment=deepobs_quadratic_deep
    python scripts/compare_deepobs.py results/deepobs/quadratic_deep deepobs_baselines.csv.gz

The second argument is a table of columns problem, optimizer, lr, seed, epoch (0: before training) and
test_loss, test_accuracy. Writes <problem>.csv and <problem>.png into --out. z of an optimizer and
learning rate is the difference of the means over its standard error; where one side has a single run,
its spread is taken to be the other's. A run that ended without a finite loss counts as diverged.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.figures import style
from harness.records import tables

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
}
KEYS = ["optimizer", "lr"]
OUTSIDE = 3.0  # standard errors


def ours(root: Path, epoch: int) -> tuple[str, pd.DataFrame]:
    """The workload, and a row a trial: optimizer, lr, value (NaN: diverged) after that epoch."""
    read = tables.read(root)
    (workload,) = read.trials["workload"].unique()
    problem = PROBLEMS[workload]
    name = "test_error" if problem.measure == "test_accuracy" else problem.measure
    rows = read.curves[read.curves["step"] == epoch * problem.epoch_steps]
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


def compared(mine: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """A row an optimizer and learning rate: runs, diverged, mean and sd of either, and z."""
    parts = []
    for label, runs in (("ours", mine), ("published", theirs)):
        runs = runs.assign(lr=runs["lr"].map(lambda lr: float(f"{lr:.5g}")))
        grouped = runs.groupby(KEYS)["value"]
        part = pd.DataFrame({
            "runs": grouped.size(), "diverged": grouped.apply(lambda x: int(x.isna().sum())),
            "mean": grouped.mean(), "sd": grouped.std(),
        })  # fmt: skip
        parts.append(part.add_prefix(f"{label}_"))
    table = parts[0].join(parts[1], how="left").reset_index()
    counts = {
        label: table[f"{label}_runs"] - table[f"{label}_diverged"]
        for label in ("ours", "published")
    }
    sds = table[["ours_sd", "published_sd"]]
    mine_sd = sds["ours_sd"].fillna(sds["published_sd"])
    their_sd = sds["published_sd"].fillna(sds["ours_sd"])
    error = np.sqrt(mine_sd**2 / counts["ours"] + their_sd**2 / counts["published"])
    table["z"] = (table["ours_mean"] - table["published_mean"]) / error
    return table


def best(table: pd.DataFrame, label: str, measure: str) -> dict[str, float]:
    """The best learning rate of each optimizer, of those at which nothing diverged."""
    found = {}
    for optimizer, rows in table.groupby("optimizer"):
        rows = rows[(rows[f"{label}_diverged"] == 0) & rows[f"{label}_mean"].notna()]
        if len(rows):
            means = rows[f"{label}_mean"]
            place = means.idxmax() if measure == "test_accuracy" else means.idxmin()
            found[str(optimizer)] = float(rows["lr"][place])
    return found


def summary(table: pd.DataFrame, measure: str) -> list[str]:
    """What the table comes to, in lines."""
    both = table[table["published_runs"].notna()]
    finite = both[both["z"].notna()]
    outside = finite[finite["z"].abs() > OUTSIDE]
    all_gone = both[(both["published_diverged"] == both["published_runs"])]
    agreed = all_gone[all_gone["ours_diverged"] == all_gone["ours_runs"]]
    lines = [
        f"{len(finite)} pairs of optimizer and learning rate with finite ends on both sides:"
        f" {len(finite) - len(outside)} within {OUTSIDE:g} standard errors,"
        f" root mean square z {np.sqrt((finite['z'] ** 2).mean()):.2f}",
        f"{len(all_gone)} that diverged as published: {len(agreed)} diverged here in every run",
    ]
    lines += [
        f"outside: {row.optimizer} {row.lr:g}: ours {row.ours_mean:.6g} ± {row.ours_sd:.3g},"
        f" published {row.published_mean:.6g}, z {row.z:.1f}"
        for row in outside.itertuples()
    ]
    for optimizer, lr in best(table, "ours", measure).items():
        theirs = best(both, "published", measure).get(optimizer)
        told = "not in the table" if theirs is None else f"published {theirs:g}"
        lines.append(f"best learning rate of {optimizer}: {lr:g} ({told})")
    return lines


def drawn(table: pd.DataFrame, measure: str, epoch: int):
    """The measure against the learning rate: ours as lines with twice their spread, published as rings."""
    optimizers = list(table["optimizer"].unique())
    with style.settings():
        figure = style.canvas(7.5, 3.2)
        axes = figure.subplots(1, 1)
        for optimizer, look in style.looks(optimizers).items():
            rows = table[table["optimizer"] == optimizer].sort_values("lr")
            kept = rows[rows["ours_diverged"] == 0]
            axes.errorbar(
                kept["lr"], kept["ours_mean"], yerr=2 * kept["ours_sd"].fillna(0), color=look.colour,
                marker=look.marker, markersize=3, capsize=2, elinewidth=0.8,
            )  # fmt: skip
            axes.plot(
                rows["lr"], rows["published_mean"], "o", markersize=8, color=look.colour,
                markerfacecolor="none",
            )  # fmt: skip
        axes.set(xscale="log", xlabel="learning rate", ylabel=measure.replace("_", " "))
        if measure == "test_loss":
            axes.set(yscale="log")
        caption = (
            f"After epoch {epoch}. Small markers: ours, mean and twice the standard deviation of its runs, where"
            " none diverged. Rings: DeepOBS's published runs."
        )
        return style.finish(figure, caption, style.legend_handles(optimizers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="of a deepobs_ experiment")
    parser.add_argument("published", type=Path, help="a table of DeepOBS's published runs")
    parser.add_argument("--epoch", type=int, default=100)
    parser.add_argument("--out", type=Path, default=CHECKOUT / "results" / "deepobs")
    given = parser.parse_args()
    workload, mine = ours(given.root, given.epoch)
    problem = PROBLEMS[workload]
    table = compared(mine, published(given.published, problem, given.epoch))
    given.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(given.out / f"{workload}.csv", index=False, float_format="%.6g")
    drawn(table, problem.measure, given.epoch).savefig(given.out / f"{workload}.png")
    for line in summary(table, problem.measure):
        print(line)


if __name__ == "__main__":
    main()
