"""The border diagnostic: masses, warnings, suggested ranges, and its false alarms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import best_of_k, borders
from harness.analysis.borders import suggested_range
from harness.analysis.reading import read_results
from harness.study.space import LINEAR, Range
from harness.study.study import Study
from tests.analysis.conftest import made_up_table

LR = Range("lr", 1e-4, 1e2)
ONE_MINUS_MOMENTUM = Range("one_minus_momentum", 1e-4, 1.0)
FACTOR = Range("decay_steps_factor", 0.5, 1.0, LINEAR)


def on_axis(axis, values, errors):
    """Borders of one searched axis whose study gives the range [1e-4, 100] on a log scale."""
    trials = made_up_table(sgd=errors).assign(**{f"hp.{axis}": values})
    space = {axis: {"low": 1e-4, "high": 1e2, "scale": "log"}}
    studies = {"sgd-study": Study({"search_space": space})}
    return borders.borders(trials, studies).iloc[0]


def test_an_optimum_inside_gives_no_warning_and_a_narrower_range():
    lr = np.logspace(-4, 2, 200)
    row = on_axis("lr", lr, np.abs(np.log10(lr) + 1))  # best at 0.1
    assert row["warning"] == ""
    assert row["mass_low"] < 0.01
    assert row["mass_high"] < 0.01
    assert 1e-4 < row["suggested_low"] < row["p05"] < 0.1 < row["p95"] < row["suggested_high"] < 1e2


def test_an_optimum_at_an_end_moves_that_end_out():
    lr = np.logspace(-4, 2, 200)
    high, low = on_axis("lr", lr, 1 / lr), on_axis("lr", lr, lr)
    assert "at the high end (up to 100): raise it to 1000" in high["warning"]
    assert high["suggested_high"] == 1000
    assert high["suggested_low"] > 1e-4
    assert "at the low end (down to 0.0001): lower it to 1e-05" in low["warning"]
    assert low["suggested_low"] == pytest.approx(1e-5)


def test_masses_are_the_weights_in_the_outer_tenths():
    rng = np.random.default_rng(0)
    lr, errors = 10 ** rng.uniform(-4, 2, 100), rng.random(100)
    row = on_axis("lr", lr, errors)
    w = best_of_k.weights(errors, [10])[0]
    assert row["budget_trials"] == 10
    assert row["mass_low"] == pytest.approx(w[np.log10(lr) <= -3.4].sum())
    assert row["mass_high"] == pytest.approx(w[np.log10(lr) >= 1.4].sum())


def test_an_end_that_cannot_move_does_not_warn():
    """1 - momentum cannot exceed 1: mass there says no momentum, not a wrong range."""
    values = np.logspace(-4, 0, 100)
    trials = made_up_table(sgd=1 - values).assign(**{"hp.one_minus_momentum": values})
    row = borders.borders(trials).iloc[0]
    assert row["mass_high"] > borders.WARNING_MASS
    assert (row["suggested_high"], row["warning"]) == (1.0, "")


def test_ranges_are_observed_where_no_study_is_known():
    rng = np.random.default_rng(0)
    trials = made_up_table(sgd=rng.random(200)).assign(
        **{"hp.lr": 10 ** rng.uniform(-5, 1, 200), "hp.dropout": rng.uniform(0.001, 0.5, 200),
           "hp.epochs": rng.integers(1, 4, 200), "hp.fixed": 1.0}
    )  # fmt: skip
    rows = borders.borders(trials).set_index("axis")
    assert set(rows["bounds"]) == {"observed"}
    assert rows["scale"].to_dict() == {"lr": "log", "dropout": "linear", "epochs": "choices"}
    assert rows.loc["lr", "low"] == trials["hp.lr"].min()


def test_choices_report_the_mass_of_their_ends(root):
    found = read_results(root)
    rows = borders.borders(found.trials, found.studies)
    choices = rows[rows["axis"] == "end_factor"].iloc[0]
    assert (choices["scale"], choices["bounds"], choices["warning"]) == ("choices", "study", "")
    assert 0 < choices["mass_low"] < 1
    assert set(rows["axis"]) == {"lr", "one_minus_momentum", "end_factor"}


def test_an_optimizer_without_feasible_trials_has_no_rows():
    trials = made_up_table(sgd=[np.inf, np.inf]).assign(**{"hp.lr": [1.0, 2.0]})
    assert borders.borders(trials).empty


# --- the rule for the next range ----------------------------------------------------------------

POSITIONS = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)
MASSES = st.tuples(st.floats(0, 1), st.floats(0, 1))


@given(st.sampled_from([LR, ONE_MINUS_MOMENTUM, FACTOR]), POSITIONS, MASSES)
def test_the_suggested_range_holds_the_selected_one_and_obeys_its_rule(axis, positions, masses):
    low, high = axis.coordinate(axis.ends)
    selected = [axis.value(low + p * (high - low)) for p in positions]
    new_low, new_high = suggested_range(axis, masses, tuple(selected))
    slack = 1e-9 * abs(axis.high)
    assert new_low <= selected[0] + slack
    assert new_high >= selected[1] - slack
    width = axis.coordinate(new_high) - axis.coordinate(new_low)
    assert width >= (high - low) / 10 - 1e-9  # a fifth, halved where the old end cuts it
    assert new_high <= axis.natural[1]
    if masses[0] < borders.WARNING_MASS:
        assert new_low >= axis.low
    if masses[1] < borders.WARNING_MASS:
        assert new_high <= axis.high


def test_ranges_move_by_the_documented_steps():
    unbounded = Range("x", 0.5, 1.0, LINEAR)
    assert suggested_range(LR, (0.0, 0.5), (1.0, 10.0)) == (0.56, 1000.0)  # 10^-0.25
    assert suggested_range(LR, (0.5, 0.0), (1e-4, 1e-2)) == (1e-5, 0.032)  # 10^(-2 + 0.5)
    assert suggested_range(unbounded, (0.0, 0.4), (0.8, 1.0)) == (0.75, 1.2)  # 1 + 0.25/2, up
    assert suggested_range(FACTOR, (0.0, 0.4), (0.8, 1.0)) == (0.75, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 300, 1000])
def test_it_is_about_where_the_best_lies_whatever_the_number_of_trials(n):
    """An optimum at an end is found, and one at a fifth of the range is inside, however many trials see it."""
    rng = np.random.default_rng(n)
    w = best_of_k.weights(np.arange(n), [n // borders.TRIALS_PER_BUDGET])[0]
    found = {}
    for optimum in (0.0, 0.2):
        x = rng.random((500, n, 4))
        errors = 3 * (x[..., 0] - optimum) ** 2 + ((x[..., 1:] - 0.5) ** 2).sum(axis=-1)
        order = np.argsort(errors + 0.05 * rng.standard_normal((500, n)), axis=1)
        low = np.take_along_axis(x[..., 0], order, axis=1) <= borders.OUTER
        found[optimum] = (low @ w >= borders.WARNING_MASS).mean()
    print(f"N={n}: at the end {found[0.0]:.3f}, at a fifth {found[0.2]:.3f}")
    assert found[0.0] > 0.8
    assert found[0.2] < 0.15


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 100, 500])
def test_false_alarms_on_an_axis_that_does_not_matter(n):
    rng = np.random.default_rng(n)
    w = best_of_k.weights(np.arange(n), [n // borders.TRIALS_PER_BUDGET])[0]
    outer = rng.random((20_000, n)) < borders.OUTER
    alarms = (outer @ w >= borders.WARNING_MASS).mean()
    print(f"N={n}: {alarms:.4f} of ends")
    assert 0.005 < alarms < 0.012
