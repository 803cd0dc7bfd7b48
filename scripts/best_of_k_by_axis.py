"""Where in a search space an optimizer wins or loses: its trials cut along one axis, each part against another optimizer.

    python scripts/best_of_k_by_axis.py results/inclusion_quadratic_5000/trials.parquet --optimizer rmsprop \
        --axis eps --against momentum --out results/inclusion_quadratic_5000/rmsprop_by_eps.csv

Writes a row a part of equally many trials, and one of all: the part's ends, its feasible trials, and for each K the mean
best of K and the share of tuning races, ties counted half, that K trials of the part win against K of the other's.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from harness.analysis.best_of_k import curve, probability_better
from harness.analysis.reading import read_results


def rows(
    own: pd.DataFrame, other: pd.DataFrame, axis: str, parts: int, budgets: list[int]
) -> Iterator[dict[str, float]]:
    column = f"hp.{axis}"
    edges = np.quantile(own[column], np.linspace(0, 1, parts + 1))
    whole = [(edges[0], edges[-1])]
    for low, high in [*itertools.pairwise(edges), *whole]:
        part = own[own[column].between(low, high)]["val_error"].dropna()
        row = {f"{axis}_low": low, f"{axis}_high": high, "trials": len(part)}
        for k in budgets:
            row[f"mean_best_of_{k}"] = float(curve(part, [k]).mean[0])
            row[f"win_share_at_{k}"] = float(
                probability_better(part, other["val_error"].dropna(), [k])[0]
            )
        yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", help="trials of one workload")
    parser.add_argument("--optimizer", required=True)
    parser.add_argument("--axis", required=True, help="of its space, as the column hp.AXIS has it")
    parser.add_argument("--against", required=True, metavar="OPTIMIZER")
    parser.add_argument("--parts", type=int, default=6)
    parser.add_argument("--budgets", default="16,100", metavar="K,K")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    trials = read_results(Path(given.table)).trials
    own, other = (trials[trials["optimizer"] == name] for name in (given.optimizer, given.against))
    budgets = [int(k) for k in given.budgets.split(",")]
    table = pd.DataFrame(rows(own, other, given.axis, given.parts, budgets))
    print(table.to_string(index=False))
    if given.out:
        table.to_csv(given.out, index=False)


if __name__ == "__main__":
    main()
