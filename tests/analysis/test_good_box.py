"""The box of good settings: found where they are, never beyond what must be held, and no smaller than it is worth."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from harness.analysis import good_box
from harness.analysis.good_box import HELD, NARROWEST, box, expected
from harness.analysis.reading import read_results
from harness.analysis.refining import refine
from harness.study.space import Choices, Range

AXES = {name: Range(name, 1e-3, 1.0) for name in ("lr", "beta", "eps")}
TRIALS = 64


def trials(error, axes=AXES, count=TRIALS):
    """Trials spread evenly, with this error of their positions ``[trials, axes]``."""
    positions = stats.qmc.Halton(len(axes), rng=np.random.default_rng(1)).random(count)
    columns = {
        f"hp.{name}": [axis.at(u) for u in positions[:, place]]
        for place, (name, axis) in enumerate(axes.items())
    }
    frame = {"workload": "w", "optimizer": "a", "study": "s", "trial": range(count)}
    return pd.DataFrame({**frame, "status": "complete", "val_error": error(positions), **columns})


def volume(ends):
    return np.prod([high - low for low, high in ends.values()])


def test_an_axis_that_matters_is_cut_and_one_that_does_not_is_left():
    ends = box(expected(trials(lambda u: abs(u[:, 0] - 0.7)), AXES))
    low, high = ends["lr"]
    assert 0.5 < low < 0.7 < high < 0.9
    assert ends["eps"] == (0.0, 1.0)


def test_axes_that_hang_together_are_narrowed_where_each_by_itself_looks_alike():
    """Good where lr and beta are both low or both high; lowest error at the upper end of both."""
    error = lambda u: abs(u[:, 0] - u[:, 1]) + 0.5 * (1 - u[:, 0])  # noqa: E731
    found = expected(trials(error), AXES)
    ends = box(found)
    positions = np.random.default_rng(0).random((4000, 3))
    errors = error(positions)
    good = errors <= np.quantile(errors, 0.1)
    inside = np.all(
        [
            (positions[:, place] >= ends[name][0]) & (positions[:, place] <= ends[name][1])
            for place, name in enumerate(AXES)
        ],
        axis=0,
    )
    assert good[inside].mean() > 3 * good.mean()
    assert good[inside].sum() > 0.6 * good.sum()


def test_errors_that_say_nothing_narrow_nothing():
    noise = np.random.default_rng(0).random(TRIALS)
    assert volume(box(expected(trials(lambda u: noise), AXES))) == 1.0
    assert volume(box(expected(trials(lambda u: 0.9 + 0 * u[:, 0]), AXES))) == 1.0


def test_what_must_be_held_stays_and_what_is_settled_is_left_alone():
    found = expected(trials(lambda u: abs(u[:, 0] - 0.5) + abs(u[:, 1] - 0.5)), AXES)
    ends = box(found, within={"beta": (0.3, 0.9)}, holding={"lr": (0.2, 1.0)})
    assert ends["lr"][0] <= 0.2
    assert ends["lr"][1] == 1.0
    assert "beta" not in ends


def test_no_axis_gets_narrower_than_a_fifth_and_most_is_kept():
    found = expected(trials(lambda u: abs(u[:, 0] - 0.5)), AXES, share=0.01)
    ends = box(found)
    assert ends["lr"][1] - ends["lr"][0] >= NARROWEST
    inside = [
        (found.points[:, place] >= ends[name][0]) & (found.points[:, place] <= ends[name][1])
        for place, name in enumerate(AXES)
    ]
    assert found.chance[np.all(inside, axis=0)].sum() >= HELD


def test_diverged_trials_are_the_worst_and_choices_of_numbers_are_looked_along():
    axes = {"lr": AXES["lr"], "end": Choices("end", (0.1, 0.01, 0.001))}
    rows = trials(lambda u: abs(u[:, 0] - 0.3), axes)
    high = rows["hp.lr"] > 0.1  # the upper third
    rows.loc[high, ["status", "val_error"]] = ["diverged", np.nan]
    found = expected(rows, axes)
    assert set(np.unique(found.points[:, 1])) == {0.5 / 3, 0.5, 2.5 / 3}
    assert [*box(found)] == ["lr"]
    assert box(found)["lr"][1] < 0.67


def test_a_fit_that_strays_beyond_the_floats_comes_back():
    """Found on L-BFGS's trials of a committed table without these."""
    without = [
        0, 2, 5, 7, 8, 11, 12, 18, 21, 22, 25, 29, 30, 33, 37, 38, 43, 51, 54, 58, 63, 64, 68, 69, 71,
        74, 75, 76, 79, 85, 88, 91,
    ]  # fmt: skip
    found = read_results(Path(__file__).parents[2] / "results/modern_digits/trials.csv")
    rows = found.trials[found.trials["optimizer"] == "lbfgs"]
    part = rows[~rows["trial"].isin(without)]
    assert refine(part, found.studies, "digits_cnn", "lbfgs").space


def test_many_trials_are_thinned(monkeypatch):
    sizes = []
    monkeypatch.setattr(
        good_box, "_chance", lambda given, *rest: sizes.append(len(given)) or rest[1][:, 0]
    )
    expected(trials(lambda u: u[:, 0], count=good_box.MOST_TRIALS + 1), AXES)
    assert sizes == [good_box.MOST_TRIALS]


@pytest.mark.parametrize("axes", [1, 3])
def test_the_fit_is_that_of_the_largest_posterior(monkeypatch, axes):
    """Its gradient is that of its value, and no direction from where it ends is better."""
    rng = np.random.default_rng(0)
    given, seen = rng.random((20, axes)), []
    scores = rng.standard_normal(20) + 3 * given[:, 0]
    minimize = optimize.minimize

    def watched(loss, start, **keywords):
        found = minimize(loss, start, **keywords)
        seen.append((loss, found.x))
        return found

    monkeypatch.setattr(optimize, "minimize", watched)
    good_box._fitted(given, scores)
    ((loss, at),) = seen
    elsewhere = at + 0.3
    numeric = optimize.approx_fprime(elsewhere, lambda x: loss(x)[0], 1e-6)
    assert loss(elsewhere)[1] == pytest.approx(numeric, abs=1e-3)
    assert all(
        loss(at)[0] <= loss(at + step)[0] for step in rng.normal(scale=0.1, size=(20, axes + 2))
    )
