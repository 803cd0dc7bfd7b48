"""A study: one workload, optimizer, search space and seed, fully resolved. A trial is (study, index)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from harness.errors import ConfigError
from harness.study.asking import Told, ask
from harness.study.sampling import ASKING, sample, sample_many
from harness.study.space import Space, Value, parse

STUDY_KEYS = (
    "workload", "model", "data", "optimizer", "schedule", "search_space", "sampler", "seed", "precision",
)  # fmt: skip
# Part of a study only where they are used: without them it is what it was before there were any.
OPTIONAL_KEYS = ("stopping", "averaging", "order")
# Where data lies and how it gets there does not change a result; what it is does.
LOCATIONS = ("data.root", "data.cache", "data.download", "data.file", "order.scores")
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


def of_the_study(part: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Of a part's settings, such as those of data, the ones that make it another study."""
    return {
        key: value for key, value in settings.items() if f"{part}.{key}" not in NOT_OF_THE_STUDY
    }


@dataclass(frozen=True)
class Study:
    """Everything a trial's result depends on, besides its index and the machine it runs on.

    ``config`` is plain data, the nodes of `STUDY_KEYS` and ``data_sha256``, the digest of the data
    that the workload found. ``overrides`` are the command-line words that compose it again, beside
    Hydra's own flags such as ``--config-dir``.
    """

    config: Mapping[str, Any]
    overrides: tuple[str, ...] = ()
    given: Mapping[int, Mapping[str, Value]] = field(default_factory=dict, compare=False)
    """Points of trials whose sampler was asked for them already."""

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
        for part in {"data", "workload", "order"} & config.keys():
            config[part] = of_the_study(part, config[part])
        config["search_space"] = list(self.config["search_space"].items())
        text = json.dumps(config, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def space(self) -> Space:
        return parse(self.config["search_space"])

    @property
    def asks(self) -> bool:
        """Whether a trial's point depends on what earlier ones found (`harness.study.asking`)."""
        return self.config["sampler"]["name"] in ASKING

    def told_up_to(self, trial: int) -> int:
        """How many of the first trials choose the point of this one."""
        sampler = self.config["sampler"]
        if not self.asks or trial < sampler["startup"]:
            return 0
        return max(0, trial - int(sampler["parallel"]) + 1)

    @property
    def points_seed(self) -> int:
        own = self.config["sampler"]["seed"]
        return int(self.config["seed"] if own is None else own)

    def point(self, trial: int) -> dict[str, Value]:
        """The searched coordinates of a trial, constants included.

        Raises:
            ConfigError: a trial that the sampler has no point for by itself.
        """
        if trial in self.given:
            return dict(self.given[trial])
        if self.told_up_to(trial):
            raise ConfigError(
                f"{self.name}: trial {trial} is chosen by what the trials before it found; run them by"
                " num_trials="
            )
        return sample(self.space, self.config["sampler"], self.points_seed, trial)

    def asked(self, trial: int, told: Sequence[Told]) -> Study:
        """The study with the point of a trial, chosen by the trials before it.

        Args:
            told: of the first `told_up_to` trials those that have a result, in their order.
        """
        if not self.told_up_to(trial):
            return self
        name = self.config["sampler"]["name"]
        point = ask(self.space, name, self.points_seed, trial, told)
        return replace(self, given={**self.given, trial: point})

    def points(self, trials: Sequence[int]) -> list[dict[str, Value]]:
        """`point` of many trials."""
        if self.asks:
            return [self.point(trial) for trial in trials]
        return sample_many(self.space, self.config["sampler"], self.points_seed, trials)

    def seeds(self, trial: int) -> dict[str, int]:
        """Independent seeds for the initial weights, the data order and dropout of a trial."""
        words = np.random.SeedSequence([self.config["seed"], trial]).generate_state(3, np.uint32)
        return dict(zip(("initialisation", "data_order", "dropout"), map(int, words), strict=True))
