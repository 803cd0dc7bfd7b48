"""`harness untuned`: default, carried-over and tuned settings on the same fresh seeds."""

import pandas as pd
import pytest

from harness.__main__ import command
from harness.records import reading

FOLDERS = {
    "default": "untuned/default", "carried_over": "untuned/carried_over", "tuned": "confirmed",
}  # fmt: skip
TINY = ("workload.steps=10", "workload.eval_every=10", "device=cpu", "workers=1")


def sweep(root, *words):
    assert command(["-m", "optimizer=sgd,adam", "num_trials=2", f"root={root}", *TINY, *words]) == 0


@pytest.mark.slow
def test_three_settings_of_each_on_the_same_seeds(tmp_path, capsys):
    root, other = tmp_path / "here", tmp_path / "there"
    sweep(root, "workload=digits_logistic")
    sweep(other, "workload=digits_mlp", "schedule=constant")
    words = ["untuned", str(root), "--carried", str(other), "--seeds", "2", "workers=1"]
    assert command(words) == 0
    table = pd.read_csv(root / "untuned" / "untuned.csv")
    assert len(table) == 6
    assert (table["seeds"] + table["diverged"] == 2).all()
    assert (root / "untuned" / "untuned.png").exists()
    records = {
        setting: {(r["optimizer"], r["trial"]): r for r in reading.read_records(root / folder)}
        for setting, folder in FOLDERS.items()
    }
    by_default = records["default"]["adam", 0]["hyperparameters"]
    assert by_default == {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    best = min(
        (r for r in reading.read_records(other) if r["optimizer"] == "adam"),
        key=lambda r: (r["val_error"], r["trial"]),
    )
    assert records["carried_over"]["adam", 0]["hyperparameters"] == best["hyperparameters"]
    for key in records["default"]:
        assert len({str(own[key]["seeds"]) for own in records.values()}) == 1
        assert {own[key]["workload"] for own in records.values()} == {"digits_logistic"}
    said = capsys.readouterr().out
    assert "digits_logistic, Adam: test error" in said
    assert command(words) == 0  # nothing is trained twice


def test_a_table_has_no_hyperparameters_to_carry(tmp_path, capsys):
    path = tmp_path / "trials.csv"
    path.write_text("workload,optimizer,trial,status,val_error\nw,a,0,complete,0.1\n")
    assert command(["untuned", str(path), "--carried", str(path)]) == 2
    told = capsys.readouterr().err
    assert "is a table; give the results folder with its records" in told
