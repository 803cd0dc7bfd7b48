"""A comparison on parts of its spaces: which trials each variant keeps, and what holds."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.subspaces import AS_RUN, LR_ONLY, ONE_RANGE, SCHEDULE, sensitivity, sentences
from tests.analysis.conftest import made_up_table, row_of

RNG = np.random.default_rng(0)
N = 200


def table(**optimizers):
    """{optimizer: function of (lr, beta, decay), all in [0, 1], to errors}."""
    unit = {name: RNG.random((N, 3)) for name in optimizers}
    trials = made_up_table(**{name: error(*unit[name].T) for name, error in optimizers.items()})
    points = pd.DataFrame(np.concatenate(list(unit.values())), columns=["lr", "beta", "decay"])
    return trials.assign(**{
        "hp.lr": 10 ** (4 * points["lr"] - 4), "hp.one_minus_beta1": 10 ** (3 * points["beta"] - 3),
        "hp.decay_steps_factor": 0.5 + points["decay"] / 2,
    })  # fmt: skip


def bowl(floor):
    return lambda lr, beta, decay: floor + (lr - 0.8) ** 2 + 0.01 * beta


def one_bad_half(lr, beta, decay):
    """As good as the best, and hopeless at small learning rates."""
    return np.where(lr < 0.5, 0.9, 0.1) + (lr - 0.8) ** 2


def test_the_half_that_is_kept_is_the_good_one():
    trials = table(sgd=bowl(0.1), adam=bowl(0.1))
    means = sensitivity(trials).means
    halved = row_of(means, variant="learning rate halved", optimizer="adam")
    as_run = row_of(means, variant=AS_RUN, optimizer="adam")
    assert N * 0.4 < halved["trials"] < N * 0.6
    assert halved["mean"] < as_run["mean"]


def test_every_variant_is_there_and_keeps_its_share():
    means = sensitivity(table(sgd=bowl(0.1), adam=bowl(0.1))).means
    assert list(means["variant"].unique()) == [
        AS_RUN, "learning rate halved", "beta1 halved", SCHEDULE, LR_ONLY,
    ]  # fmt: skip
    trials = means[means["optimizer"] == "sgd"].set_index("variant")["trials"]
    assert (trials[SCHEDULE], trials[LR_ONLY]) == (N // 2, N // 4)


def test_what_one_range_of_effective_rates_keeps_is_alike_for_all():
    trials = table(sgd=bowl(0.1), adam=bowl(0.1))
    trials["effective_lr"] = trials["hp.lr"]
    means = sensitivity(trials).means
    kept = means[means["variant"] == ONE_RANGE]["trials"]
    assert len(kept) == 2
    assert (kept < N / 2).all()
    trials.loc[0, "effective_lr"] = np.nan  # of one optimizer it can't be told
    assert ONE_RANGE not in set(sensitivity(trials).means["variant"])


def test_a_verdict_that_holds_and_one_that_the_space_made():
    found = sensitivity(table(sgd=bowl(0.1), adam=bowl(0.4), nadam=one_bad_half))
    holds = row_of(found.held, a="sgd", b="adam")
    assert (holds["as_run"], holds["holds"], holds["level_in"]) == ("better", True, "")
    told = sentences(found.held, 4)
    assert told[0] == (
        "made_up: SGD is better than Adam at K = 4, on the spaces as run and on all 4 parts of them."
    )


def test_the_space_decides_where_a_verdict_goes_away():
    def flat(lr, beta, decay):
        return 0.1 + 0.01 * beta

    def flat_above_half(lr, beta, decay):
        return np.where(lr < 0.5, 0.9, flat(lr, beta, decay))

    found = sensitivity(table(sgd=flat, adam=flat_above_half), budget_trials=2)
    row = row_of(found.held, a="sgd", b="adam")
    assert row["as_run"] == "better"
    assert not row["holds"]
    assert "learning rate halved" in row["level_in"]


def test_identical_optimizers_are_level():
    found = sensitivity(table(sgd=bowl(0.1), adam=bowl(0.1)))
    assert set(found.held["as_run"]) == {"can't tell"}
    assert sentences(found.held, 4) == [
        "made_up: of 1 pairs nothing can be told on the spaces as run."
    ]


def test_ranks_are_by_the_mean():
    means = sensitivity(table(sgd=bowl(0.1), adam=bowl(0.4))).means
    assert means.groupby("optimizer")["rank"].first().to_dict() == {"adam": 2, "sgd": 1}
    assert means["budget_trials"].unique() == pytest.approx([4])
