"""Statistics of pruned sweeps: what is lost is measured, and the intervals hold all the same."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.analysis import best_of_k, censored, confidence, counting, pairs, tuning_curves
from harness.analysis.checking import TableError, check
from harness.analysis.cohorts import Side, as_last, sides
from harness.analysis.paired import Sample, compare
from harness.analysis.reading import Results
from harness.study.pruning import Pruning, is_audited
from harness.study.study import Study

RANKS = [(0.9, 0.95), (0.73, 0.85), (0.6, 0.8), (0.3, 0.7)]


def whole(errors, name="sgd"):
    errors = np.asarray(errors, dtype=float)
    none = np.zeros(len(errors), dtype=bool)
    return Side("w", name, errors, none, none, none, 0.0)


def pruned(errors, out, audit, rng, name="sgd"):
    """A side of these final errors, of which those `out` are pruned but for the audited."""
    audited = out & (rng.random(len(errors)) < audit)
    gone = out & ~audited
    return Side("w", name, np.where(gone, np.inf, errors), gone, out, audited, audit)


def trials_of(*found):
    """The table of such sides."""
    rows = [
        {"workload": "w", "optimizer": side.optimizer, "study": side.optimizer, "trial": trial,
         "status": "pruned" if gone else "complete", "val_error": None if gone else error}
        for side in found
        for trial, (error, gone) in enumerate(zip(side.errors, side.pruned, strict=True))
    ]  # fmt: skip
    return check(pd.DataFrame(rows))


def curves_of(side, budgets):
    return censored.tuning_curves(trials_of(side), [side], budgets).set_index("budget_trials")


def verdict(a, b, **options):
    (row,) = censored.pairs(trials_of(a, b), [a, b], **options).to_dict("records")
    return row


# --- where nothing is pruned ----------------------------------------------------------------------


def test_nothing_pruned_nothing_changes():
    rng = np.random.default_rng(0)
    found = [whole(rng.random(100), "a"), whole(rng.random(90) + 0.4, "b")]
    trials = trials_of(*found)
    every = counting.every_trial(trials)
    frame = censored.tuning_curves(trials, found)
    shared = [name for name in censored.CURVES if name in frame and name in tuning_curves.COLUMNS]
    assert frame[shared].equals(tuning_curves.tuning_curves(every)[shared])
    assert not frame[["pruned", "lost", "unseen_share"]].to_numpy().any()
    of_all = pairs.pairs(every)
    assert censored.pairs(trials, found)[list(pairs.COLUMNS)].equals(of_all[list(pairs.COLUMNS)])
    assert of_all["verdict"].tolist() == ["better"]
    assert censored.lost_share(found)[-2:] == (0.0, 0.0)


def test_nor_is_anything_said_of_too_few():
    row = verdict(whole(np.arange(80) / 80, "a"), whole(np.arange(30) / 30, "b"))
    assert (row["verdict"], row["why"]) == ("can't tell", "fewer than 80 trials of either")


def test_an_interval_that_nothing_was_lost_of_is_the_usual_one():
    errors, budgets = np.random.default_rng(0).random(100), [1, 4, 16, 64]
    for simultaneous in (False, True):
        usual = confidence.median_interval(errors, budgets, simultaneous=simultaneous)
        found = censored.median_interval(errors, budgets, 0.0, simultaneous=simultaneous)
        assert [end.tolist() for end in found] == [end.tolist() for end in usual]


# --- what is lost ---------------------------------------------------------------------------------


def test_the_loss_is_what_the_audit_sees():
    errors = np.arange(200) / 200
    out = np.zeros(200, dtype=bool)
    out[[1, 3, 5, 7]] = True  # of the best nine, q = 0.0424
    out[100:] = True
    audited = out & (np.arange(200) < 150)
    gone = out & ~audited
    side = Side("w", "sgd", np.where(gone, np.inf, errors), gone, out, audited, 0.75)
    loss = censored.lost_share([side])
    assert (loss.seen, loss.passed) == (4, 5)
    failed = 4.67 / 0.75  # of the best, three quarters of which are seen all the same
    assert loss.lost == pytest.approx(0.25 * failed / (5 + failed), abs=0.01)
    assert loss.upper > loss.lost
    nobody = censored.lost_share([pruned(errors, out, 0.0, np.random.default_rng(0))])
    assert (nobody.lost, nobody.upper) == (1.0, 1.0)  # nobody looked


def test_an_audit_certifies_once_three_would_have_been_seen():
    out = np.arange(2000) >= 500
    for count, audit, certifies in ((2000, 0.3, False), (2000, 0.4, True), (1000, 0.4, False)):
        side = pruned(np.arange(count) / count, out[:count], audit, np.random.default_rng(0))
        loss = censored.lost_share([side])
        assert loss.certifies() is certifies
        assert loss.certifies() == (audit * count >= 3 / (0.1 * np.log(2) / 16))
        assert (loss.needed() <= audit) is certifies
        assert loss.certifies(0.5)


def test_a_verdict_is_refused_with_the_remedy_while_the_audit_is_too_small():
    rng = np.random.default_rng(0)
    out = np.arange(640) >= 160
    both = {"a": np.arange(640) / 640, "b": np.arange(640) / 640 + 1}
    row = verdict(*(pruned(errors, out, 0.1, rng, name) for name, errors in both.items()))
    assert row["verdict"] == "refused"
    assert row["why"].endswith("give pruning.audit=0.55, or carry the pruned on with pruning=none")
    few = [pruned(np.arange(96) / 96, np.arange(96) >= 16, 0.1, rng, name) for name in "ab"]
    assert verdict(*few)["why"].endswith("were lost; carry the pruned on with pruning=none")
    more = [pruned(errors, out, 0.2, rng, name) for name, errors in both.items()]
    assert "declare a larger loss by --lost=0.28, or give" in verdict(*more)["why"]
    assert verdict(*more, declared=0.28)["verdict"] == "better"


def test_a_verdict_that_a_different_loss_could_turn_is_refused():
    errors = np.sort(np.random.default_rng(1).random(2000))
    out = np.arange(2000) >= 500
    for worse_by, expected in ((1.0, "can't tell"), (1.3, "refused"), (2.5, "better")):
        a = pruned(errors, out, 0.5, np.random.default_rng(0), "a")
        b = pruned(errors * worse_by, out, 0.5, np.random.default_rng(0), "b")
        row = verdict(a, b)
        assert row["verdict"] == expected, row
        if expected == "refused":
            assert row["win_low"] > 0.5  # what it would be if nothing were pruned
            assert "on one side could turn it; carry on with pruning=none" in row["why"]
    assert censored.shift(0.5) == pytest.approx(0.5 - 1 / 3)
    assert not censored.outlives(0.5 + censored.shift(0.2), 1.0, 0.2)
    assert censored.outlives(0.0, 0.49 - censored.shift(0.2), 0.2)


def test_the_mean_is_given_where_what_is_unseen_hardly_counts():
    rng = np.random.default_rng(0)
    errors = rng.random(256)
    side = pruned(errors, errors > 0.3, 0.0, rng)
    frame = curves_of(side, [1, 4, 16])
    assert frame["mean"].isna().tolist() == [True, True, False]
    assert frame["unseen_share"][1] == pytest.approx(side.pruned.mean())
    assert frame["p50"][1] == np.inf
    assert frame["p50"][16] == best_of_k.without_replacement(errors, [16]).p50[0]
    assert frame["mean"][16] == pytest.approx(best_of_k.curve(errors, [16]).mean[0], rel=0.1)
    assert frame["lost"].tolist() == [1.0] * 3  # nobody was audited
    assert np.isneginf(frame["median_low"]).all()


def test_audited_trials_that_failed_a_rung_do_not_stand_for_searches_that_had_better_ones():
    rng = np.random.default_rng(0)
    errors = np.where(rng.random(512) < 0.7, 0.5 + rng.random(512), 0.02 * rng.random(512))
    side = pruned(errors, errors > 0.4, 0.1, rng)
    assert side.audited.sum() > 20
    nobody = side._replace(errors=np.where(side.out, np.inf, errors), pruned=side.out)
    frame = curves_of(side, [16])
    assert frame["mean"][16] == curves_of(nobody, [16])["mean"][16] < 0.02
    with_them = tuning_curves.tuning_curves(as_last(trials_of(side)), budgets=[16])
    assert frame["unseen_share"][16] < 0.01
    assert frame["p50"][16] == with_them["p50"][0]


# --- from a table ---------------------------------------------------------------------------------

HALVING = Pruning((0.2, 0.4), (0.5, 0.5), cohort=8, audit=0.3)
STEPS = [10, 20, 30, 40, 50]


def table(drop=(), text=HALVING.text, failed=()):
    """Sixteen trials of two cohorts: error i/16 at every step, the last twelve or so pruned."""
    config = {
        "workload": {"name": "w", "steps": 50, "eval_every": 10}, "optimizer": {"name": "sgd"},
        "seed": 0, "search_space": {"lr": {"low": 0.1, "high": 1.0}},
    }  # fmt: skip
    rows, curves = [], []
    for trial in range(16):
        place = trial % 8
        audited = is_audited(0, trial, HALVING.audit)
        steps = 50 if place < 2 or audited else 20 if place < 4 else 10
        status = "complete" if steps == 50 else "pruned"
        if trial in failed:
            status, steps = "failed", 0
        rows.append(
            {"workload": "w", "optimizer": "sgd", "study": "s", "trial": trial, "status": status,
             "val_error": trial / 16 if status == "complete" else None, "steps": steps, "pruning": text}
        )  # fmt: skip
        for step in STEPS[: steps // 10]:
            curves.append(
                {"workload": "w", "optimizer": "sgd", "study": "s", "trial": trial, "step": step,
                 "val_error": trial / 16, "val_loss": trial / 16}
            )  # fmt: skip
    frame = pd.DataFrame([row for row in rows if row["trial"] not in drop])
    return Results(check(frame), pd.DataFrame(curves), {"s": Study(config)})


def test_who_passed_is_decided_anew():
    (side,) = sides(table())
    expected = [trial % 8 >= 2 for trial in range(16)]
    assert side.out.tolist() == expected
    drawn = [out and is_audited(0, trial, 0.3) for trial, out in enumerate(expected)]
    assert side.audited.tolist() == drawn
    assert any(drawn)
    assert side.pruned.tolist() == [o and not d for o, d in zip(expected, drawn, strict=True)]
    assert np.isinf(side.errors).tolist() == side.pruned.tolist()
    assert side.audit == 0.3


def test_what_was_carried_on_is_no_audit():
    results = table()
    trials = results.trials.copy()
    done = trials["trial"] == 7
    trials.loc[done, ["status", "val_error", "steps"]] = ["complete", 0.4, 50]
    (side,) = sides(results._replace(trials=trials))
    assert side.out[7]
    assert not side.pruned[7]
    assert side.audited[7] == is_audited(0, 7, 0.3)
    trials["status"], trials["val_error"] = "complete", 0.5
    (side,) = sides(results._replace(trials=trials))
    assert not side.out.any()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"drop": (3,)}, "trials 0-7 are still being pruned, a rung waits for trial=3"),
        ({"failed": (12,)}, "trials 8-15 are still being pruned, a rung waits for trial=12"),
        ({"text": "never"}, "'never' tells no pruning"),
    ],
)
def test_a_table_that_does_not_tell_all_is_refused(changes, says):
    results = table(**changes)
    if "drop" in changes:
        results = results._replace(curves=results.curves[results.curves["trial"] != 3])
    with pytest.raises(TableError, match=says):
        sides(results)


def test_a_table_without_curves_is_refused():
    with pytest.raises(
        TableError, match=r"trials were pruned, and what that means is told by learning"
    ):
        sides(table()._replace(curves=None))


def test_two_prunings_of_one_cohort_are_refused():
    results = table()
    trials = results.trials.copy()
    other = Pruning((0.2, 0.4), (0.5, 0.5), cohort=8, audit=0.2).text
    trials.loc[trials[trials["status"] == "pruned"].index[-1], "pruning"] = other
    with pytest.raises(TableError, match="trials 8-15 were pruned in two ways"):
        sides(results._replace(trials=trials))


# --- coverage -------------------------------------------------------------------------------------


def drawn(rng, count, early, late):
    """Final values, and values at two rungs whose ranks correlate so with them."""
    final = rng.standard_normal(count)
    second = late * final + np.sqrt(1 - late**2) * rng.standard_normal(count)
    share = early / late
    first = share * second + np.sqrt(1 - share**2) * rng.standard_normal(count)
    return final, first, second


def out_of(first, second, cohort=32):
    """Who fails one of two rungs that half pass."""
    first, second = first.reshape(-1, cohort), second.reshape(-1, cohort)
    alive = np.zeros(first.shape, dtype=bool)
    order = np.argsort(first, axis=1)
    np.put_along_axis(alive, order[:, : cohort // 2], True, axis=1)
    order = np.argsort(np.where(alive, second, np.inf), axis=1)
    passed = np.zeros(first.shape, dtype=bool)
    np.put_along_axis(passed, order[:, : cohort // 4], True, axis=1)
    return ~passed.ravel()


@pytest.mark.slow
@pytest.mark.parametrize("trials", [64, 256])
@pytest.mark.parametrize("ranks", RANKS)
def test_coverage_of_the_median(ranks, trials):
    """Six optimizers, a tenth of each audited; of the first it is the interval, in 400 tables."""
    rng = np.random.default_rng([trials, RANKS.index(ranks)])
    tables, budgets = 400, [8, 12, 16, 24, 32]
    truth = stats.norm.ppf(1 - 0.5 ** (1 / np.array(budgets)))
    covered = np.zeros(len(budgets))
    for _ in range(tables):
        own = []
        for _ in range(6):
            final, first, second = drawn(rng, trials, *ranks)
            own.append(pruned(final, out_of(first, second), 0.1, rng))
        for place, budget in enumerate(budgets):
            lost = censored.lost_share(own, budget).lost
            low, high = censored.median_interval(own[0].errors, [budget], lost)
            covered[place] += low[0] <= truth[place] <= high[0]
    print(ranks, trials, covered / tables)
    assert (covered / tables >= 0.90).all()


@pytest.mark.slow
def test_false_verdicts_of_optimizers_alike_though_pruning_loses_differently():
    """Two alike, of which early ranks tell much of one and little of the other; K = 16, half audited.

    The trials of a cohort are one block of the paired test or a part of one: 5 % nominal, and what
    outlives the different loss is less.
    """
    rng = np.random.default_rng(0)
    tables, trials, claimed, kept = 200, 256, 0, 0
    for _ in range(tables):
        own = []
        for name, ranks in zip("ab", (RANKS[0], RANKS[3]), strict=True):
            final, first, second = drawn(rng, trials, *ranks)
            own.append(pruned(final, out_of(first, second), 0.5, rng, name))
        test = compare(*(Sample(side.errors, np.arange(trials)) for side in own), 16, swaps=999)
        low, high = test.interval()
        claimed += low > 0.5 or high < 0.5
        kept += censored.outlives(low, high, censored.lost_share(own).upper)
    print(claimed / tables, kept / tables)
    assert kept / tables <= 0.08  # three standard errors above .05: .0 measured
    assert kept <= claimed
