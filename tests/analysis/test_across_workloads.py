"""Several workloads together: hand-made tables whose answer is known, and how often intervals hold the truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.analysis import best_of_k, performance_profile
from harness.analysis.across_workloads import across, flipped, interval, least, of_all, swaps
from harness.analysis.checking import check
from harness.analysis.pairs import BETTER, CANT_TELL
from harness.errors import ConfigError
from harness.study.study import Study


def table(errors, num_trials=50, seed=0):
    """Trials whose errors spread around each pair's own, as {workload: {optimizer: error}} gives it."""
    rng = np.random.default_rng(seed)
    parts = [
        pd.DataFrame({
            "workload": workload, "optimizer": optimizer, "trial": range(num_trials),
            "status": "complete", "val_error": error * np.exp(0.05 * rng.standard_normal(num_trials)),
        })
        for workload, own in errors.items()
        for optimizer, error in own.items()
    ]  # fmt: skip
    return check(pd.concat(parts, ignore_index=True))


def test_the_win_share_is_the_mean_of_the_workloads_one_vote_each():
    trials = table({"v": {"sgd": 0.2, "adam": 0.2}, "w": {"sgd": 0.2, "adam": 0.2}})
    more = table({"w": {"sgd": 0.2, "adam": 0.2}}, num_trials=500, seed=3)
    trials = check(pd.concat([trials[trials["workload"] == "v"], more], ignore_index=True))
    found = across(trials)
    assert found.budget == 10  # a fifth of the poorer workload's
    (mean,) = of_all(found.pairs).to_dict("records")
    own = found.pairs[found.pairs["workload"] != ""].set_index("workload")["win"]
    by_hand = {}
    for workload, rows in trials.groupby("workload"):
        a, b = (rows.loc[rows["optimizer"] == each, "val_error"] for each in ("sgd", "adam"))
        win, tie = best_of_k.win_and_tie(a, b, [10], replacement=False)
        by_hand[workload] = win[0] + tie[0] / 2
    assert own.to_dict() == pytest.approx(by_hand)
    assert mean["win"] == pytest.approx(np.mean(list(by_hand.values())))


def test_five_workloads_tell_nothing_apart_and_six_a_single_pair():
    def verdict(count):
        names = [f"w{place}" for place in range(count)]
        found = across(table({each: {"sgd": 0.3, "adam": 0.1} for each in names}))
        (row,) = of_all(found.pairs).to_dict("records")
        assert row["win"] == pytest.approx(0, abs=1e-9)
        assert (row["ahead"], row["behind"]) == (0, count)
        return row["verdict"]

    assert verdict(5) == CANT_TELL
    assert verdict(6) == "worse"
    assert least(1) == 6


def test_flips_are_those_of_every_sign():
    wins = np.array([0.9, 0.3, 0.8, 0.7])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1)
    means = (signs * (wins - 0.5)[:, None]).mean(axis=0)
    assert flipped(wins) == pytest.approx(
        np.mean(np.abs(means) >= abs((wins - 0.5).mean()) - 1e-12)
    )
    assert flipped(np.full(5, 0.5)) == 1.0


def test_ranks_and_what_one_workload_decides():
    """Adam is far ahead on one workload and just behind on two: that one decides the order."""
    errors = {
        "a": {"sgd": 0.9, "momentum": 0.5, "adam": 0.1},
        "b": {"sgd": 0.1, "momentum": 0.5, "adam": 0.9},
        "c": {"sgd": 0.1, "momentum": 0.5, "adam": 0.9},
    }
    found = across(table(errors))
    ranks = of_all(found.ranks).set_index("optimizer")
    assert ranks["mean_rank"].to_dict() == pytest.approx(
        {"sgd": 5 / 3, "momentum": 2, "adam": 7 / 3}
    )
    assert ranks["place"].to_dict() == {"sgd": 1, "momentum": 2, "adam": 3}
    without = found.ranks[found.ranks["without"] == "b"].set_index("optimizer")["mean_rank"]
    assert without.to_dict() == pytest.approx({"sgd": 2, "momentum": 2, "adam": 2})
    assert swaps(found.ranks, "a") == []
    errors["d"] = {"sgd": 0.9, "momentum": 0.1, "adam": 0.5}
    found = across(table(errors))
    assert of_all(found.ranks)["mean_rank"].tolist() == pytest.approx([2, 1.75, 2.25])
    assert swaps(found.ranks, "b") == [("sgd", "adam")]


def test_only_optimizers_of_every_workload_are_compared():
    errors = {"v": {"sgd": 0.2, "adam": 0.1, "lion": 0.1}, "w": {"sgd": 0.2, "adam": 0.1}}
    found = across(table(errors))
    assert found.optimizers == ["sgd", "adam"]
    assert found.aside == {"lion": "not run on w"}


