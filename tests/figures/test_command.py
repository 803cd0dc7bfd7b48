"""``harness figures``, and the script of the same: from a folder, a table, or the committed tables."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from harness.__main__ import command
from harness.analysis.reading import read_results, save_results
from harness.report import catalogue
from tests.analysis import made_up
from tests.analysis.made_up import with_spaces

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "reproduce_figures.py"


@pytest.fixture(autouse=True)
def one_figure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One figure in the catalogue; results/ is looked for in a folder of this test's own."""
    monkeypatch.setattr(catalogue, "CATALOGUE", catalogue.CATALOGUE[:1])
    monkeypatch.setattr(catalogue, "FORMATS", ("svg",))
    monkeypatch.chdir(tmp_path)


def figures(words: Sequence[str]) -> int:
    return command(["figures", *words])


def committed(folder: Path, name: str) -> Path:
    (folder / "results" / name).mkdir(parents=True)
    save_results(made_up.two_optimizers(), folder / "results" / name)
    return folder / "results" / name


def test_without_a_source_every_committed_table_is_drawn_into_its_folder(
    tmp_path: Path, capsys
) -> None:
    folders = [committed(tmp_path, name) for name in ("one", "two")]
    assert figures([]) == 0
    for folder in folders:
        assert (folder / "figures" / "figure_1_errors.svg").exists()
    assert capsys.readouterr().out.count("1 figures in") == 2


def test_a_table_that_compares_no_optimizers_is_named_and_the_others_are_drawn(
    tmp_path: Path, capsys
) -> None:
    table = committed(tmp_path, "delays") / "trials.csv"
    trials = pd.read_csv(table)
    again = trials.assign(study="another", trial=trials["trial"] + len(trials))
    pd.concat([trials, again]).to_csv(table, index=False)
    other = committed(tmp_path, "other")
    assert figures([]) == 0  # nothing is wrong with it
    said = capsys.readouterr().out
    assert "not drawn: results/delays: made-up digits/sgd has 2 studies" in said
    assert (other / "figures" / "figure_1_errors.svg").exists()
    table.write_text("damaged", encoding="utf-8")
    assert figures([]) == 2
    assert (
        "not drawn: results/delays: trials.csv lacks the column workload" in capsys.readouterr().out
    )


def test_a_source_is_drawn_into_the_folder_asked_for(tmp_path: Path) -> None:
    table = committed(tmp_path, "one") / "trials.csv"
    assert figures([str(table), "--out", str(tmp_path / "here")]) == 0
    assert {path.suffix for path in (tmp_path / "here").iterdir()} == {".csv", ".svg"}


def test_png_alone_where_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(catalogue, "FORMATS", ("png", "svg"))
    committed(tmp_path, "one")
    assert figures(["--png"]) == 0
    drawn = tmp_path / "results" / "one" / "figures"
    assert {path.suffix for path in drawn.iterdir()} == {".csv", ".png"}


@pytest.mark.slow
def test_a_table_of_several_search_spaces_gives_figures_3_and_4(tmp_path: Path) -> None:
    with_spaces().to_csv(tmp_path / "spaces.csv", index=False)
    assert figures([str(tmp_path / "spaces.csv"), "--out", str(tmp_path / "here")]) == 0
    assert {path.stem for path in (tmp_path / "here").iterdir()} == {"figure_3_4_search_spaces"}


