"""A study: one workload, optimizer, search space and seed, fully resolved. A trial is (study, index)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from harness.study.sampling import sample, sample_many
from harness.study.space import Space, parse

STUDY_KEYS = (
    "workload", "model", "data", "optimizer", "schedule", "search_space", "sampler", "seed", "precision",
)  # fmt: skip
# Part of a study only where they are used: without them it is what it was before there were any.
OPTIONAL_KEYS = ("stopping", "averaging")
# Where data lies and how it gets there does not change a result; what it is does.
LOCATIONS = ("data.root", "data.cache", "data.download", "data.file")
# Settings that are no part of the study. A target is asked of the results, it is not what they are;
# a metric is what they are called.
NOT_OF_THE_STUDY = (*LOCATIONS, "workload.target_error", "workload.metric")
# Settings that choose trials, machine or place.
RUN_KEYS = (
    "first_trial", "num_trials", "trial", "num_feasible", "max_trials", "root", "workers", "device",
    "retry_failed", "trial_timeout", "checkpoint_every", "damaged", "trials_per_task", "report",
    "pruning", "keep", "stack",
)  # fmt: skip


def key_of(override: str) -> str:
    """The key that an override sets, adds or deletes: ``seed`` of ``+seed=1``."""
    return override.lstrip("+~").split("=")[0]


def chooses_how(override: str) -> bool:
    """Whether an override says how the study is run: ``pruning.audit=0.2`` does."""
    return key_of(override).split(".")[0] in RUN_KEYS


def portable(overrides: Iterable[str]) -> list[str]:
    """The overrides that compose the study on any machine: those of trials and places left out."""
    return [word for word in overrides if key_of(word) not in LOCATIONS and not chooses_how(word)]


@dataclass(frozen=True)
class Study:
    """Everything a trial's result depends on, besides its index and the machine it runs on.

    ``config`` is plain data, the nodes of `STUDY_KEYS` and ``data_sha256``, the digest of the data
    that the workload found. ``overrides`` are the command-line words that compose it again, beside
    Hydra's own flags such as ``--config-dir``.
    """

    config: Mapping[str, Any]
    overrides: tuple[str, ...] = ()

    @property
    def workload(self) -> str:
        return str(self.config["workload"]["name"])

    @property
    def optimizer(self) -> str:
        return str(self.config["optimizer"]["name"])

    @property
    def name(self) -> str:
        return f"{self.workload}/{self.optimizer}/{self.fingerprint}"

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits of a hash of the resolved config: the name of the results' folder.

        Not of the trial range or where data and results lie; the order of the search-space axes
        counts, since it decides which Halton coordinate each gets. Of code, the file that defines a
        user's own optimizer or workload counts; ours is named by the version in each record.
        """
        config = {name: node for name, node in self.config.items() if name != "search_space"}
        for part in ("data", "workload"):
            config[part] = {
                key: value
                for key, value in config[part].items()
                if f"{part}.{key}" not in NOT_OF_THE_STUDY
            }
        config["search_space"] = list(self.config["search_space"].items())
        text = json.dumps(config, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def space(self) -> Space:
        return parse(self.config["search_space"])

    def point(self, trial: int) -> dict[str, float]:
        """The searched coordinates of a trial, constants included."""
        sampler = self.config["sampler"]
        seed = self.config["seed"] if sampler["seed"] is None else sampler["seed"]
        return sample(self.space, sampler["name"], seed, trial)

    def points(self, trials: Sequence[int]) -> list[dict[str, float]]:
        """`point` of many trials."""
        sampler = self.config["sampler"]
        seed = self.config["seed"] if sampler["seed"] is None else sampler["seed"]
        return sample_many(self.space, sampler["name"], seed, trials)

    def seeds(self, trial: int) -> dict[str, int]:
        """Independent seeds for the initial weights, the data order and dropout of a trial."""
        words = np.random.SeedSequence([self.config["seed"], trial]).generate_state(3, np.uint32)
        return dict(zip(("initialisation", "data_order", "dropout"), map(int, words), strict=True))
