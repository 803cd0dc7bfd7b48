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
    reseeded = list(reading.read_records(out))
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


@pytest.mark.slow
def test_a_sweep_that_went_on_is_confirmed_again(tmp_path, capsys):
    words = ("optimizer=sgd", "workers=1", f"root={tmp_path}", *TINY)
    confirm = ["confirm", str(tmp_path), "--seeds", "2", "workers=1"]
    selected = []
    for number in (1, 2):
        assert command([*words, f"num_trials={number}"]) == 0
        assert command(confirm) == 0, capsys.readouterr().err
        table = pd.read_csv(tmp_path / "confirmed" / "confirmed.csv")
        assert table["seeds"].tolist() == [2]
        selected += table["trial"].tolist()
    assert selected == [0, 1]  # what was selected before lies there too
    assert len(list((tmp_path / "confirmed").glob("*/*/*/study.json"))) == 2


@pytest.mark.slow
def test_a_report_shows_it_while_the_same_trials_are_selected(tmp_path, capsys):
    root = tmp_path / "searched"
    words = ("-m", "optimizer=sgd,momentum", "workers=1", f"root={root}", *TINY)
    assert command([*words, "num_trials=2"]) == 0
    assert command(["confirm", str(root), "--seeds", "2", "workers=1"]) == 0
    capsys.readouterr()
    assert command(["report", str(root), "--out", str(tmp_path / "report")]) == 0
    said = capsys.readouterr().out
    assert "the selected trials on fresh seeds" in said
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "The selected trials on fresh seeds" in page
    again = pd.read_csv(tmp_path / "report" / "confirmed.csv")
    assert set(again["optimizer"]) == {"sgd", "momentum"}
    # A report of the report's own table has it too, and the card.
    assert command(["report", str(tmp_path / "report" / "trials.csv")]) == 0
    assert "the selected trials on fresh seeds" in capsys.readouterr().out
    assert command(["card", str(root)]) == 0
    card = (root / "card.md").read_text(encoding="utf-8")
    assert "trained again on fresh seeds" in card
    # The sweep goes on; what is selected no more is not shown.
    table = pd.read_csv(root / "confirmed" / "confirmed.csv")
    table.assign(trial=table["trial"] + 1).to_csv(root / "confirmed" / "confirmed.csv", index=False)
    capsys.readouterr()
    assert command(["report", str(root)]) == 0
    assert "on fresh seeds" not in capsys.readouterr().out


def test_a_table_there_that_is_another_is_named_with_the_remedy(tmp_path, capsys):
    path = tmp_path / "trials.csv"
    path.write_text("workload,optimizer,trial,status,val_error\nw,a,0,complete,0.1\n")
    (tmp_path / "confirmed.csv").write_text("workload,optimizer\nw,a\n")
    assert command(["report", str(path)]) == 2
    told = capsys.readouterr().err
    assert (
        "confirmed.csv lacks the column study; remove it, or write it again by harness confirm"
        in told
    )
    (tmp_path / "confirmed.csv").unlink()
    assert command(["report", str(path)]) == 0


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