def test_spaces_swept_into_roots_of_their_own_are_labelled_and_drawn_together(
    tmp_path: Path,
) -> None:
    for seed, name in enumerate(("narrow", "wide")):
        (tmp_path / name).mkdir()
        made = made_up.two_optimizers(20, seed=seed)
        save_results(made, tmp_path / name)
    words = [f"--space={label}={tmp_path / name}/trials.csv" for label, name in (
        ("lr only", "narrow"), ("all", "wide"),
    )]  # fmt: skip
    out = tmp_path / "together" / "figures"
    home = ["--out", str(out), "--save-table", str(out.parent), "--num-trials", "12"]
    assert figures([*words, *home]) == 0
    saved = read_results(out.parent / "trials.csv", all_studies=True)
    assert list(saved.trials["search_space"].unique()) == ["lr only", "all"]
    assert (
        saved.trials.groupby(["search_space", "workload", "optimizer"])["trial"].max().max() == 11
    )
    before = (out / "figure_3_4_search_spaces.csv").read_bytes()
    assert set(pd.read_csv(out / "figure_3_4_search_spaces.csv")["metric"]) == {
        "val_error",
        "test_error",
    }
    assert figures([str(out.parent / "trials.csv")]) == 0  # again, from the saved table
    assert (out / "figure_3_4_search_spaces.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{}/a.csv", "--num-trials", "3"], "--num-trials is for --space"),
        (["--space", "a={}/a.csv", "--space", "a={}/b.csv"], "--space gives 'a' twice"),
        (["--space", "a={}/a.csv", "--out", "x", "{}/b.csv"], "give nothing beside"),
        (["{}/spaces.csv", "--study", "typo"], "study 'typo' is not in the table"),
    ],
)
def test_what_would_be_ignored_is_refused(
    tmp_path: Path, capsys, words: list[str], message: str
) -> None:
    with_spaces().to_csv(tmp_path / "spaces.csv", index=False)
    for name in ("a", "b"):
        made_up.results(10).trials.to_csv(tmp_path / f"{name}.csv", index=False)
    assert figures([word.format(tmp_path) for word in words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--select-by", "typo"], "the table lacks the column typo; it has "),
        (["--metric", "typo"], "the table lacks the column typo; it has "),
        (["--metric", "steps_to_target"], "steps_to_target needs learning curves"),
    ],
)
def test_a_column_that_is_not_there_is_one_line(
    tmp_path: Path, capsys, options: list[str], message: str
) -> None:
    trials = made_up.results(20).trials
    trials.to_csv(tmp_path / "trials.csv", index=False)
    out = tmp_path / "figures"
    assert figures([str(tmp_path / "trials.csv"), "--out", str(out), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not out.exists()


def test_mistakes_are_one_line(tmp_path: Path, capsys) -> None:
    assert figures([]) == 2
    assert "no table results/*/trials.csv here" in capsys.readouterr().err
    assert figures([str(tmp_path / "nothing")]) == 2
    assert "does not exist" in capsys.readouterr().err
    for name in ("one", "two"):
        committed(tmp_path, name)
    assert figures(["--out", "x"]) == 2
    assert "are for one source" in capsys.readouterr().err
    assert figures([str(tmp_path / "results" / "one" / "trials.csv")] * 2) == 2
    assert "say where with --out" in capsys.readouterr().err
    for words, says in (
        (["--num-trials", "0"], "--num-trials must be 1 or more, got 0"),
        (["--space", "lr only"], "is not LABEL=ROOT"),
        (["--space", "lr=x"], "say where with --out"),
        (["--space", "lr=x", "results", "--out", "x"], "give nothing beside"),
        (["--space", f"lr={tmp_path}/absent", "--out", "x"], "does not exist"),
    ):
        assert figures(words) == 2
        errors = capsys.readouterr().err
        assert says in errors
        assert errors.count("\n") == 1


def test_the_script_is_a_door_to_the_same_command(tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPT), str(tmp_path / "nothing")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("harness figures: ")
    assert "does not exist" in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_is_quick_and_explains_what_counts(capsys) -> None:
    """Nothing costly is imported for it."""
    script = (
        "import sys; from harness.__main__ import command; status = command([sys.argv[1], '--help']);"
        "print(status, [m for m in ('numpy', 'pandas', 'matplotlib', 'torch') if m in sys.modules])"
    )
    for verb in ("figures", "report", "card", "refine"):
        done = subprocess.run([sys.executable, "-c", script, verb], capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == "0 []", verb
        assert ("--count-infeasible" in done.stdout) == (verb in ("figures", "report"))
