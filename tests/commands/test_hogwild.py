"""`harness hogwild` at small size."""

import numpy as np
import pandas as pd
import pytest

from harness.__main__ import command
from harness.analysis.hogwild import summary
from harness.commands import hogwild


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("Well, Prince, so Genoa and Lucca are now just family estates. " * 40)
    return path


def test_it_tunes_runs_and_writes(text, tmp_path, capsys):
    words = [
        "--text",
        str(text),
        "--workers",
        "1,2",
        "--epochs",
        "1",
        "--repeats",
        "1",
        "--bits",
        "10",
    ]
    assert command(["hogwild", *words, "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "examples: train 352, validation 44, test 44" in out
    runs = pd.read_csv(tmp_path / "out" / "hogwild.csv")
    assert list(zip(runs["workers"], runs["locked"], strict=True)) == [
        (1, False), (1, True), (2, False), (2, True),
    ]  # fmt: skip
    assert (tmp_path / "out" / "hogwild.png").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--workers", "0"], "--workers must be counts such as 1,2,4, got '0'"),
        (["--workers", "two"], "--workers must be counts such as 1,2,4, got 'two'"),
        (["--epochs", "0"], "--epochs must be 1 or more, got 0"),
        (["--lr", "-1"], "--lr must be more than 0, got -1"),
        (["--text", "/no/such/file"], "--text /no/such/file cannot be read"),
    ],
)
def test_mistakes_are_one_line(words, says, capsys):
    assert command(["hogwild", *words]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_the_grid_holds_a_rate_below_and_above_the_one_chosen_on_the_reference():
    assert min(hogwild.RATES) < 0.1 < max(hogwild.RATES)


def test_speedup_is_over_one_process_without_a_lock():
    runs = pd.DataFrame({
        "workers": [1, 1, 2, 2], "locked": [False, True] * 2, "repeat": 0,
        "examples_per_second": [100.0, 80.0, 190.0, 90.0], "examples_per_cpu_second": 100.0,
        "test_error": 0.1, "test_loss": 0.2,
    })  # fmt: skip
    found = summary(runs)
    np.testing.assert_allclose(found["speedup"], [1.0, 0.8, 1.9, 0.9])