def test_refused():
    with pytest.raises(ConfigError, match="one workload alone, w; give the results of two or more"):
        across(table({"w": {"sgd": 0.1, "adam": 0.2}}))
    with pytest.raises(ConfigError, match="fewer than two optimizers are in every workload"):
        across(table({"v": {"sgd": 0.1, "adam": 0.2}, "w": {"sgd": 0.1, "lion": 0.2}}))
    with pytest.raises(ConfigError, match="fewer than K = 80 feasible trials on v, w"):
        across(table({"v": {"sgd": 0.1, "adam": 0.2}, "w": {"sgd": 0.1, "adam": 0.2}}), budget=80)


@pytest.mark.parametrize("n", [3, 4, 5, 8])
@pytest.mark.parametrize("shape", [(4, 4), (1, 1), (0.5, 0.5), (3, 1), (8, 2), (2, 0.5)])
def test_intervals_hold_the_truth_over_workloads(n, shape):
    """True shares of workloads from a beta distribution, each seen with a noise of .08: at 95%."""
    rng = np.random.default_rng([n, *(int(2 * each) for each in shape)])
    seen = rng.beta(*shape, size=(2_000, n)) + 0.08 * rng.standard_normal((2_000, n))
    truth = shape[0] / sum(shape)
    ends = np.array([interval(each) for each in np.clip(seen, 0, 1)])
    held = int(((ends[:, 0] <= truth) & (truth <= ends[:, 1])).sum())
    assert stats.binomtest(held, 2_000, 0.90, alternative="less").pvalue > 0.001
    assert held < 2_000 * 0.98


# --- the profile ----------------------------------------------------------------------------------


def made_to_target():
    """Two workloads; every trial of an optimizer reaches .1 at a step of its own, or never."""
    reached = {"v": {"sgd": 40, "adam": 20}, "w": {"sgd": 30, "adam": None}}
    trials = table(
        {w: {o: 0.05 if at else 0.3 for o, at in own.items()} for w, own in reached.items()}
    )
    curves = [
        pd.DataFrame({
            "workload": row.workload, "optimizer": row.optimizer, "study": row.study, "trial": row.trial,
            "step": [10, 20, 30, 40],
            "val_error": [0.05 if at and step >= at else 0.5 for step in (10, 20, 30, 40)],
        })
        for row in trials.itertuples()
        for at in [reached[row.workload][row.optimizer]]
    ]  # fmt: skip
    trials = trials.assign(steps=40, train_seconds=1.0)
    return trials, pd.concat(curves, ignore_index=True)


def test_ratios_are_to_the_fastest_and_who_never_gets_there_has_none():
    trials, curves = made_to_target()
    studies = {
        name: Study({"workload": {"target_error": 0.1}}) for name in trials["study"].unique()
    }
    found = performance_profile.steps(trials, curves, studies, ["sgd", "adam"], 4)
    assert found["stated"].all()
    ratio = found.set_index(["workload", "optimizer"])["ratio"]
    assert ratio.to_dict() == {
        ("v", "sgd"): 2.0, ("v", "adam"): 1.0, ("w", "sgd"): 1.0, ("w", "adam"): np.inf,
    }  # fmt: skip
    share = performance_profile.profile(found).set_index(["optimizer", "tau"])["share"]
    assert share.to_dict() == {
        ("sgd", 1.0): 0.5, ("sgd", 2.0): 1.0, ("adam", 1.0): 0.5, ("adam", 2.0): 0.5,
    }  # fmt: skip
    assert performance_profile.scores(found).to_dict() == pytest.approx({"sgd": 5 / 6, "adam": 0.5})


def test_without_a_stated_target_all_reach_it_half_the_time():
    trials, curves = made_to_target()
    found = performance_profile.steps(trials, curves, {}, ["sgd", "adam"], 4)
    assert not found["stated"].any()
    aim = found.groupby("workload")["target"].first()
    assert aim["w"] > 0.2 > aim["v"]


def test_a_workload_without_curves_is_left_out():
    trials, curves = made_to_target()
    found = performance_profile.steps(
        trials, curves[curves["workload"] == "v"], {}, ["sgd", "adam"], 4
    )
    assert set(found["workload"]) == {"v"}
    assert performance_profile.steps(trials, None, {}, ["sgd", "adam"], 4).empty


def test_better_is_of_the_first():
    names = [f"w{place}" for place in range(6)]
    found = across(table({each: {"sgd": 0.1, "adam": 0.3} for each in names}))
    assert of_all(found.pairs)["verdict"].tolist() == [BETTER]
