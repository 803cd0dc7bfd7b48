"""The page's source: what it holds and what it keeps out. In a browser it is looked at by test_in_browser."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.analysis.checking import check
from harness.analysis.reading import Results
from harness.report.comparison import analyse
from harness.report.page import command, marker_path, render
from harness.report.writing import write_report
from harness.study.study import Study
from tests.report.conftest import data_of

HEAD = "workload,optimizer,trial,status,val_error"


def test_the_page_loads_nothing_and_names_no_place_of_this_machine(written: Path) -> None:
    page = (written / "report.html").read_text(encoding="utf-8")
    own = page[: page.index('<script type="application/json"')] + page[page.rindex("<script>") :]
    assert "default-src 'none'" in own
    assert not re.search(r'(src|href)="(?!#|data:,)', own)
    assert str(written) not in page


def test_nothing_in_a_table_becomes_markup(tmp_path: Path, capsys) -> None:
    evil = "</script><b onclick=alert(1)>"
    csv = f'{HEAD},hp.<img src=x>,study\n"<i>w","{evil}",0,complete,0.1,1,"""><u>"\n"<i>w",adam,0,complete,0.2,2,s\n'
    (tmp_path / "given.csv").write_text(csv, encoding="utf-8")
    write_report(tmp_path / "given.csv", tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for markup in ("<i>w", "<b onclick", "<img", "<u>"):
        assert markup not in page
    assert data_of(page)["trials"]["optimizers"] == ["Adam", evil]  # in the data it is what it was


def test_every_row_has_the_command_that_reproduces_it(written: Path) -> None:
    trials = data_of((written / "report.html").read_text(encoding="utf-8"))["trials"]
    row = trials["optimizer"].index(trials["optimizers"].index("RMSProp"))
    words = shlex.split(trials["commands"][trials["study"][row]])
    assert words[0] == "harness"
    assert "workload=made-up digits" in words
    assert "optimizer=rmsprop" in words
    assert "num_trials=1" in words


def test_a_command_keeps_what_makes_the_trial_and_drops_where_it_ran() -> None:
    config = {"workload": {"name": "digits_cnn"}, "optimizer": {"name": "adam"}}
    words = (
        "experiment=quickstart", "optimizer=adam", "++workload.steps=100", "workers=2",
        "root=/somewhere/else", "data.root=/data", "first_trial=5", "seed=3; rm -rf x",
    )  # fmt: skip
    assert command(Study(config, words)) == (
        "harness experiment=quickstart optimizer=adam ++workload.steps=100 'seed=3; rm -rf x'"
        " num_feasible=null max_trials=null report=null root=reproduced num_trials=1"
    )
    assert command(Study(config)) == (
        "harness workload=digits_cnn optimizer=adam root=reproduced num_trials=1"
    )


@pytest.mark.slow
def test_a_long_table_is_capped_to_the_best_of_each_and_quick(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame({"workload": "made-up", "optimizer": name, "trial": range(15_000),
                      "status": "complete", "val_error": rng.random(15_000)})
        for name in ("sgd", "adam")
    ]  # fmt: skip
    trials = check(pd.concat(frames, ignore_index=True))
    start = time.process_time()
    page = render(analyse(Results(trials, None, {})))
    assert time.process_time() - start < 15
    assert "30,000 trials" in page
    assert "about 10,000 in all" in page
    shown = data_of(page)["trials"]
    assert len(shown["trial"]) == 10_000
    best = trials[trials["optimizer"] == "adam"].nsmallest(1, "val_error")
    assert best["trial"].item() in shown["trial"]
    assert len(page) < 8e6


def test_markers_of_the_page_are_those_of_the_figures() -> None:
    assert marker_path("s") == "M-1,1 L1,1 L1,-1 L-1,-1Z"
    assert marker_path("^").count("L") == 2
