"""The committed cuts of RMSProp's space are what scripts/best_of_k_by_axis.py makes of the committed trials."""

import sys
from pathlib import Path

import pandas as pd
import pytest

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "results" / "inclusion_quadratic_5000"


@pytest.mark.parametrize("axis", ["eps", "effective_lr"])
def test_the_committed_tables_are_made_again(axis, tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(CHECKOUT / "scripts"))
    import best_of_k_by_axis

    out = tmp_path / "found.csv"
    words = ["--optimizer", "rmsprop", "--axis", axis, "--against", "momentum", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["script", str(FOLDER / "trials.parquet"), *words])
    best_of_k_by_axis.main()
    made = pd.read_csv(out)
    pd.testing.assert_frame_equal(made, pd.read_csv(FOLDER / f"rmsprop_by_{axis}.csv"), rtol=1e-9)
    *parts, whole = made["trials"]
    assert sum(parts) >= whole == 5000  # a trial at an edge is in both
