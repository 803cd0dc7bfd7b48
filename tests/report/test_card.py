"""Cards: their facts are those of the records, for every committed result too."""

import shutil
from pathlib import Path

import pytest

from harness.__main__ import command
from harness.analysis.reading import read_spaces, save_results
from harness.config import shipped
from harness.errors import ConfigError
from harness.records.folder import StudyFolder
from harness.records.record import new_record
from harness.report import card
from harness.study.study import Study
from tests.analysis.conftest import SETTINGS

RESULTS = Path(__file__).parents[2] / "results"
COMMITTED = sorted(  # those of records; a card of tables alone has no facts
    path.parent for path in RESULTS.glob("*/card.md") if card.BEGIN in path.read_text("utf-8")
)


@pytest.fixture
def root(tmp_path):
    """Three made-up records of one study."""
    config = {**SETTINGS, "optimizer": {"name": "sgd", "rule": "sgd"}, "search_space": {"lr": 0.1}}
    config["workload"] = {**SETTINGS["workload"], "eval_every": 40}
    study = Study(config, ("optimizer=sgd", "data.root=/mine"))
    folder = StudyFolder(tmp_path, study)
    folder.create()
    for trial, status in enumerate(["complete", "diverged", "failed"]):
        made = new_record(study, trial) | {"status": status}
        if status == "complete":
            made |= {"val_error": 0.25, "train_loss": 1.0, "val_loss": 1.0, "steps": 400}
        made["data"] = {"label": "made up", "sha256": "ab" * 32, "train": 1000}
        made["run"] |= {"train_seconds": 1800.0, "started_at": 1.7e9, "versions": {"torch": "9"}}
        folder.write(made)
    return tmp_path


def test_the_facts_count_what_was_run(root):
    text = card.facts(root)
    assert "| 3 | 1 | 1 | 1 | `harness optimizer=sgd trial=0-2` |" in text
    assert "1.5 worker-hours over 3 trials" in text
    assert "| sgd | 25.00% | - | 1 |" in text
    assert "made up, sha256 `" + "ab" * 32 + "` (train 1,000)" in text
    assert "| date | 2023-11-14 |" in text


def test_a_folder_of_roots_has_the_facts_of_all(root, tmp_path):
    whole = tmp_path / "whole"
    shutil.copytree(root, whole / "one", ignore=shutil.ignore_patterns("whole"))
    assert card.facts(whole).replace("**one**\n\n", "").strip() == card.facts(root)


def test_search_spaces_have_their_rows_and_outcomes(root, tmp_path):
    """As results/search_space_decides: two roots, a table that labels them and a third from elsewhere."""
    whole = tmp_path / "whole"
    for name in ("one", "two"):
        shutil.copytree(root, whole / name, ignore=shutil.ignore_patterns("whole"))
    spaces = {"few": whole / "one", "more": whole / "two", "all": root}
    save_results(read_spaces(spaces, num_trials=2), whole)
    assert command(["compact", str(whole)]) == 0
    text = card.facts(whole)
    for label in spaces:
        row = "2 | 1 | 1 | 0 | `harness optimizer=sgd trial=0-1` |"
        assert any(
            line.startswith(f"| {label} | sgd |") and row in line for line in text.splitlines()
        )
        assert f"**{label}**\n\nValidation error rate of the best of K trials" in text
    assert "over 6 trials" in text  # the records here, not those of the third


def test_refreshing_keeps_the_words_around_the_facts(root):
    path = card.write_card(root)
    path.write_text(path.read_text().replace("**Question.**", "**Question.** Is it so?"))
    before = path.read_text()
    (next(root.glob("*/*/*/trials")) / "000002.json").unlink()
    assert command(["card", str(root)]) == 0
    assert "**Question.** Is it so?" in path.read_text()
    assert path.read_text() != before
    assert "over 2 trials" in path.read_text()
    (next(root.glob("*/*/*/trials")) / "000000.json").unlink()
    assert "optimizer=sgd trial=1`" in card.facts(root)


def test_a_card_of_before_is_refreshed_under_the_new_mark(root):
    path = card.write_card(root)
    old = "<!-- facts: written by `python -m harness.card`, do not edit -->"
    path.write_text(path.read_text().replace(card.BEGIN, old))
    assert card.write_card(root).read_text().count(card.BEGIN) == 1
    assert old not in path.read_text()


def test_a_card_without_its_marks_is_left_alone(root, capsys):
    (root / "card.md").write_text("all mine")
    assert command(["card", str(root)]) == 2
    assert "has lost the marks" in capsys.readouterr().err
    assert (root / "card.md").read_text() == "all mine"


def test_no_records_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="no records under"):
        card.facts(tmp_path)


COSTLY = ("modern_digits", "inclusion_digits_mlp")  # four seconds: 276 pairs; 12,000 records


@pytest.mark.parametrize(
    "folder",
    [
        pytest.param(path, id=path.name, marks=[pytest.mark.slow] * (path.name in COSTLY))
        for path in COMMITTED
    ],
)
def test_committed_cards_state_what_the_records_say(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # they are the same from everywhere
    assert card.facts(folder, [shipped.folder()]) in (folder / "card.md").read_text()
    assert "**Question.**\n\n<" not in (folder / "card.md").read_text()  # its words are written
