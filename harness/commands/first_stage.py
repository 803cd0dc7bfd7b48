"""The first stage of one optimizer: which of its hyperparameters are searched, on conventional ranges."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from harness.errors import ConfigError
from harness.running.trial import load_task
from harness.study.conventional import first_stage
from harness.study.parametrisation import split
from harness.study.space import Axis
from harness.study.study import Study
from harness.training import classes
from harness.training.definition import Group, groups
from harness.training.effective_rate import in_learning_rates
from harness.training.rules import RULES
from workloads.task import Task


class Conventional(NamedTuple):
    """A space, the numbers that stay at their defaults, and why lr is searched itself, if it is."""

    space: dict[str, Axis]
    at_defaults: list[str]
    plain: str


def space(config: Mapping[str, Any], given: Mapping[str, Axis]) -> Conventional:
    """The conventional space of a configuration's optimizer on its workload.

    Args:
        config: optimizer, workload with its gradient_scale, model, data and schedule, as composed.
        given: axes of hyperparameters without a conventional range, by the hyperparameter's name.

    Raises:
        ConfigError: a hyperparameter that must be given and has no range.
    """
    found = _space(config, given, effective=True)
    point = {name: axis.at(0.5) for name, axis in found.space.items()}
    try:
        in_learning_rates(
            {**config, "gradient_scale": config["workload"]["gradient_scale"]},
            point,
            lambda: task(config).model(),
        )
    except ConfigError as error:
        return _space(config, given, effective=False)._replace(plain=str(error))
    return found


def task(config: Mapping[str, Any]) -> Task:
    """Its minibatches shuffled, whatever order= says: that needs scores, and no model does."""
    return load_task(Study({name: node for name, node in config.items() if name != "order"}), "cpu")


def _space(config: Mapping[str, Any], given: Mapping[str, Axis], effective: bool) -> Conventional:
    axes: dict[str, Axis] = {}
    left: list[str] = []
    optimizer = {key: value for key, value in config["optimizer"].items() if value is not None}
    for group in groups(optimizer):
        accepted, required = _hyperparameters(group, given)
        found = first_stage(accepted, group.name, effective=effective)
        axes |= found.space
        axes |= {
            group.axis(axis.name): _named(axis, group.axis(axis.name))
            for name, axis in given.items()
            if name in accepted
        }
        missing = [name for name in found.left if name not in given]
        for name in missing:
            if name in required:
                raise ConfigError(
                    f"{config['optimizer']['name']} needs {name}, which has no conventional range; give"
                    f" one, such as --axis '{name}={{low: 0.1, high: 10}}'"
                )
        left += [group.axis(name) for name in missing if _is_number(group, name)]
    return Conventional(axes, left, "")


def _named(axis: Axis, name: str) -> Axis:
    import dataclasses

    return dataclasses.replace(axis, name=name)


def _hyperparameters(group: Group, given: Mapping[str, Axis]) -> tuple[list[str], list[str]]:
    """(accepted, required) by the rule's own names, those that conf/optimizer holds left out."""
    if not group.by_class:
        names = list(RULES[group.rule].hyperparameters)
        return names, names
    optimizer = classes.load_class(group.rule)
    accepted, required = classes.hyperparameters(optimizer, given, group.arguments)
    for inner in _wrapped(group):
        accepted |= classes.hyperparameters(inner, (), group.arguments)[0]
    kept = [name for name in accepted if not _is_another(optimizer, name)]
    return sorted(kept), sorted(required)


def _wrapped(group: Group) -> Iterator[type]:
    """The optimizers that a class steps with and hands its further arguments to, as SAM does."""
    takes = inspect.signature(classes.load_class(group.rule)).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes):
        for argument in group.arguments.values():
            if isinstance(argument, Mapping) and "import" in argument:
                yield classes.load_class(argument["import"])


def _is_another(optimizer: type, name: str) -> bool:
    """Whether an argument is not what a conventional range is of.

    A pair, as eps of torch.optim.Adafactor; a rho that is no decay, as SAM's radius.
    """
    parameter = inspect.signature(optimizer).parameters.get(name)
    if parameter is None:
        return False
    default = parameter.default
    is_radius = name == "rho" and isinstance(default, float) and default < 0.5
    return isinstance(default, tuple | list) or is_radius


def _is_number(group: Group, name: str) -> bool:
    """Whether a class's argument is a number that could have been searched, and not a switch."""
    if not group.by_class:
        return True
    parameter = inspect.signature(classes.load_class(group.rule)).parameters.get(name)
    return parameter is not None and type(parameter.default) is float


def is_lr_itself(config: Mapping[str, Any], found: Mapping[str, Axis]) -> bool:
    """Whether the effective rate is all that is searched and is lr: plain gradient descent."""
    if [split(name)[1] for name in found] != ["effective_lr"]:
        return False
    (name,) = found
    (lr,) = in_learning_rates(
        {**config, "gradient_scale": config["workload"]["gradient_scale"]},
        {name: 1.0},
        lambda: task(config).model(),
    ).values()
    return abs(lr - 1) < 1e-9
