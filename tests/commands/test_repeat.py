"""`harness repeat`: drawn trials are trained again and compared to the bit."""

import json

import pytest

from harness.__main__ import command
from harness.commands import repeat
from harness.records import record as records

TINY = ("workload=digits_logistic", "workload.steps=6", "workload.eval_every=3", "device=cpu")


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def root(tmp_path):
    words = ["-m", "optimizer=sgd,momentum", "num_trials=3", "workers=1", f"root={tmp_path}/ran"]
    assert command([*words, *TINY]) == 0
    return tmp_path / "ran"


def again(root, *words):
    return command(["repeat", str(root), "workers=1", "device=cpu", *words])


def edit(path, **values):
    """Another result under the same seal that an untouched one has."""
    path.write_text(records.to_text(json.loads(path.read_text()) | values))


def test_the_same_bits_and_one_that_is_not(root, capsys):
    assert again(root) == 0
    out = capsys.readouterr().out
    assert out.count(": the same bits") == 2
    assert "4 of 4 drawn trials are the same to the bit" in out
    edit(next(root.glob("*/sgd/*/trials/000001.json")), val_error=0.25, test_error=0.5)
    assert again(root, "--trials", "3") == 1
    out = capsys.readouterr().out
    assert ": trial 1 differs in val_error, test_error\n" in out
    assert "5 of 6 drawn trials are the same to the bit" in out


def test_how_far_apart_they_are_and_on_which_machines(root, capsys):
    path = next(root.glob("*/sgd/*/trials/000001.json"))
    before = json.loads(path.read_text())
    edit(path, val_error=before["val_error"] + 0.25, run=before["run"] | {"processor": "Abacus"})
    assert again(root, "--trials", "3") == 1
    out = capsys.readouterr().out
    assert "those differ by .2500 (.2500 at most) in validation error, by 0e+00 (0e+00)" in out
    assert "recorded on Abacus (torch" in out
    path.unlink()
    capsys.readouterr()
    assert again(root, "--trials", "3") == 0
    assert "recorded on" not in capsys.readouterr().out


def test_a_batch_of_all_examples_is_repeated(tmp_path, capsys):
    words = ["optimizer=sgd", "workload.batch_size=all", "num_trials=1", "workers=1"]
    assert command([*words, f"root={tmp_path}/ran", *TINY]) == 0
    assert again(tmp_path / "ran") == 0
    assert "1 of 1 drawn trials are the same to the bit" in capsys.readouterr().out


def test_files_edited_since_give_another_study(tmp_path, capsys):
    space = tmp_path / "conf" / "search_space" / "mine.yaml"
    space.parent.mkdir(parents=True)
    space.write_text("lr: {low: 0.01, high: 1, scale: log}\n")
    words = [
        "--config-dir",
        "conf",
        "optimizer=sgd",
        "search_space=mine",
        "num_trials=2",
        "workers=1",
    ]
    assert command([*words, "root=ran", *TINY]) == 0
    assert again("ran") == 0
    space.write_text("lr: {low: 0.01, high: 2, scale: log}\n")
    capsys.readouterr()
    assert again("ran") == 1
    assert "not trained: its words give another study today" in capsys.readouterr().out


def test_stacked_trials_repeat_with_their_block(tmp_path, capsys):
    words = [
        "workload=quadratic_deep",
        "optimizer=sgd",
        "workload.steps=8",
        "workload.eval_every=4",
    ]
    assert command([*words, "num_trials=8", "stack=4", "workers=1", "device=cpu", "root=ran"]) == 0
    assert again("ran") == 0
    assert ": the same bits" in capsys.readouterr().out


def test_the_draw_depends_on_seed_and_study():
    drawn = {
        tuple(repeat.draw(range(256), 2, seed, study))
        for seed in (0, 1)
        for study in ("19a6950d617f", "8a53ced534e0")
    }
    assert len(drawn) == 4
    assert repeat.draw([7], 2, 0, "0") == [7]


def test_refused(tmp_path, capsys):
    assert command(["repeat", "workers=1"]) == 2
    assert "no results folder given" in capsys.readouterr().err
    assert command(["repeat", str(tmp_path), "--trials", "0"]) == 2
    assert "--trials must be 1 or more" in capsys.readouterr().err
    assert command(["repeat", str(tmp_path)]) == 2
    assert "no records under" in capsys.readouterr().err
