"""Figures 3 and 4 from the shipped experiments, a few steps on made images: three sweeps, one drawing."""

import os
import threading
from multiprocessing.connection import Connection

import pandas as pd
import pytest

from harness.__main__ import command
from harness.report import catalogue
from harness.running import processes

pytestmark = pytest.mark.slow  # half a minute: 3.3 million parameters are drawn for every trial

COLUMNS = {
    "lr only": "lr_only",
    "+ other hyperparameters": "lr_and_others",
    "+ schedule": "schedule",
}
OPTIMIZERS = ("sgd", "adam")
SHORT = (
    "workload.steps=2", "workload.eval_every=1", "workload.batch_size=8", "num_trials=2", "device=cpu",
    "workers=1", f"hydra.sweeper.params.optimizer='{','.join(OPTIMIZERS)}'",
)  # fmt: skip


class WorkerThread:
    """What the pool takes for a process; in this one the data sets are small."""

    exitcode = 0

    def __init__(self, device, work, theirs, *others, deaf):
        mine = Connection(os.dup(theirs.fileno()))  # the pool closes its own
        reading, self.writing = os.pipe()
        self.sentinel = os.fdopen(reading, "rb")  # readable once the other end is closed
        self.thread = threading.Thread(target=self._work, args=(work, mine, *others), daemon=True)
        self.thread.start()
        self.is_alive = self.thread.is_alive

    def _work(self, work, mine, *others):
        try:
            work(mine, *others)
        finally:
            mine.close()
            os.close(self.writing)

    def join(self, timeout=None):
        self.thread.join(timeout)

    def kill(self):
        """It ends when its connection does."""


@pytest.fixture(autouse=True)
def one_figure_in_this_process(monkeypatch):
    monkeypatch.setattr(processes, "start", WorkerThread)
    drawn = [each for each in catalogue.CATALOGUE if each.name == "figure_3_4_search_spaces"]
    monkeypatch.setattr(catalogue, "CATALOGUE", drawn)


def draw(experiments, folder, *words):
    """Sweep these experiments, a root a column, and draw all of them by one command."""
    spaces = []
    for label, column in COLUMNS.items():
        for experiment, data in experiments.items():
            root = f"root={folder / column}"
            name = f"experiment={experiment}_{column}_small"
            assert command([name, root, *SHORT, *data, *words]) == 0
        spaces += ["--space", f"{label}={folder / column}"]
    assert command(["figures", *spaces, "--out", str(folder / "drawn")]) == 0
    return pd.read_csv(folder / "drawn" / "figure_3_4_search_spaces.csv")


def shown(drawn):
    """The cells that have a mean; trials may have diverged."""
    found = drawn[(drawn["metric"] == "val_error") & drawn["mean"].notna()]
    keys = ["workload", "search_space", "optimizer"]
    return list(found[keys].itertuples(index=False, name=None))


def cells(*workloads):
    return [(each, label, name) for each in workloads for label in COLUMNS for name in OPTIMIZERS]


def test_figure_3(small_cifar, tmp_path):
    data = (f"data.root={small_cifar.write_tree()}", "data.format=image_folder", "model.width=2")
    drawn = draw({"wilson_cifar10_vgg16": data}, tmp_path / "results")
    assert sorted(shown(drawn)) == sorted(cells("cifar10_vgg16"))


def test_figure_4_of_two_workloads(small_cifar100, small_fashion, tmp_path):
    trees = {
        "schneider_cifar100_cnn": (
            f"data.root={small_cifar100.write_tree()}", "data.format=image_folder", "model.width=2",
        ),
        "schneider_fashion_mnist_cnn": (f"data.root={small_fashion.write()}",),
    }  # fmt: skip
    drawn = draw(trees, tmp_path / "results")
    assert sorted(shown(drawn)) == sorted(cells("cifar100_cnn", "fashion_mnist_narrow_cnn"))
