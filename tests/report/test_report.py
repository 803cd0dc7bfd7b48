"""``harness report``: its files, its words, its mistakes in one line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.__main__ import command
from harness.analysis.reading import save_results
from harness.errors import ConfigError
from harness.report import catalogue
from harness.report.writing import write_report
from tests.analysis import made_up
from tests.analysis.conftest import drawn_best
from tests.report.conftest import Written, data_of

HEAD = "workload,optimizer,trial,status,val_error"


@pytest.fixture
def pictures() -> None:
    """Asked for by tests that look at the pictures, which take most of a report's time."""


@pytest.fixture(autouse=True)
def _without_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "pictures" not in request.fixturenames:
        monkeypatch.setattr(catalogue, "save_figure", lambda name, *_, **__: catalogue.Drawn(name))


def run(tmp_path: Path, csv: str, *options: str) -> tuple[int, Path]:
    source = tmp_path / "trials_given.csv"
    source.write_text(csv, encoding="utf-8")
    out = tmp_path / "out"
    return command(["report", str(source), "--out", str(out), *options]), out


def test_it_writes_every_file_and_says_which(whole: Written) -> None:
    paths, printed = whole.paths, whole.printed
    assert {path.name for path in paths} == {
        "report.html", "trials.csv", "tuning_curves.csv", "final.csv", "pairs.csv", "inclusions.csv",
        "importance.csv", "spaces.csv", "borders.csv", "tuning_curves.png", "tuning_curves.svg", "curves.parquet",
        "studies.json",
    }  # fmt: skip
    assert all(path.stat().st_size for path in paths)
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
    assert row["mean"].item() == pytest.approx(drawn_best(errors, [8]).mean[0])
    assert not any(own["status"].isna())


def test_a_report_is_made_again_from_its_own_table(written: Path, tmp_path: Path) -> None:
    assert command(["report", str(written / "trials.csv"), "--out", str(tmp_path)]) == 0
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
    assert command(["report", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 2
    assert "does not exist" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="give another --out"):
        write_report(tmp_path, tmp_path / "file" / "out")
    assert command(["report", "study=aa", "--out", str(tmp_path / "out")]) == 2
    assert "no source given" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["curves.parquet", "studies.json"])
def test_damaged_companions_are_one_line(
    made_up_table: Path, tmp_path: Path, capsys, name: str
) -> None:
    table_copy = tmp_path / "trials.csv"
    table_copy.write_bytes(made_up_table.read_bytes())
    (tmp_path / name).write_bytes(b'{"a": 1}')
    assert command(["report", str(table_copy), "--out", str(tmp_path / "out")]) == 2
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


@pytest.mark.slow
def test_trials_evaluated_once_have_no_learning_curves_in_the_page(tmp_path: Path, capsys) -> None:
    found = made_up.results()
    assert found.curves is not None
    once = (found.curves["workload"] == "made-up digits") & (found.curves["step"] < made_up.STEPS)
    save_results(found._replace(curves=found.curves[~once]), tmp_path)
    assert command(["report", str(tmp_path / "trials.csv"), "--out", str(tmp_path / "out")]) == 0
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


