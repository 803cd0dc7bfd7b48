"""A study of nothing and records of its trials."""

from harness.records.record import new_record
from harness.study.result import CURVE_COLUMNS
from harness.study.study import Study

CONFIG = {
    "workload": {"name": "tiny", "module": "m", "steps": 2, "batch_size": 1, "eval_every": 1},
    "model": {},
    "data": {},
    "optimizer": {"name": "sgd", "rule": "sgd"},
    "schedule": {"name": "constant"},
    "search_space": {"lr": {"low": 0.1, "high": 1.0}},
    "sampler": {"name": "uniform", "seed": None},
    "seed": 0,
    "precision": "float32",
    "data_sha256": None,
}
STUDY = Study(CONFIG)


def made(trial=0, status="complete"):
    """A record as a trial of two steps leaves it."""
    whole = new_record(STUDY, trial)
    whole["status"] = status
    whole["steps"] = 2
    if status == "complete":
        whole |= dict.fromkeys(("train_loss", "val_error", "val_loss", "test_error"), 0.5)
        whole["curve"] = {name: [1, 2] for name in CURVE_COLUMNS}
    whole["run"] = {"train_seconds": 0.1 + trial}
    return whole
