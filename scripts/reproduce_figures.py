"""Draw the figures of every committed table, or of others: a door to `harness figures`, which see.

python scripts/reproduce_figures.py [ROOT|trials.csv…] [--out DIR]

Without arguments all as PNG, as they are committed, and those of results/across_workloads too (`harness across`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from harness.__main__ import command

CHECKOUT = Path(__file__).resolve().parents[1]
RESULTS = CHECKOUT / "results"
ACROSS = (
    "results/inclusion_digits_shipped",
    "results/inclusion_digits_mlp",
    "results/inclusion_digits_logistic",
    "results/inclusion_quadratic",
    "results/inclusion_fashion_mnist_narrow",
    "results/inclusion_war_and_peace",
    "results/inclusion_cifar10",
)


def across() -> int:
    """The committed results of several workloads together; sources are named from the checkout."""
    os.chdir(CHECKOUT)
    return command(["across", *ACROSS, "--out", str(RESULTS / "across_workloads")])


if __name__ == "__main__":
    given = sys.argv[1:]
    status = command(["figures", f"--committed={RESULTS}", *(given or ["--png"])])
    sys.exit(status if status or given else across())
