"""``harness pruned``: what a pruned sweep says; everything else refuses it and names the remedy."""

import pandas as pd
import pytest

from harness.__main__ import command
from harness.commands import pruned
from harness.figures.pruning import draw
from tests.faults import sweeps

STUDIES = ("-m", "optimizer=sgd,momentum", "workload.steps=50", "num_trials=16")
WORDS = (*STUDIES, "pruning=halving", "pruning.cohort=8", "pruning.audit=0.3", "workers=1")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("pruned") / "results"
    words = sweeps.words(root, *WORDS, f"report={root}/report")
    assert command(words) == 0
    return root


def test_the_report_of_a_pruned_sweep_is_this_one(root):
    names = {path.name for path in (root / "report").iterdir()}
    assert names == {
        "pruned_curves.csv", "pruned_pairs.csv", "pruned_losses.csv", "pruning.png", "pruning.svg",
    }  # fmt: skip
    curves = pd.read_csv(root / "report" / "pruned_curves.csv")
    assert set(curves["optimizer"]) == {"sgd", "momentum"}
    assert (curves["trials"] == 16).all()


def test_its_picture_has_plain_numbers_on_its_axes(root):
    figure = draw(pd.read_csv(root / "report" / "pruned_curves.csv"))
    figure.canvas.draw()
    (axes,) = figure.axes
    texts = [
        label.get_text() for axis in (axes.xaxis, axes.yaxis) for label in axis.get_ticklabels()
    ]
    assert {"1", "2", "4"} <= set(texts)
    assert all(float(text) >= 0 for text in texts)


def test_it_says_what_was_lost_and_refuses_verdicts_with_the_remedy(root, capsys):
    assert command(["pruned", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["workload", "/", "optimizer", "trials"]
    assert any(
        line.startswith("tiny: of the best 20.6% that the best of 3 needs, pruning lost")
        for line in lines
    )
    assert "tiny: SGD against Momentum: can't tell (fewer than 40 trials of either)" in lines


def test_pairs_refused_for_one_reason_share_a_line():
    pairs = pd.DataFrame(
        [("w", "sgd", "adam", "refused", "small audit", 0.4), ("w", "sgd", "nadam", "refused", "small audit", 0.5),
         ("w", "adam", "nadam", "better", "", 0.9), ("v", "sgd", "adam", "refused", "small audit", 0.5)],
        columns=["workload", "a", "b", "verdict", "why", "win"],
    )  # fmt: skip
    assert list(pruned.of_pairs(pairs)) == [
        "w: 2 of 3 pairs: refused (small audit)",
        "w: Adam against NAdam: better, wins 90% of races",
        "v: SGD against Adam: refused (small audit)",
    ]


@pytest.mark.parametrize("verb", ["report", "card"])
def test_others_refuse_and_name_the_remedy(verb, root, capsys):
    assert command([verb, str(root)]) == 2
    line = capsys.readouterr().err
    assert "of 16 trials were pruned, and this takes all of them" in line
    assert "pruning=none" in line
    assert line.count("\n") == 1


def test_no_figure_is_drawn_of_the_others_alone(root, tmp_path, capsys):
    command(["figures", str(root), "--out", str(tmp_path)])
    assert "of 16 trials were pruned, and this takes all of them" in capsys.readouterr().out
    assert not list(tmp_path.glob("*.png"))


def test_status_counts_them(root, capsys):
    assert command(["status", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[-6:] == ["a", "rung", "pruned", "audited", "steps", "saved"]
    for line in lines[1:3]:
        complete, diverged, *_ = map(int, line.split()[1:3])
        at_rung, pruned, audited, saved = line.split()[-4:]
        assert saved.endswith("%")
        assert (int(at_rung), int(pruned)) == (0, 16 - complete - diverged)
        assert int(pruned) > 4
        assert int(audited) == complete + diverged - 4  # two of each cohort pass


def test_from_its_own_table(root, tmp_path, capsys):
    """As written by whoever saves one: with curves and studies beside it."""
    from harness.analysis.reading import read_results, save_results

    (tmp_path / "table").mkdir()
    save_results(read_results(root), tmp_path / "table")
    capsys.readouterr()
    assert command(["pruned", str(root)]) == 0
    from_records = capsys.readouterr().out
    assert command(["pruned", str(tmp_path / "table" / "trials.csv")]) == 0
    assert capsys.readouterr().out == from_records


def test_a_stranger_to_pruning_is_told_the_same_as_by_a_report(tmp_path, capsys):
    words = sweeps.words(tmp_path, *STUDIES[:3], "num_trials=8", "workers=1")
    assert command(words) == 0
    capsys.readouterr()
    assert command(["pruned", str(tmp_path)]) == 0
    assert "pruning lost" not in capsys.readouterr().out
