"""What kept weights predict: each member's probabilities on validation and test examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import ConfigError
from harness.records import weights
from harness.running.trial import load_task
from harness.study.study import Study


class Member(NamedTuple):
    """Weights of a trial: those of an evaluation, by their file's name (`harness.records.weights`)."""

    trial: int
    name: str


class Predictions(NamedTuple):
    """probabilities: [members, examples, classes] float32; labels: [examples]."""

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]


def predictions(
    study: Study, study_path: Path, members: Sequence[Member], split: str
) -> Predictions:
    """Of all members on all of a split, on the CPU.

    Raises:
        ConfigError: weights that are not there, or a workload that predicts no classes.
        DataError: what the workload finds wrong with its data.
    """
    states = [weights.read(study_path, *member) for member in members]
    task = load_task(study, "cpu")
    if not hasattr(task, "predict"):
        raise ConfigError(
            f"workload {study.workload} has no predict(model, split), which an ensemble averages; add it"
            " (workloads/task.py)"
        )
    model = task.model()
    found = []
    for state in states:
        model.load_state_dict(state)
        probabilities, labels = task.predict(model, split)
        found.append(probabilities.numpy())
    return Predictions(np.stack(found), labels.numpy())