@pytest.mark.slow
def test_metric_select_by_budget_and_target(tmp_path: Path, capsys) -> None:
    save_results(made_up.two_optimizers(), tmp_path)
    words = ["report", str(tmp_path / "trials.csv"), "--out", str(tmp_path / "out")]
    chosen = ["--metric", "test_error", "--select-by", "train_loss", "--max-budget", "4"]
    assert command([*words, *chosen]) == 0
    curves = pd.read_csv(tmp_path / "out" / "tuning_curves.csv")
    assert curves["budget_trials"].max() == 4
    printed = capsys.readouterr().out
    assert "Tuned with 4 feasible trials each, Momentum is better than SGD" in printed
    assert "training loss, lower is better" in printed
    assert command([*words, "--metric", "steps_to_target", "--target", "0.5"]) == 0
    steps = pd.read_csv(tmp_path / "out" / "tuning_curves.csv")
    assert steps["share_reached"].between(0, 1 + 1e-9).all()
    capsys.readouterr()
    reached = [*words, "--select-by", "steps_to_target", "--target"]
    assert command([*reached, "0.5"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    sentence = (
        r"Median steps to target, and the share of tuning runs that reach it: \w+ \S+ \(\d+%\), "
    )
    assert re.search(sentence, printed)
    assert command([*reached, "0.0001"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "No optimizer reaches the target in half of the tuning runs" in printed
    assert steps["mean"].between(40, made_up.STEPS).all()


# --- every trial counts -----------------------------------------------------------------------------

DIVERGING = f"{HEAD}\n" + "".join(
    f"w,{name},{i},{'complete' if i % 5 < feasible else 'diverged'},{error if i % 5 < feasible else ''}\n"
    for name, feasible, error in (("sgd", 5, 0.2), ("momentum", 1, 0.1))
    for i in range(50)
)


def test_counting_infeasible_trials_goes_through_everything(tmp_path: Path, capsys) -> None:
    """Momentum's feasible trials are better, one in five: with K = 10, one run in ten finds none."""
    status, out = run(tmp_path, DIVERGING, "--count-infeasible")
    assert status == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Tuned with 10 trials each, Momentum" in printed
    assert "Every trial counts, a diverged one as infinitely bad" in printed
    assert "median and 5-95% band over random searches of K trials, a diverged one" in printed
    final, edges, curves = (
        pd.read_csv(out / f"{name}.csv") for name in ("final", "inclusions", "tuning_curves")
    )
    for table in (final, edges, curves):
        assert table["every_trial_counts"].all()
    assert "every_trial_counts" not in pd.read_csv(out / "trials.csv")  # a choice, not a result
    assert final["budget_trials"].tolist() == [10, 10]
    assert edges["general_trials"].tolist() == [50]
    own = curves[(curves["optimizer"] == "momentum") & (curves["budget_trials"] == 4)].iloc[0]
    assert (own["p50"], own["mean"]) == (0.1, np.inf)  # 1 - .8^4 find one
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<strong>Every trial counts here,</strong>" in page
    assert "Median and band (5th–95th percentile" in page
    assert run(tmp_path, DIVERGING)[0] == 0
    assert "that takes 50 feasible trials of each, and there are 10–50." in " ".join(
        capsys.readouterr().out.split()
    )
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Every trial counts" not in page
    assert "every_trial_counts" not in pd.read_csv(out / "final.csv")


def test_counting_infeasible_trials_can_turn_the_answer(tmp_path: Path, capsys) -> None:
    """At K = 2 a search over momentum's space finds a feasible trial in 36% of runs."""
    status, _ = run(tmp_path, DIVERGING, "--count-infeasible", "--max-budget", "2")
    assert status == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "SGD, tuned with 2 trials, reaches a median validation error of .2000." in printed
    assert "Momentum: finds no feasible trial in most tuning runs." in printed


def test_a_disk_that_fills_leaves_no_half_report(
    tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.report.page.render", full)
    status, out = run(tmp_path, f"{HEAD}\nw,adam,0,complete,0.25\n")
    assert status == 1
    error = capsys.readouterr().err
    assert "cannot be written to" in error
    assert "No space left on device" in error
    assert error.count("\n") == 1
    assert not list(out.iterdir())


@pytest.mark.parametrize(
    "rows",
    [
        ["sgd,{i},complete,{e},0.{i}", "sgd,1{i},complete,1.7e308,0.{i}"],
        ["sgd,{i},complete,{e}e-12,0.{i}"],
        ["sgd[wd=0],{i},complete,{e},inf", "lion[/red],{i},complete,{e},0.{i}"],
    ],
    ids=["huge", "small", "brackets and infinite coordinates"],
)
def test_odd_values_and_names_are_reported_as_they_are(
    tmp_path: Path, capsys, rows: list[str], pictures: None
) -> None:
    lines = [f"w,{row}".format(i=i, e=0.2 + i / 100) for i in range(9) for row in rows]
    status, _ = run(tmp_path, "\n".join([f"{HEAD},hp.clip", *lines]) + "\n")
    assert status == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for row in rows:
        assert row.split(",")[0] in printed.out
    assert ".0000" not in printed.out


# --- mine against a baseline ------------------------------------------------------------------------


def rivals(seed: int = 0) -> str:
    """Three optimizers, 60 trials each: mine is ahead of adam, sgd level with it."""
    rng = np.random.default_rng(seed)
    errors = rng.random(60) / 2 + 0.2
    columns = {"sgd": errors + 0.05 * rng.random(60), "adam": errors, "mine": errors - 0.1}
    rows = (
        f"w,{name},{trial},complete,{error}"
        for name, column in columns.items()
        for trial, error in enumerate(column)
    )
    return "\n".join([HEAD, *rows]) + "\n"


def test_a_report_against_a_baseline_leads_with_mine(tmp_path: Path, capsys) -> None:
    status, out = run(tmp_path, rivals(), "--baseline", "adam")
    assert status == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith("w: Tuned with 12 trials each, mine is better than Adam: it wins")
    frame = pd.read_csv(out / "pairs.csv")
    assert list(frame.columns) == [
        "workload", "a", "b", "budget_trials", "trials_a", "trials_b", "win", "win_low",
        "win_high", "p_adjusted", "verdict",
    ]  # fmt: skip
    assert frame["b"].tolist()[:2] == ["adam", "adam"]
    assert len(frame) == 3
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "mine is better than Adam" in page
    assert run(tmp_path, rivals(), "--baseline", "lion")[0] == 2
    assert "the baseline 'lion' is not in the table" in capsys.readouterr().err


def test_without_out_it_is_only_said(tmp_path: Path, capsys) -> None:
    (tmp_path / "given.csv").write_text(rivals(), encoding="utf-8")
    assert command(["report", str(tmp_path / "given.csv"), "--baseline", "adam"]) == 0
    assert "mine is better than Adam" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["given.csv"]


def test_one_budget_in_all_that_is_said(tmp_path: Path, capsys) -> None:
    status, out = run(tmp_path, rivals(), "--budget", "8")
    assert status == 0
    printed = capsys.readouterr().out
    assert "Tuned with 8 trials each" in printed
    assert "mean best of 8" in printed
    assert pd.read_csv(out / "pairs.csv")["budget_trials"].tolist() == [8] * 3
    assert pd.read_csv(out / "final.csv")["budget_trials"].tolist() == [8] * 3
    page = (out / "report.html").read_text(encoding="utf-8")
    assert re.findall(r"Mean best of (\d+)", page) == ["1", "4", "8"]
    assert run(tmp_path, rivals(), "--budget", "0")[0] == 2
    assert "--budget must be 1 or more" in capsys.readouterr().err
    assert run(tmp_path, rivals(), "--budget", "8", "--max-budget", "4")[0] == 2
    assert "--budget 8 is above --max-budget 4" in capsys.readouterr().err
    assert run(tmp_path, rivals(), "pool=yes")[0] == 2
    assert "pool= is true or false" in capsys.readouterr().err


def test_no_share_of_races_of_too_few_trials(tmp_path: Path, capsys) -> None:
    few = "\n".join(line for line in rivals().splitlines() if ",4" not in line.split(",c")[0])
    status, out = run(tmp_path, few + "\n")
    assert status == 0
    assert pd.read_csv(out / "pairs.csv")["win"].notna().all()
    head, *rows = rivals().splitlines()
    sparse = "\n".join([head, *rows[::2]]) + "\n"  # thirty of each
    status, out = run(tmp_path, sparse)
    assert status == 0
    frame = pd.read_csv(out / "pairs.csv")
    assert frame["win"].isna().all()
    assert set(frame["verdict"]) == {"can't tell"}
    printed = " ".join(capsys.readouterr().out.split())
    assert "nothing can be said of which is better: that takes 40 trials of each" in printed
    assert not {"w0-ranks"} & set(data_of((out / "report.html").read_text("utf-8"))["figures"])
