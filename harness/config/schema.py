"""The schema of a configuration: a mistyped key or value is an error before anything runs.

The dataclasses come first in conf/config.yaml's defaults list. Defaults live in the YAML files, not
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


class SamplerName(Enum):
    halton = "halton"
    uniform = "uniform"
    grid = "grid"
    tpe = "tpe"
    gp = "gp"


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
    module: str = MISSING  # import path of the module with load(); see workloads/__init__.py
    steps: int = MISSING
    batch_size: Any = MISSING  # a number of examples, or all of the training set
    eval_every: int = MISSING  # steps between evaluations on the validation set
    test_every: int = MISSING  # likewise on the test set; 0: at the last step only
    target_error: float | None = None  # validation error for steps-to-target
    gradient_scale: float | None = None  # for effective_lr; see harness/training/effective_rate.py
    train_sample: int | None = None  # examples of the training set whose error is evaluated too
    metric: str = "error rate"  # what val_error and test_error are; or "loss", "cross entropy"


@dataclass
class OptimizerNode:
    name: str = MISSING
    rule: str | None = None  # one of harness/training/rules.py, or the import path of a class
    groups: Any = None  # instead: rules by parameter group, see harness/training/definition.py
    arguments: Any = None  # of the class, not searched
    closure: bool | None = None  # true: a step evaluates the loss again, where that can't be seen
    no_weight_decay: Any = None  # on which parameters
    as_matrices: bool | None = None  # true: convolution kernels as matrices


@dataclass
class StoppingNode:
    patience: int | None = None
    margin: float | None = None


@dataclass
class AveragingNode:
    exponential: float | None = None
    polyak: float | None = None


class OrderName(Enum):
    shuffled = "shuffled"
    naive = "naive"
    mixed = "mixed"
    combined = "combined"


@dataclass
class OrderNode:
    name: OrderName = MISSING
    scores: str | None = None
    start: float | None = None
    pace: float | None = None


class Keep(Enum):
    weights = "weights"
    evaluations = "evaluations"


@dataclass
class SamplerNode:
    name: SamplerName = MISSING
    seed: int | None = None  # null: the study's seed; another one: an independent scramble
    points: int | None = None  # of a grid, along each range
    startup: int | None = None  # Halton points, before tpe or gp is asked
    parallel: int | None = None  # how many trials of tpe or gp may run at a time


class PruningName(Enum):
    none = "none"
    halving = "halving"
    auto = "auto"


@dataclass
class PruningNode:
    name: PruningName = MISSING
    rungs: list[float] | None = None
    keep: Any = None  # a share, or a list of shares
    cohort: int | None = None
    audit: float | None = None
    metric: str | None = None
    failed: str | None = None
    leave_open: bool | None = None
    probe: int | None = None
    lost: float | None = None
    budget: int | None = None


@dataclass
class Config:
    workload: WorkloadNode = MISSING
    model: dict[str, Any] = MISSING
    data: dict[str, Any] = MISSING
    optimizer: OptimizerNode = MISSING
    schedule: dict[str, Any] = MISSING  # its name, and the axes it adds to the search space
    search_space: dict[str, Any] = MISSING
    sampler: SamplerNode = MISSING
    seed: int = MISSING
    precision: Precision = MISSING
    stopping: StoppingNode = MISSING
    averaging: AveragingNode = MISSING
    order: OrderNode = MISSING
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
    pruning: PruningNode = MISSING
    keep: Keep | None = None
    stack: Any = None  # a number, auto, or null


def register() -> None:
    """Make the schema known to Hydra, under the name conf/config.yaml asks for."""
    ConfigStore.instance().store(name="schema", node=Config)
