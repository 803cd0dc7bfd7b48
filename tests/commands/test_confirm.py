"""`harness confirm`: the selected configurations on fresh seeds."""

import pandas as pd
import pytest

from harness.__main__ import command
from harness.records import reading

TINY = ("workload=digits_logistic", "workload.steps=10", "workload.eval_every=10", "device=cpu")


@pytest.mark.slow
def test_selected_points_on_fresh_seeds_the_same_for_all(tmp_path, capsys):
    root, out = tmp_path / "searched", tmp_path / "out"
    words = ("-m", "optimizer=sgd,momentum", "num_trials=3", "workers=1", f"root={root}")
    assert command([*words, *TINY]) == 0
    confirm = ["confirm", str(root), "--seeds", "2", "--out", str(out), "workers=1"]
    assert command(confirm) == 0
    searched = {(r["optimizer"], r["trial"]): r for r in reading.read_records(root)}
    reseeded = list(reading.read_records(out / "trials"))
    table = pd.read_csv(out / "confirmed.csv").set_index("optimizer")
    seeds = {}
    for record in reseeded:
        best = searched[record["optimizer"], table.loc[record["optimizer"], "trial"]]
        assert record["point"] == best["point"]
        assert best["val_error"] == min(
            r["val_error"] for (name, _), r in searched.items() if name == record["optimizer"]
        )
        assert record["seeds"] not in [r["seeds"] for r in searched.values()]
        seeds.setdefault(record["trial"], []).append(record["seeds"])
    assert all(one == other for one, other in seeds.values())
    assert len({str(pair) for pair in seeds.values()}) == 2
    assert "over 2 seeds of trial" in capsys.readouterr().out
    assert command(confirm) == 0  # nothing is trained twice


def test_a_table_without_its_studies_is_refused_with_the_remedy(tmp_path, capsys):
    path = tmp_path / "trials.csv"
    path.write_text(
        "workload,optimizer,trial,status,val_error\nw,a,0,complete,0.1\nw,a,1,complete,0.2\n"
    )
    assert command(["confirm", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "comes without its study" in capsys.readouterr().err


def test_one_seed_tells_no_spread(tmp_path, capsys):
    assert command(["confirm", str(tmp_path), "--out", str(tmp_path), "--seeds", "1"]) == 2
    assert "--seeds must be 2 or more to tell a spread, got 1" in capsys.readouterr().err
