"""``harness trial``: one trial's own curve, and how several studies are told apart."""

import numpy as np
import pytest

from harness.__main__ import command
from harness.analysis.reading import read_results, save_results
from harness.commands.which_study import told_apart
from tests.analysis.conftest import made_up_study, write_study


@pytest.fixture
def root(tmp_path):
    write_study(tmp_path / "root", made_up_study("sgd"), [0.3, 0.2, np.inf])
    return tmp_path / "root"


def told(capsys, *words):
    status = command(["trial", *map(str, words)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_its_numbers_and_its_curve(root, capsys, tmp_path):
    status, out, _ = told(
        capsys, root, "optimizer=sgd", "trial=1", "--out", tmp_path / "new" / "one.png"
    )
    assert status == 0
    lines = out.splitlines()
    assert lines[0].startswith("made_up, SGD, trial 1 (study ")
    assert lines[0].endswith("): complete")
    assert "validation error .2000, test error .2100" in lines[1]
    assert "learning rate" in lines[2]
    assert lines[-3].split()[:2] == ["50", "0"]
    assert lines[-2].split()[0] == "100"
    assert lines[-3].count("█") == 2 * lines[-2].count("█") == 24  # half the error
    assert (tmp_path / "new" / "one.png").stat().st_size > 5000


def test_a_trial_without_a_curve_says_so(root, capsys, tmp_path):
    status, out, _ = told(capsys, root, "optimizer=sgd", "trial=2", "--out", tmp_path / "a.svg")
    assert status == 0
    assert "trial 2" in out
    assert "diverged" in out
    assert "It has no learning curve here." in out


def test_a_table_with_its_curves_does_too(root, capsys, tmp_path):
    save_results(read_results(root), tmp_path)
    status, out, _ = told(capsys, tmp_path / "trials.csv", "optimizer=sgd", "trial=0")
    assert status == 0
    assert "█" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["optimizer=sgd"], "trial= is missing"),
        (["optimizer=sgd", "trial=x"], "trial must be an index such as 7, got 'x'"),
        (["optimizer=adam", "trial=0"], "optimizer 'adam' has no trials here; there are: sgd"),
        (["optimizer=sgd", "trial=99"], "no trial optimizer=sgd trial=99 here; its last is 2"),
        (["optimizer=sgd", "trial=0", "lr=1"], "'lr=1' is not understood"),
        (["optimizer=sgd", "trial=0", "--out", "x.txt"], "is not a .png, .svg or .pdf"),
    ],
)
def test_mistakes_are_one_line(root, capsys, words, message):
    status, _, err = told(capsys, root, *words)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.slow
def test_several_studies_are_told_apart_by_date_and_by_their_files(root, capsys, tmp_path):
    write_study(root, made_up_study("sgd", seed=5), [0.3, 0.2])
    for verb in ("report", "figures"):
        assert command([verb, str(root)]) == 2
        err = capsys.readouterr().err
        assert "made_up/sgd has 2 studies that differ in seed" in err
        assert "3 trials" in err
        assert "2 trials" in err
        assert "pool=true" in err
        assert err.count("\n") == 1
    status, _, err = told(capsys, root, "optimizer=sgd", "trial=1")
    assert status == 2
    assert "made_up/sgd has 2 studies: " in err
    name = made_up_study("sgd", seed=5).fingerprint
    assert told(capsys, root, "optimizer=sgd", "trial=1", f"study={name[:6]}")[0] == 0
    assert command(["figures", str(root), "pool=true", "--out", str(tmp_path / "drawn")]) == 0
    assert command(["figures", str(root), f"study={name}", "--out", str(tmp_path / "drawn")]) == 0
    capsys.readouterr()


@pytest.mark.slow
def test_a_study_of_files_that_were_edited_says_so(tmp_path, capsys):
    from harness.analysis.pooling import SeveralStudies

    words = ["workload=digits_logistic", "optimizer=sgd", "num_trials=1", "workload.steps=2"]
    root = tmp_path / "results"
    assert command([*words, f"root={root}", "device=cpu", "workers=1"]) == 0
    (path,) = root.glob("*/*/*")
    error = told_apart(SeveralStudies("w/sgd", [path.name, "bb"], None), [root])
    assert "1 trial, matches the current files), bb; choose" in str(error)
    assert "UTC" in str(error)
    conf = tmp_path / "conf" / "search_space" / "digits_logistic"
    conf.mkdir(parents=True)
    (conf / "sgd.yaml").write_text("lr: {low: 0.1, high: 1.0}\n")
    flags = ["--config-dir", str(tmp_path / "conf")]
    assert command([*flags, *words, f"root={tmp_path / 'other'}", "device=cpu", "workers=1"]) == 0
    (conf / "sgd.yaml").write_text("lr: {low: 0.1, high: 2.0}\n")
    (path,) = (tmp_path / "other").glob("*/*/*")
    error = told_apart(SeveralStudies("w/sgd", [path.name], None), [tmp_path / "other"])
    assert "its files were edited since" in str(error)
    capsys.readouterr()


def test_refine_pools_seeds(tmp_path, capsys):
    for seed in (0, 1):
        study = made_up_study("sgd", seed=seed)
        lr = np.array([study.point(trial)["lr"] for trial in range(20)])
        write_study(tmp_path, study, 0.1 + 0.1 * np.abs(np.log10(lr)))
    words = ["refine", str(tmp_path), "workload=made_up", "optimizer=sgd"]
    assert command(words) == 2
    assert "or pool those that differ in their seed alone with pool=true" in capsys.readouterr().err
    assert command([*words, "pool=true"]) == 0
    assert "40 feasible of 40 trials" in capsys.readouterr().out
    assert command([*words, "pool=maybe"]) == 2
    assert "pool= is true or false, got 'maybe'" in capsys.readouterr().err
