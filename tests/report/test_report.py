"""The report's files and words; its page is looked at in test_page.py."""

from __future__ import annotations

import json
import re
import shlex
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.analysis import results, table
from harness.analysis.best_of_k import curve
from harness.errors import ConfigError
from harness.report import comparison as report
from harness.report import page as report_page
from tests.figures import made_up

HEAD = "workload,optimizer,trial,status,val_error"


def run(tmp_path: Path, csv: str, *options: str) -> tuple[int, Path]:
    source = tmp_path / "trials_given.csv"
    source.write_text(csv, encoding="utf-8")
    return report.main([str(source), "--out", str(tmp_path / "out"), *options]), tmp_path / "out"


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found.group(1))


def test_it_writes_every_file_and_says_which(made_up_table: Path, tmp_path: Path, capsys) -> None:
    paths = report.write_report(made_up_table, tmp_path / "out")
    assert {path.name for path in paths} == {
        "report.html", "trials.csv", "tuning_curves.csv", "final.csv", "inclusions.csv",
        "importance.csv", "borders.csv", "tuning_curves.png", "tuning_curves.svg", "curves.parquet",
        "studies.json",
    }  # fmt: skip
    assert all(path.stat().st_size for path in paths)
    printed = capsys.readouterr().out
    assert all(str(path) in printed for path in paths)
    assert "made-up digits: Tuned with 9 feasible trials each" in printed
    assert "feasible" in printed


def test_the_columns_that_others_read(written: Path) -> None:
    trials = pd.read_csv(written / "trials.csv")
    assert list(trials.columns[:10]) == [
        "workload", "optimizer", "study", "trial", "status", "train_loss", "val_error",
        "test_error", "steps", "train_seconds",
    ]  # fmt: skip
    assert trials.columns[10].startswith("hp.")
    curves = pd.read_csv(written / "tuning_curves.csv")
    assert list(curves.columns) == [
        "workload", "optimizer", "budget_trials", "mean", "p05", "p50", "p95", "median_low",
        "median_high",
    ]  # fmt: skip
    own = trials[(trials["workload"] == "made-up text") & (trials["optimizer"] == "adam")]
    errors = own[own["status"] == "complete"]["val_error"].to_numpy()
    row = curves[
        (curves["workload"] == "made-up text")
        & (curves["optimizer"] == "adam")
        & (curves["budget_trials"] == 8)
    ]
    assert row["mean"].item() == pytest.approx(curve(errors, [8]).mean[0])
    assert not any(own["status"].isna())


def test_a_report_is_made_again_from_its_own_table(written: Path, tmp_path: Path) -> None:
    assert report.main([str(written / "trials.csv"), "--out", str(tmp_path)]) == 0
    for name in ("trials.csv", "tuning_curves.csv", "final.csv", "report.html", "studies.json"):
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes(), name


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ("workload,optimizer,trial,val_error\nw,adam,0,0.1\n", "lacks the column status"),
        (f"{HEAD}\nw,adam,0,complete,\n", "line 2: val_error is empty (NaN) in a complete trial"),
        (f"{HEAD}\nw,adam,0,complete,0.1\nw,adam,0,complete,0.2\n", "stands there twice"),
        (f"{HEAD}\n", "holds no trials"),
        ("", "is empty"),
        (f"{HEAD}\nw,adam,0,finished,0.1\n", "status 'finished' is not one of"),
        (f"{HEAD},study\nw,adam,0,complete,.1,aa\nw,adam,0,complete,.2,bb\n", "has 2 studies"),
        (
            f"{HEAD},metric\nw,adam,0,complete,.1,nll\nw,sgd,0,complete,.2,error rate\n",
            "mixes metrics",
        ),
    ],
)
def test_a_bad_table_is_one_line(tmp_path: Path, capsys, csv: str, message: str) -> None:
    status, _ = run(tmp_path, csv)
    captured = capsys.readouterr()
    assert status == 2
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metric", "accuracy"], "the table lacks the column accuracy; it has workload, "),
        (["--select-by", "typo"], "the table lacks the column typo; it has workload, "),
        (["--metric", "steps_to_target"], "steps_to_target needs learning curves"),
        (["--select-by", "seconds_to_target"], "seconds_to_target needs learning curves"),
        (["--max-budget", "0"], "--max-budget must be 1 or more"),
        (["--study", "ff"], "study 'ff' is not in the table"),
    ],
)
def test_a_bad_option_is_one_line(tmp_path: Path, capsys, options: list[str], message: str) -> None:
    status, out = run(tmp_path, f"{HEAD}\nw,adam,0,complete,0.1\n", *options)
    assert status == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
    assert not (out / "report.html").exists()


