"""How the jobs of a command are run, from their composed configurations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from omegaconf import DictConfig

from harness.config import pruning
from harness.config.schema import Damaged
from harness.errors import ConfigError
from harness.records.checkpoint import parse_every
from harness.running import stacking
from harness.running.options import Options


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
        pruning=pruning.of(config),
        leave_open=bool(config.pruning.leave_open),
        keep=config.keep.value if config.keep else None,
        stack=stack(config),
    )


def stack(config: DictConfig) -> int | str:
    """How many trials are trained as one."""
    count = 1 if config.stack in (None, "none") else config.stack
    if count == stacking.AUTO:
        return 1 if config.keep else stacking.AUTO  # weights are of trials one by one
    if type(count) is not int or count < 1:
        raise ConfigError(f"stack must be a number of trials, auto or null, got {count!r}")
    others = {"pruning": config.pruning.name.value != "none", "keep": bool(config.keep)}
    for name, used in others.items():
        if count > 1 and used:
            raise ConfigError(f"stack={count} and {name}= exclude each other; leave one out")
    return count
