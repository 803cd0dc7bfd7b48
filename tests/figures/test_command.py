"""The script that draws every figure again, from a folder, a table, or the committed tables."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from harness.analysis import results
from harness.errors import ConfigError
from harness.figures.catalogue import Entry
from tests.figures import made_up
from tests.figures.test_numbers import with_spaces

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "reproduce_figures.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script with one figure in the catalogue, and its own folder of results."""
    spec = importlib.util.spec_from_file_location("reproduce_figures", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "reproduce_figures", module)  # where its processes look
    spec.loader.exec_module(module)
    first: tuple[Entry, ...] = module.catalogue.CATALOGUE[:1]
    monkeypatch.setattr(module.catalogue, "CATALOGUE", first)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    return module


def committed(folder: Path, name: str) -> Path:
    (folder / "results" / name).mkdir(parents=True)
    results.save(made_up.results(20), folder / "results" / name)
    return folder / "results" / name


def test_without_a_source_every_committed_table_is_drawn_into_its_folder(
    script: ModuleType, tmp_path: Path, capsys
) -> None:
    folders = [committed(tmp_path, name) for name in ("one", "two")]
    assert script.main([]) == 0
    for folder in folders:
        assert (folder / "figures" / "figure_1_errors.svg").exists()
    assert capsys.readouterr().out.count("1 figures in") == 2


def test_a_source_is_drawn_into_the_folder_asked_for(script: ModuleType, tmp_path: Path) -> None:
    table = committed(tmp_path, "one") / "trials.csv"
    assert script.main([str(table), "--out", str(tmp_path / "here")]) == 0
    assert {path.suffix for path in (tmp_path / "here").iterdir()} == {".csv", ".png", ".svg"}


def test_a_table_of_several_search_spaces_gives_figures_3_and_4(
    script: ModuleType, tmp_path: Path
) -> None:
    with_spaces().to_csv(tmp_path / "spaces.csv", index=False)
    assert script.main([str(tmp_path / "spaces.csv"), "--out", str(tmp_path / "here")]) == 0
    assert {path.stem for path in (tmp_path / "here").iterdir()} == {"figure_3_4_search_spaces"}


def test_spaces_swept_into_roots_of_their_own_are_labelled_and_drawn_together(
    script: ModuleType, tmp_path: Path
) -> None:
    for seed, name in enumerate(("narrow", "wide")):
        (tmp_path / name).mkdir()
        made = made_up.results(20, seed=seed)
        results.save(made, tmp_path / name)
    words = [f"--space={label}={tmp_path / name}/trials.csv" for label, name in (
        ("lr only", "narrow"), ("all", "wide"),
    )]  # fmt: skip
    out = tmp_path / "together" / "figures"
    home = ["--out", str(out), "--save-table", str(out.parent), "--num-trials", "12"]
    assert script.main([*words, *home]) == 0
    saved = results.read(out.parent / "trials.csv", all_studies=True)
    assert list(saved.trials["search_space"].unique()) == ["lr only", "all"]
    assert (
        saved.trials.groupby(["search_space", "workload", "optimizer"])["trial"].max().max() == 11
    )
    before = (out / "figure_3_4_search_spaces.csv").read_bytes()
    assert set(pd.read_csv(out / "figure_3_4_search_spaces.csv")["metric"]) == {
        "val_error",
        "test_error",
    }
    assert script.main([str(out.parent / "trials.csv")]) == 0  # again, from the saved table
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
    script: ModuleType, tmp_path: Path, capsys, words: list[str], message: str
) -> None:
    with_spaces().to_csv(tmp_path / "spaces.csv", index=False)
    for name in ("a", "b"):
        made_up.results(10).trials.to_csv(tmp_path / f"{name}.csv", index=False)
    assert script.main([word.format(tmp_path) for word in words]) == 2
    assert message in capsys.readouterr().err


def test_spaces_trained_in_another_way_are_not_drawn_together(tmp_path: Path) -> None:
    folders = {}
    for name, steps in (("short", 100), ("long", 1000)):
        (tmp_path / name).mkdir()
        made = made_up.results(10)
        trials = made.trials.assign(study=made.trials["study"] + name)
        studies = {
            study + name: {**node, "workload": {**node["workload"], "steps": steps}}
            for study, node in made.studies.items()
        }
        results.save(results.Results(trials, None, studies), tmp_path / name)
        folders[name] = tmp_path / name / "trials.csv"
    with pytest.raises(
        ConfigError, match=r"run with different settings, workload.steps \(100, 1000"
    ):
        results.read_spaces(folders)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--select-by", "typo"], "the table lacks the column typo; it has "),
        (["--metric", "typo"], "the table lacks the column typo; it has "),
        (["--metric", "steps_to_target"], "steps_to_target needs learning curves"),
    ],
)
def test_a_column_that_is_not_there_is_one_line(
    script: ModuleType, tmp_path: Path, capsys, options: list[str], message: str
) -> None:
    trials = made_up.results(20).trials
    trials.to_csv(tmp_path / "trials.csv", index=False)
    out = tmp_path / "figures"
    assert script.main([str(tmp_path / "trials.csv"), "--out", str(out), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not out.exists()


def test_mistakes_are_one_line(script: ModuleType, tmp_path: Path, capsys) -> None:
    assert script.main([]) == 2
    assert "no results/*/trials.csv here" in capsys.readouterr().err
    assert script.main([str(tmp_path / "nothing")]) == 2
    assert "does not exist" in capsys.readouterr().err
    for name in ("one", "two"):
        committed(tmp_path, name)
    assert script.main(["--out", "x"]) == 2
    assert "are for one source" in capsys.readouterr().err
    assert script.main([str(tmp_path / "results" / "one" / "trials.csv")] * 2) == 2
    assert "say where with --out" in capsys.readouterr().err
    for words, says in (
        (["--num-trials", "0"], "--num-trials must be 1 or more, got 0"),
        (["--space", "lr only"], "is not LABEL=ROOT"),
        (["--space", "lr=x"], "say where with --out"),
        (["--space", "lr=x", "results", "--out", "x"], "give nothing beside"),
        (["--space", f"lr={tmp_path}/absent", "--out", "x"], "does not exist"),
    ):
        assert script.main(words) == 2
        errors = capsys.readouterr().err
        assert says in errors
        assert errors.count("\n") == 1
