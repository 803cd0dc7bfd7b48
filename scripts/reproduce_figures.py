"""Draw the figures of every committed table, or of others: a door to `harness figures`, which see.

python scripts/reproduce_figures.py [ROOT|trials.csv…] [--out DIR]
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness.__main__ import command

RESULTS = Path(__file__).resolve().parents[1] / "results"

if __name__ == "__main__":
    sys.exit(command(["figures", f"--committed={RESULTS}", *sys.argv[1:]]))
