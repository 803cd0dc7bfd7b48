"""Made-up trials: no number in these tests was measured."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from harness.analysis import best_of_k
from harness.analysis.checking import check
from harness.records.folder import StudyFolder
from harness.records.record import new_record
from harness.study.result import COMPLETE, DIVERGED
from harness.study.study import Study

# No time limit an example: these machines are shared.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

GOOD = """workload,optimizer,trial,status,val_error,hp.lr
made_up,sgd,0,complete,0.3,0.1
made_up,sgd,1,diverged,,10
made_up,adam,0,complete,0.2,0.001
"""

SETTINGS = {
    "workload": {"name": "made_up", "steps": 100, "batch_size": 10},
    "model": {},
    "data": {},
    "sampler": {"name": "halton", "seed": None},
    "seed": 0,
    "precision": "float32",
}
SCHEDULE = {"end_factor": {"choices": [0.001, 0.01, 0.1]}}
SPACES = {
    "sgd": {"lr": {"low": 1e-2, "high": 1e2, "scale": "log"}, **SCHEDULE},
    "momentum": {
        "lr": {"low": 1e-4, "high": 1e2, "scale": "log"},
        "one_minus_momentum": {"low": 1e-4, "high": 1.0, "scale": "log"},
        **SCHEDULE,
    },
}


def made_up_study(optimizer, **changes):
    space = changes.pop("search_space", SPACES.get(optimizer))
    node = {"name": optimizer, "rule": optimizer}
    return Study({**SETTINGS, "optimizer": node, "search_space": space, **changes})


def write_study(root, study, errors):
    """A results folder's study with one complete trial an error; an infinite one diverges."""
    folder = StudyFolder(root, study)
    folder.create()
    for trial, error in enumerate(errors):
        record = new_record(study, trial) | {"status": DIVERGED, "steps": 100}
        if np.isfinite(error):
            final = {"train_loss": error, "val_error": error, "test_error": error + 0.01}
            curve = {name: [0.0, 0.0] for name in record["curve"]}
            curve |= {"step": [50, 100], "val_error": [2 * error, error]}
            record |= {"status": COMPLETE, **final, "curve": curve}
        folder.write(record)


@pytest.fixture(scope="session")
def pristine_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    for optimizer in SPACES:
        study = made_up_study(optimizer)
        lr = np.array([study.point(trial)["lr"] for trial in range(60)])
        write_study(root, study, np.where(lr > 50, np.inf, 0.1 + 0.1 * np.abs(np.log10(lr))))
    return root


@pytest.fixture
def root(pristine_root, tmp_path):
    """A results folder: sgd and momentum, 60 trials each, best at lr = 1, a few diverged."""
    return shutil.copytree(pristine_root, tmp_path / "results")


def made_up_table(**optimizers):
    """A checked table from {optimizer: validation errors}; an infinite error is a diverged trial."""
    rows = [
        {
            "workload": "made_up",
            "optimizer": optimizer,
            "study": f"{optimizer}-study",
            "trial": trial,
            "status": COMPLETE if np.isfinite(error) else DIVERGED,
            "val_error": error if np.isfinite(error) else None,
        }
        for optimizer, errors in optimizers.items()
        for trial, error in enumerate(errors)
    ]
    return check(pd.DataFrame(rows))


def errors_of(trials, workload, optimizer, column="val_error"):
    """A column of one optimizer's complete trials."""
    rows = trials[(trials["workload"] == workload) & (trials["optimizer"] == optimizer)]
    return rows[rows["status"] == COMPLETE][column].to_numpy()


def row_of(frame, **where):
    """The one row with these values."""
    for name, value in where.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


@pytest.fixture
def mnli():
    """A table this project did not produce: 2 x 1,024 random-search trials (Lourie et al. 2023)."""
    repository = Path(__file__).parents[2]
    data = Path(os.environ.get("HARNESS_DATA_ROOT", repository.parent / "shared" / "data"))
    path = data / "external" / "mnli_random_search.csv"
    if not path.exists():
        pytest.skip(
            f"{path.name} is not in {data}; set HARNESS_DATA_ROOT to the folder that has it"
        )
    return path


def drawn_best(errors, budgets, statistic=None):
    """`best_of_k.curve` as reports have it: of K different trials."""
    return best_of_k.without_replacement(errors, budgets, statistic)
