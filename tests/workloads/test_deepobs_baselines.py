"""DeepOBS's published runs of `quadratic_deep`, repeated by the shipped experiment: 8 of its 36 learning rates.

The table of published runs is no part of this project. Seeds are fixed: this passes or fails for good.
"""

import sys

import numpy as np
import pytest

from harness.__main__ import command
from harness.analysis.published_runs import OUTSIDE, compared
from tests.studies import study, task
from tests.workloads.conftest import REPOSITORY

pytestmark = pytest.mark.slow

RATES = "0.0001,0.001,0.00251189,0.00630957,0.01,0.0158489,0.0398107,0.158489"
EPOCHS = 100
SEEDS = 10


@pytest.fixture(scope="module")
def comparing():
    """The script that sets runs beside published ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY / "scripts"))
        import compare_deepobs

        yield compare_deepobs
    del sys.modules["compare_deepobs"]


@pytest.fixture(scope="module")
def published(comparing, real_data):
    """A function of the epoch: optimizer, lr, value of every published run."""
    path = real_data("external") / "deepobs_baselines.csv.gz"
    return lambda epoch: comparing.published(path, comparing.PROBLEMS["quadratic_deep"], epoch)


@pytest.fixture(scope="module")
def runs(comparing, published, tmp_path_factory):
    root = tmp_path_factory.mktemp("deepobs")
    words = ("optimizer=sgd,momentum", f"search_space.lr={RATES}", f"root={root}", "workers=1")
    assert command(["experiment=deepobs_quadratic_deep", *words]) == 0
    return comparing.ours(root, EPOCHS)[1]


def test_the_test_loss_before_training(published):
    of = task(study("workload=quadratic_deep", "optimizer=sgd"))
    loss = of.evaluate(of.model(), "test")[1]
    assert f"{loss:.4f}" == "353.4468"
    assert {f"{value:.3f}" for value in published(0)["value"]} == {f"{loss:.3f}"}


@pytest.mark.parametrize(("optimizer", "lr"), [("sgd", 0.0158489), ("momentum", 0.00251189)])
def test_every_run_ends_where_the_published_seeds_do(runs, published, optimizer, lr):
    mine, theirs = (
        table[(table["optimizer"] == optimizer) & np.isclose(table["lr"], lr, rtol=1e-4)]["value"]
        for table in (runs, published(EPOCHS))
    )
    assert (len(mine), len(theirs)) == (SEEDS, SEEDS)
    assert mine.between(theirs.mean() - 3 * theirs.std(), theirs.mean() + 3 * theirs.std()).all()


def test_every_learning_rate_ends_as_published(runs, published):
    table = compared(runs, published(EPOCHS))
    assert (table["ours_runs"] == SEEDS).all()
    diverged = table["published_diverged"] == table["published_runs"]
    assert 2 <= diverged.sum() <= len(table) - 10
    assert (table["ours_diverged"][diverged] == SEEDS).all()
    assert (table["ours_diverged"][~diverged] == 0).all()
    assert (table["z"][~diverged].abs() <= OUTSIDE).all()