def test_a_report_that_fails_leaves_the_page_that_was_there(tmp_path: Path, capsys) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("an earlier one")
    assert run(tmp_path, "", "--metric", "accuracy")[0] == 2
    assert (tmp_path / "out" / "report.html").read_text() == "an earlier one"
    capsys.readouterr()


def test_missing_sources_and_unwritable_folders(tmp_path: Path, capsys) -> None:
    assert report.main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 2
    assert "does not exist" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="give another --out"):
        report.write_report(tmp_path, tmp_path / "file" / "out")
    assert report.main(["study=aa", "--out", str(tmp_path / "out")]) == 2
    assert "no source given" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["curves.parquet", "studies.json"])
def test_damaged_companions_are_one_line(
    made_up_table: Path, tmp_path: Path, capsys, name: str
) -> None:
    table_copy = tmp_path / "trials.csv"
    table_copy.write_bytes(made_up_table.read_bytes())
    (tmp_path / name).write_bytes(b'{"a": 1}')
    assert report.main([str(table_copy), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert name in error
    assert error.count("\n") == 1


def test_studies_are_chosen_or_pooled(tmp_path: Path, capsys) -> None:
    csv = f"{HEAD},study\n" + "".join(
        f"w,adam,{i},complete,.{i + 1},{s}\n" for s in ("aa", "bb") for i in range(6)
    )
    assert run(tmp_path, csv, "--study", "bb")[0] == 0
    assert run(tmp_path, csv, "study=bb")[0] == 0
    status, out = run(tmp_path, csv, "pool=true")
    assert status == 0
    assert pd.read_csv(out / "final.csv")["feasible_trials"].tolist() == [12]
    capsys.readouterr()


def test_one_trial_alone(tmp_path: Path, capsys) -> None:
    status, out = run(tmp_path, f"{HEAD}\nw,adam,0,complete,0.25\n")
    assert status == 0
    assert (
        "Adam, tuned with a single trial, reaches a validation error of .2500."
        in capsys.readouterr().out
    )
    assert pd.read_csv(out / "tuning_curves.csv")["budget_trials"].tolist() == [1]


def test_all_diverged(tmp_path: Path, capsys) -> None:
    status, out = run(tmp_path, f"{HEAD}\nw,adam,0,diverged,\nw,sgd,0,diverged,\n")
    assert status == 0
    assert "No trial was feasible" in capsys.readouterr().out
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "No optimizer has a feasible trial here" in page
    assert pd.read_csv(out / "tuning_curves.csv").empty


def test_a_workload_without_figures_keeps_its_place(tmp_path: Path, capsys) -> None:
    status, out = run(tmp_path, f"{HEAD}\nlost,adam,0,diverged,\nw,adam,0,complete,0.25\n")
    assert status == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'<section id="(w\d+)"', page) == ["w0", "w1"]
    assert {name.split("-")[0] for name in data_of(page)["figures"]} == {"w1"}
    capsys.readouterr()


def test_trials_evaluated_once_have_no_learning_curves_in_the_page(tmp_path: Path, capsys) -> None:
    found = made_up.results()
    assert found.curves is not None
    once = (found.curves["workload"] == "made-up digits") & (found.curves["step"] < made_up.STEPS)
    results.save(found._replace(curves=found.curves[~once]), tmp_path)
    assert report.main([str(tmp_path / "trials.csv"), "--out", str(tmp_path / "out")]) == 0
    figures = data_of((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))["figures"]
    assert "w0-spread" in figures
    assert "w0-learning" not in figures
    assert "w1-learning" in figures
    capsys.readouterr()


def test_the_inclusions_in_print_are_those_of_what_selects(tmp_path: Path, capsys) -> None:
    csv = f"{HEAD},train_loss\n" + "".join(
        f"w,{name},{i},complete,{val + i / 1000},{loss + i / 1000}\n"
        for name, val, loss in (("sgd", 0.5, 0.1), ("momentum", 0.1, 0.5))
        for i in range(60)
    )
    for options, verdict in (([], "consistent"), (["--select-by", "train_loss"], "violated")):
        assert run(tmp_path, csv, *options)[0] == 0
        printed = capsys.readouterr().out.splitlines()
        edge = next(line for line in printed if line.startswith("sgd ⊆ momentum"))
        assert edge.rstrip().endswith(verdict)
        verdicts = pd.read_csv(tmp_path / "out" / "inclusions.csv")["verdict"]
        assert verdicts.tolist() == [verdict]


def test_metric_select_by_budget_and_target(made_up_table: Path, tmp_path: Path, capsys) -> None:
    command = [str(made_up_table), "--out", str(tmp_path)]
    assert (
        report.main(
            [*command, "--metric", "test_error", "--select-by", "train_loss", "--max-budget", "4"]
        )
        == 0
    )
    curves = pd.read_csv(tmp_path / "tuning_curves.csv")
    assert curves["budget_trials"].max() == 4
    assert "lowest expected training loss" in capsys.readouterr().out
    assert report.main([*command, "--metric", "steps_to_target", "--target", "0.5"]) == 0
    steps = pd.read_csv(tmp_path / "tuning_curves.csv")
    assert steps["share_reached"].between(0, 1 + 1e-9).all()
    capsys.readouterr()
    reached = [*command, "--select-by", "steps_to_target", "--target"]
    assert report.main([*reached, "0.5"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    sentence = r"lowest median steps to target: \d+\S*; \d+% of its tuning runs reach the target"
    assert re.search(sentence, printed)
    assert report.main([*reached, "0.0001"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "no optimizer reaches the target in half" in printed
    assert steps["mean"].between(40, made_up.STEPS).all()


def test_the_page_loads_nothing_and_names_no_place_of_this_machine(written: Path) -> None:
    page = (written / "report.html").read_text(encoding="utf-8")
    own = page[: page.index('<script type="application/json"')] + page[page.rindex("<script>") :]
    assert "default-src 'none'" in own
    assert not re.search(r'(src|href)="(?!#|data:,)', own)
    assert str(written) not in page


def test_nothing_in_a_table_becomes_markup(tmp_path: Path, capsys) -> None:
    evil = "</script><b onclick=alert(1)>"
    csv = f'{HEAD},hp.<img src=x>,study\n"<i>w","{evil}",0,complete,0.1,1,"""><u>"\n"<i>w",adam,0,complete,0.2,2,s\n'
    status, out = run(tmp_path, csv)
    assert status == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    for markup in ("<i>w", "<b onclick", "<img", "<u>"):
        assert markup not in page
    assert data_of(page)["trials"]["optimizers"] == ["Adam", evil]  # in the data it is what it was
    capsys.readouterr()


def test_every_row_has_the_command_that_reproduces_it(written: Path) -> None:
    trials = data_of((written / "report.html").read_text(encoding="utf-8"))["trials"]
    row = trials["optimizer"].index(trials["optimizers"].index("RMSProp"))
    words = shlex.split(trials["commands"][trials["study"][row]])
    assert words[:3] == ["python", "-m", "harness"]
    assert "workload=made-up digits" in words
    assert "optimizer=rmsprop" in words
    assert "num_trials=1" in words


def test_a_command_keeps_what_makes_the_trial_and_drops_where_it_ran() -> None:
    study = {
        "workload": {"name": "digits_cnn"}, "optimizer": {"name": "adam"},
        "overrides": ["experiment=quickstart", "optimizer=adam", "++workload.steps=100", "workers=2",
                      "root=/somewhere/else", "data.root=/data", "first_trial=5", "seed=3; rm -rf x"],
    }  # fmt: skip
    assert report_page.command(study) == (
        "python -m harness experiment=quickstart optimizer=adam ++workload.steps=100 'seed=3; rm -rf x'"
        " num_feasible=null max_trials=null report=null root=reproduced num_trials=1"
    )
    assert report_page.command({"workload": {}, "optimizer": {}}) is None


def test_saved_studies_name_no_place(tmp_path: Path) -> None:
    found = made_up.results()
    for study in found.studies.values():
        study["data"] = {"root": "/somewhere", "format": "official"}
        study["overrides"] = ["data.root=/somewhere", "optimizer=adam"]
    results.save(found, tmp_path)
    assert "/somewhere" not in (tmp_path / "studies.json").read_text()
    assert "official" in (tmp_path / "studies.json").read_text()


def test_a_long_table_is_capped_to_the_best_of_each_and_quick(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame({"workload": "made-up", "optimizer": name, "trial": range(15_000),
                      "status": "complete", "val_error": rng.random(15_000)})
        for name in ("sgd", "adam")
    ]  # fmt: skip
    trials = table.check(pd.concat(frames, ignore_index=True))
    start = time.perf_counter()
    page = report_page.render(report.analyse(results.Results(trials, None, {})))
    assert time.perf_counter() - start < 15
    assert "30,000 trials" in page
    assert "about 10,000 in all" in page
    shown = data_of(page)["trials"]
    assert len(shown["trial"]) == 10_000
    best = trials[trials["optimizer"] == "adam"].nsmallest(1, "val_error")
    assert best["trial"].item() in shown["trial"]
    assert len(page) < 8e6


def test_markers_of_the_page_are_those_of_the_figures() -> None:
    assert report_page.marker_path("s") == "M-1,1 L1,1 L1,-1 L-1,-1Z"
    assert report_page.marker_path("^").count("L") == 2
