"""The comparison in words: what it says, and that it fits."""

import io
import re

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from harness.analysis.checking import check
from harness.analysis.reading import Results, read_results
from harness.report.comparison import analyse
from harness.report.terminal import render
from tests.analysis.conftest import made_up_table


def summary(trials, *, width=100):
    """What is printed on a terminal of that width."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(render(analyse(Results(trials, None, {}))))
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


@pytest.fixture
def trials():
    errors = np.linspace(0.1, 0.9, 60)
    trials = made_up_table(sgd=errors, momentum=np.append(errors[:50] - 0.05, [np.inf] * 10),
                           nesterov=errors + 0.05, adam=[np.inf] * 3)  # fmt: skip
    failed = trials.iloc[[0, 1]].assign(trial=[60, 61], status=["failed", "timeout"])
    return check(pd.concat([trials, failed]))


def line(text, start):
    return next(line for line in text.splitlines() if line.startswith(start))


def test_every_optimizer_with_its_figures(trials):
    text = summary(trials)
    header = "optimizer best trial its test mean best of 1 mean best of 4 mean best of 10 feasible"
    assert line(text, "optimizer").split() == header.split()
    sgd = line(text, "sgd  ").split()
    assert sgd[:6] == ["sgd", ".1000", "0", "-", ".5000", ".127-.859"]
    assert sgd[-1] == "60/60"
    assert line(text, "momentum  ").split()[-1] == "50/60"
    assert line(text, "adam  ").split() == ["adam", "-", "-", "-", "-", "-", "-", "0/3"]


def test_a_single_trial_has_no_band():
    text = summary(made_up_table(sgd=[0.0583], adam=[0.0503]))
    assert line(text, "sgd  ").split() == ["sgd", ".0583", "0", "-", ".0583", "1/1"]


def test_the_best_of_all_stands_out(trials):
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    console.print(render(analyse(Results(trials, None, {}))))
    bold = re.findall(r"\x1b\[1m *(\.\d+)", console.file.getvalue())
    assert bold == [".0500"]  # momentum's


def test_every_inclusion_with_its_verdict(trials):
    text = summary(trials)
    assert line(text, "sgd ⊆ momentum").endswith("consistent")
    assert ": yes" in line(text, "sgd ⊆ momentum")
    assert re.search(r"general wins +verdict", text)
    assert re.search(r"\d% \(\d+(\.\d+)?%-\d+%\) +consistent", line(text, "sgd ⊆ momentum"))
    assert ": within the band" in line(text, "sgd ⊆ nesterov")
    assert "no feasible trials" in line(text, "momentum ⊆ adam")
    assert line(text, "momentum ⊆ adam").endswith("not enough trials")
    assert "nadam" not in text


def test_what_is_left_out_is_listed(trials):
    assert line(summary(trials), "Left out") == (
        "Left out: made_up/sgd: 1 failed, 1 timeout (trials 60, 61)"
    )


def test_it_fits_its_width(trials):
    for width in (80, 100):
        assert max(map(len, summary(trials, width=width).splitlines())) <= width
    assert "…" not in summary(trials)


def test_a_table_without_inclusions(mnli):
    text = summary(read_results(mnli).trials)
    assert "⊆" not in text
    assert line(text, "deberta-v3-base").split()[1] == ".0934"
