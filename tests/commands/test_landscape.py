"""`harness landscape` at small size: what it writes, what it refuses."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from harness.__main__ import command
from harness.analysis.landscapes import reached
from harness.commands import watched
from harness.figures import animation, escape

SMALL = ("num_trials=3", "workload.steps=6", "workload.eval_every=3", "device=cpu")


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setattr(watched, "PERTURBATIONS", (0.0, 0.1))
    monkeypatch.setattr(watched, "STARTS", 2)
    monkeypatch.setattr(watched, "ESCAPE_STEPS", 25)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_without_words_it_draws_ruders_pictures_the_tuned_and_the_escape(
    small, monkeypatch, capsys
):
    monkeypatch.setattr("harness.commands.landscape.WORKLOADS", "beale,saddle")
    monkeypatch.setattr("harness.commands.landscape.OPTIMIZERS", "sgd,adagrad,newton,lbfgs")
    assert command(["landscape", *SMALL, "--no-animation", "--out", "shown"]) == 0
    out = capsys.readouterr().out
    pictures = {path.name for path in (small / "shown").glob("*.png")}
    assert pictures == {"ruder_contours.png", "ruder_saddle.png", "tuned.png", "escape.png"}
    paths = pd.read_csv(small / "shown" / "trajectories.csv")
    assert paths.groupby(["workload", "setting"])["optimizer"].nunique().unique().tolist() == [4]
    tuned = pd.read_csv(small / "shown" / "tuned.csv").set_index(["workload", "optimizer"])
    ends = paths[paths["setting"] == "tuned"].groupby(["workload", "optimizer"])["value"].last()
    for key, value in ends.items():  # the trajectory is that of the record
        assert value == pytest.approx(tuned.loc[key, "val_error"], rel=1e-4), key
    left = pd.read_csv(small / "shown" / "escape.csv")
    assert set(left.loc[left["perturbation"] == 0, "left"]) == {0}
    assert "as Ruder, SGD: never from 0" in out


def test_any_optimizer_on_one_function_animated(small):
    words = ["workload=himmelblau", "optimizer=adam,newton", "num_trials=2", "device=cpu"]
    assert command(["landscape", *words, "workload.steps=5", "--out", "shown"]) == 0
    with Image.open(small / "shown" / "tuned.gif") as moving:
        assert moving.n_frames >= 6  # the last stands still: frames alike are one
    assert not (small / "shown" / "escape.csv").exists()


def test_fixed_settings_are_a_space_of_constants(small):
    words = ["workload=ravine", "optimizer=sgd", "search_space.lr=0.01", "num_trials=1"]
    assert command(["landscape", *words, "workload.steps=4", "--no-animation", "--out", "at"]) == 0
    paths = pd.read_csv(small / "at" / "trajectories.csv")
    assert len(paths) == 5
    assert paths["value"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["workload=digits_mlp", "optimizer=sgd"], "workload=digits_mlp is no function of two"),
        (["root=elsewhere"], "everything goes into one folder; give --out DIR"),
        (["optimizer"], "'optimizer' is not KEY=VALUE, such as optimizer=sgd,adam"),
        (["optimizer=muon"], "search_space"),
    ],
)
def test_mistakes_are_one_line(small, capsys, words, says):
    assert command(["landscape", *words, "num_trials=1", "--out", "shown"]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_an_animation_shows_every_step_where_there_are_few_and_most_of_the_start_else():
    assert animation.frames(5)[:6] == [0, 1, 2, 3, 4, 5]
    many = animation.frames(500)
    assert len(many) <= animation.FRAMES + animation.STILL_FRAMES
    assert many == sorted(many)
    assert (many[0], many[-1]) == (0, 500)
    assert np.diff(many[:10]).mean() < np.diff(many[-30:-15]).mean()


def test_reached_tells_the_first_step_at_the_target():
    table = pd.DataFrame({
        "workload": "w", "setting": "s", "optimizer": ["a"] * 3 + ["b"] * 2,
        "step": [0, 1, 2, 0, 1], "value": [3.0, 0.1, 0.4, 2.0, 1.0],
    })  # fmt: skip
    found = reached(table, 0.2).set_index("optimizer")
    assert found.loc["a", "steps_to_target"] == 1
    assert np.isnan(found.loc["b", "steps_to_target"])
    assert found["value"].tolist() == [0.4, 1.0]


def test_the_escape_is_told_with_never_for_what_never_left():
    rows = {"setting": "tuned", "optimizer": "sgd", "perturbation": [0.0, 0.1]}
    frame = pd.DataFrame({**rows, "median": [np.inf, 7.0]})
    assert escape.in_words(frame) == ["tuned, SGD: never from 0, 7 from 0.1"]
