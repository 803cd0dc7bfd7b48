"""The same optimizers tuned on two choices of search spaces: whose best of K moves where, and who is better than how many.

    python scripts/compare_rankings.py recommended=results/modern_digits/recommended/trials.csv \
        equal_stages=results/modern_digits/trials.csv --budget 15 --out results/modern_digits/spaces_compared.csv

Writes a row an optimizer: of each choice the mean best of K, its place, and of how many others the paired test of a report,
adjusted for all pairs, says that it is better or worse.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from harness.analysis.final import final
from harness.analysis.pairs import pairs
from harness.analysis.reading import read_results


def ranking(source: Path, budget: int) -> pd.DataFrame:
    """By optimizer: best_of_K, place, better_than, worse_than."""
    found = read_results(source)
    tested = pairs(found.trials, studies=found.studies, budget=budget)
    means = final(found.trials, budget).set_index("optimizer")["val_mean"]

    def count(first: str, second: str) -> pd.Series:
        won = pd.concat(
            [
                tested.loc[tested["verdict"] == first, "a"],
                tested.loc[tested["verdict"] == second, "b"],
            ]
        )
        return won.value_counts().reindex(means.index, fill_value=0)

    return pd.DataFrame(
        {
            f"best_of_{budget}": means,
            "place": means.rank(method="min").astype(int),
            "better_than": count("better", "worse"),
            "worse_than": count("worse", "better"),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs=2, metavar="LABEL=ROOT|trials.csv")
    parser.add_argument("--budget", type=int, default=15, metavar="K")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    labelled = [word.partition("=")[::2] for word in given.sources]
    parts = [
        ranking(Path(source), given.budget).add_suffix(f"_{label}") for label, source in labelled
    ]
    table = pd.concat(parts, axis=1).sort_values(f"place_{labelled[1][0]}").reset_index()
    print(table.to_string(index=False))
    if given.out:
        table.to_csv(given.out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
