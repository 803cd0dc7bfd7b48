"""Runs of ours beside those that others published, by optimizer and learning rate: means, spreads, z.

A run is a row of ``optimizer, lr, value``; a value that is missing is a run that diverged.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

KEYS = ["optimizer", "lr"]
OUTSIDE = 3.0  # standard errors
DIGITS = 5  # of a learning rate, by which rows of two sources are known to be of one


def compared(mine: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """A row an optimizer and learning rate of ours: runs, diverged, mean and sd of either, and z.

    z is the difference of the means over its standard error. Where one side has a single run its spread
    is taken to be the other's.
    """
    parts = []
    for label, runs in (("ours", mine), ("published", theirs)):
        runs = runs.assign(lr=runs["lr"].map(lambda lr: float(f"{lr:.{DIGITS}g}")))
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


def best(table: pd.DataFrame, label: str, larger_is_better: bool) -> dict[str, float]:
    """The best learning rate of each optimizer, of those at which nothing diverged."""
    found = {}
    for optimizer, rows in table.groupby("optimizer"):
        rows = rows[(rows[f"{label}_diverged"] == 0) & rows[f"{label}_mean"].notna()]
        if len(rows):
            means = rows[f"{label}_mean"]
            place = means.idxmax() if larger_is_better else means.idxmin()
            found[str(optimizer)] = float(rows["lr"][place])
    return found


def summary(table: pd.DataFrame, larger_is_better: bool) -> list[str]:
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
    for optimizer, lr in best(table, "ours", larger_is_better).items():
        theirs = best(both, "published", larger_is_better).get(optimizer)
        told = "not in the table" if theirs is None else f"published {theirs:g}"
        lines.append(f"best learning rate of {optimizer}: {lr:g} ({told})")
    return lines
