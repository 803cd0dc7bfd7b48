"""The schema of a configuration, and the way from a composed one to a study and a request.

The dataclasses come first in conf/config.yaml's defaults list: a mistyped key or value is then an
error before anything runs. Defaults live in the YAML files, not here.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from harness.errors import ConfigError, unknown
from harness.records.checkpoint import parse_every
from harness.running.runner import Options
from harness.running.trial_queue import Request
from harness.study import indices
from harness.study.space import hyperparameters
from harness.study.study import RUN_KEYS, Study, key_of
from harness.training import optimizers


class SamplerName(Enum):
    halton = "halton"
    uniform = "uniform"


class Precision(Enum):
    float32 = "float32"
    bfloat16 = "bfloat16"


class DeviceName(Enum):
    cpu = "cpu"
    cuda = "cuda"
    auto = "auto"


class Damaged(Enum):
    refuse = "refuse"
    set_aside = "set_aside"


@dataclass
class WorkloadNode:
    name: str = MISSING
    module: str = MISSING  # import path of the module with prepare() and load()
    steps: int = MISSING
    batch_size: int = MISSING
    eval_every: int = MISSING  # steps between evaluations on the validation set
    test_every: int = MISSING  # likewise on the test set; 0: at the last step only
    target_error: float | None = None  # validation error rate for steps-to-target


@dataclass
class OptimizerNode:
    name: str = MISSING
    rule: str = MISSING  # a rule of harness/rules.py, or the import path of a torch.optim.Optimizer


@dataclass
class SamplerNode:
    name: SamplerName = MISSING
    seed: int | None = None  # null: the study's seed; another one: an independent scramble


@dataclass
class Config:
    workload: WorkloadNode = MISSING
    model: dict[str, Any] = MISSING
    data: dict[str, Any] = MISSING
    optimizer: OptimizerNode = MISSING
    search_space: dict[str, Any] = MISSING
    sampler: SamplerNode = MISSING
    seed: int = MISSING
    precision: Precision = MISSING
    # which trials
    first_trial: int = MISSING
    num_trials: int = MISSING
    trial: Any = None  # 7, 0-3,7 or a list of these
    num_feasible: int | None = None
    max_trials: int | None = None
    # how and where
    root: str = MISSING
    workers: int | None = None
    device: DeviceName = MISSING
    retry_failed: bool = MISSING
    trial_timeout: float | None = None
    checkpoint_every: str | int | None = None
    damaged: Damaged = MISSING
    trials_per_task: int = MISSING
    report: str | None = None


def register() -> None:
    """Make the schema known to Hydra, under the name conf/config.yaml asks for."""
    ConfigStore.instance().store(name="schema", node=Config)


STUDY_KEYS = (
    "workload",
    "model",
    "data",
    "optimizer",
    "search_space",
    "sampler",
    "seed",
    "precision",
)


def study(config: DictConfig, overrides: Sequence[str] = ()) -> Study:
    """The study a composed configuration describes, checked across its parts.

    Raises:
        ConfigError: a value out of range, a bad search space, an unknown rule, or hyperparameters
            the rule doesn't take.
    """
    resolved = OmegaConf.to_container(config, resolve=True, enum_to_str=True, throw_on_missing=True)
    assert isinstance(resolved, dict)
    for name in resolved.keys() - {*STUDY_KEYS, *RUN_KEYS, "hydra"}:  # +optimiser=adam, say
        raise unknown("configuration key", name, (*STUDY_KEYS, *RUN_KEYS), "it would do nothing")
    node = {name: resolved[name] for name in STUDY_KEYS}
    node["search_space"] = {name: _floats(axis) for name, axis in node["search_space"].items()}
    _check_workload(node["workload"])
    for name, seed in (("seed", node["seed"]), ("sampler.seed", node["sampler"]["seed"])):
        if seed is not None and seed < 0:
            raise ConfigError(f"{name} must be 0 or more, got {seed}")
    if "." in (rule := node["optimizer"]["rule"]):  # the file that defines it, whoever exports it
        _note_code(node["optimizer"], optimizers.load_class(rule).__module__)
    _note_code(node["workload"], node["workload"]["module"])
    kept = tuple(word for word in overrides if key_of(word) not in RUN_KEYS)
    made = Study(node, kept)
    optimizers.check(node["optimizer"]["rule"], hyperparameters(_a_point(made)).optimizer)
    return made


def request(config: DictConfig, of: Study, overrides: Sequence[str] = ()) -> Request:
    """Which trials of the study the configuration asks for.

    Raises:
        ConfigError: a number of trials beside a number of feasible ones, an experiment's perhaps;
            or a number that is none.
    """
    trial = OmegaConf.to_container(config, resolve=True)["trial"]  # type: ignore[index, call-overload]
    if type(trial) is int:
        return Request(of, config.root, first_trial=trial, num_trials=1)
    if trial is not None:
        return Request(of, config.root, trials=indices.parse(trial))
    if config.num_feasible is not None and "num_trials" in map(key_of, overrides):
        raise ConfigError(
            f"num_trials={config.num_trials} and num_feasible={config.num_feasible} contradict each"
            " other; to run that many trials add num_feasible=null max_trials=null"
        )
    return Request(
        of,
        config.root,
        config.first_trial,
        config.num_trials,
        config.num_feasible,
        config.max_trials,
    )


def common_options(configs: Sequence[DictConfig]) -> Options:
    """How to run the jobs of one command, which one pool runs together.

    Raises:
        ConfigError: jobs that ask for different options, or an option that is none.
    """
    first, *others = [options(config) for config in configs]
    for other in others:
        for field in fields(Options):
            one, another = getattr(first, field.name), getattr(other, field.name)
            if one != another:
                raise ConfigError(
                    f"{field.name} is {one} for one job and {another} for another, and one pool runs"
                    " them all; sweep what is studied, not how it is run"
                )
    return first


def options(config: DictConfig) -> Options:
    """How to run, from a composed configuration.

    Raises:
        ConfigError: a time or count that is none.
    """
    limit = config.trial_timeout
    if limit is not None and not limit > 0:
        raise ConfigError(f"trial_timeout must be more than 0 seconds (or null), got {limit:g}")
    if config.trials_per_task < 1:
        raise ConfigError(f"trials_per_task must be 1 or more, got {config.trials_per_task}")
    return Options(
        workers=config.workers,
        device=config.device.value,
        retry_failed=config.retry_failed,
        trial_timeout_seconds=limit,
        checkpoint_every=parse_every(config.checkpoint_every),
        set_damaged_aside=config.damaged is Damaged.set_aside,
    )


def _a_point(of: Study) -> Mapping[str, float]:
    """Any point: to learn which hyperparameters the space gives, whatever their values."""
    return {
        name: axis if isinstance(axis, float) else axis.at(0.5) for name, axis in of.space.items()
    }


def _check_workload(workload: Mapping[str, Any]) -> None:
    for name in ("steps", "batch_size", "eval_every"):
        if workload[name] < 1:
            raise ConfigError(f"workload.{name} must be 1 or more, got {workload[name]}")
    every, test_every = workload["eval_every"], workload["test_every"]
    if test_every < 0 or test_every % every:
        raise ConfigError(
            f"workload.test_every must be a multiple of eval_every={every} (or 0: at the end only),"
            f" got {test_every}"
        )


OURS = ("torch", "workloads")  # whose code the versions in each record name


def _note_code(node: dict[str, Any], module: str) -> None:
    """A user's own code is part of the study: edited, it makes another one."""
    if not module or module.partition(".")[0] in OURS:
        return
    with contextlib.suppress(ImportError, ValueError):  # said where it is imported
        spec = importlib.util.find_spec(module)
        if spec and spec.origin and Path(spec.origin).is_file():
            node["code"] = hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()[:12]


def _floats(axis: Any) -> Any:
    """Whole numbers as floats, so that 1 and 1.0 are one study."""
    if isinstance(axis, bool):
        return axis
    if isinstance(axis, int):
        return float(axis)
    if isinstance(axis, dict):
        return {key: _floats(value) for key, value in axis.items()}
    return [_floats(value) for value in axis] if isinstance(axis, list) else axis
