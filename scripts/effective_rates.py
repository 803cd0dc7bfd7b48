"""Draw good trials against the effective learning rate, from committed tables: a panel a table.

    python scripts/effective_rates.py [FOLDER[=s] …] [--out DIR]

A folder has a table trials.csv with its studies.json; s is the workload's gradient scale, that of its
file in conf/workload unless given. Writes effective_rates.png, fills.csv, rates.csv and within.csv into
DIR; the last is of `digits`, whose trials did not choose the range of results/digits_stages.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import torch

from harness.analysis.effective_rates import fills, within
from harness.analysis.reading import read_results
from harness.commands.effective import with_effective_rates
from harness.figures import effective_rates, style
from harness.study.parametrisation import LR_RATIOS
from harness.study.result import IDENTITY

CHECKOUT = Path(__file__).resolve().parents[1]
# ResNet-8's gradients, those of that study, are smaller than the ResNet-32's of conf/workload.
TABLES = ("digits_broad", "digits", "war_and_peace", "cifar10=3.9e-3")
FOUND = (0.024, 8.3)  # the range of effective rates that results/digits_stages found
COORDINATES = ("effective_lr", "lr", *LR_RATIOS)
KEPT = ["panel", *IDENTITY, "status", "val_error", "gradient_scale", *COORDINATES]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", default=list(TABLES), metavar="FOLDER[=s]")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "results" / "effective_rates")
    given = parser.parse_args()
    torch.set_num_threads(1)  # one number at a time
    parts = []
    for word in given.tables:
        folder, _, scale = word.partition("=")
        path = Path(folder) if Path(folder).is_dir() else CHECKOUT / "results" / folder
        rates = with_effective_rates(
            read_results(path / "trials.csv"), [CHECKOUT / "conf"], float(scale) if scale else None
        )
        ratios = {name: rates[f"hp.{name}"] for name in LR_RATIOS if f"hp.{name}" in rates}
        parts.append(rates.assign(panel=path.name, **ratios))
    trials = pd.concat(parts, ignore_index=True)
    table = fills(trials, COORDINATES)
    given.out.mkdir(parents=True, exist_ok=True)
    trials[KEPT].to_csv(given.out / "rates.csv", index=False, float_format="%.6g")
    table.to_csv(given.out / "fills.csv", index=False, float_format="%.4g")
    if len(digits := trials[trials["panel"] == "digits"]):
        within(digits, *FOUND).to_csv(given.out / "within.csv", index=False, float_format="%.4g")
    with style.settings():
        effective_rates.draw(trials, table).savefig(given.out / "effective_rates.png")
    print(f"{len(trials)} trials, {len(table)} coordinates in {given.out}")


if __name__ == "__main__":
    main()
