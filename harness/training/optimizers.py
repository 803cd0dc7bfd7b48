"""From what conf/optimizer says to something that steps: our own rules, anyone's class, or both by group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.errors import ConfigError, unknown
from harness.training import classes
from harness.training.classes import load_class
from harness.training.definition import Group, described, flat, groups, is_path, paths
from harness.training.rules import RULES
from harness.training.signatures import imported

if TYPE_CHECKING:  # names are checked before torch is imported
    from torch import nn

    from harness.training.selection import Described
    from harness.training.steppers import Stepper

__all__ = [
    "build", "by_class", "check", "described", "flat", "is_path", "learning_rate", "load_class", "modules",
    "takes_lr",
]  # fmt: skip

Definition = str | Mapping[str, Any]
"""A rule, or the optimizer node of a study (`definition`)."""


def build(
    of: Definition,
    model: nn.Module,
    hyperparameters: Mapping[str, float],
    scheduled: bool = True,
) -> Stepper:
    """The stepper of a definition, on a model's parameters.

    Raises:
        ConfigError: a parameter that no group takes, or two.
    """
    from harness.training.selection import by_group
    from harness.training.steppers import GroupStepper

    found = groups(of)
    parameters = by_group(found, model)
    steppers = {
        group.name: _stepper(group, parameters[group.name], group.own(hyperparameters), scheduled)
        for group in found
    }
    return GroupStepper(steppers) if found[0].name else steppers[""]


def _stepper(
    group: Group,
    parameters: list[Described],
    hyperparameters: Mapping[str, float],
    scheduled: bool,
) -> Stepper:
    from harness.training.steppers import ClassStepper, RuleStepper

    if group.by_class:
        return ClassStepper(group, parameters, hyperparameters, scheduled)
    return RuleStepper(group.rule, [each.parameter for each in parameters], hyperparameters)


def modules(of: Definition) -> list[str]:
    """The modules that define what a definition names by import path, whoever exports it.

    Raises:
        ConfigError: nothing can be imported there.
    """
    classes_of = {group.rule for group in groups(of) if group.by_class}
    return [
        load_class(path).__module__
        if path in classes_of
        else str(getattr(imported("optimizer.arguments", path), "__module__", ""))
        for path in paths(of)
    ]


def by_class(of: Definition) -> bool:
    """Whether anything in a definition depends on a class of others, or on the model."""
    return any(group.by_class or group.name for group in groups(of))


def check(of: Definition, names: Iterable[str]) -> None:
    """That the rules of a definition exist and take the hyperparameters a search space gives them.

    Raises:
        ConfigError: an unknown rule, or a hyperparameter it lacks or still needs.
    """
    found, given = groups(of), dict.fromkeys(names, 0.0)
    if found[0].name:
        _check_group_names(found, given)
        name = of.get("name") if isinstance(of, Mapping) else None
        if name in RULES:
            raise ConfigError(
                f"optimizer.name {name!r} is a rule's, and this has groups; give it a name of its own"
            )
    for group in found:
        _check_group(group, set(group.own(given)))


def _check_group_names(found: tuple[Group, ...], given: Iterable[str]) -> None:
    known = [group.name for group in found]
    for name in sorted(given):
        group, dot, _ = name.partition(".")
        if not dot:
            shown = ", ".join(f"{each}.{name}" for each in known)
            raise ConfigError(
                f"search_space.{name}: this optimizer has groups; say whose it is: {shown}"
            )
        if group not in known:
            raise unknown(f"search_space.{name}: group", group, known, "mend the search space")


def _check_group(group: Group, given: set[str]) -> None:
    rule = group.rule
    if group.by_class:
        accepted, required = classes.check(group, given)
        if group.name and classes.needs_closure(load_class(rule)):
            raise ConfigError(
                f"optimizer.groups.{group.name}: {rule} evaluates the loss again, which only an"
                " optimizer of all parameters can; give it as optimizer.rule"
            )
    elif rule in RULES:
        accepted = required = set(RULES[rule].hyperparameters)
    else:
        what = f"optimizer.groups.{group.name}.rule" if group.name else "optimizer.rule"
        raise unknown(what, rule, RULES, "or an import path such as torch.optim.AdamW")
    for name in sorted(given - accepted):
        raise unknown(f"hyperparameter of {rule}", name, accepted, "mend the search space")
    for name in sorted((required | {"lr"}) & accepted - given):
        raise ConfigError(
            f"{rule} needs {name}, and the search space gives only"
            f" {', '.join(sorted(given)) or 'nothing'}; add search_space.{group.axis(name)}"
        )


def takes_lr(of: Definition) -> bool:
    """Whether a schedule can change a learning rate."""
    return any(
        not group.by_class
        or "lr" in group.arguments
        or "lr" in classes.hyperparameters(load_class(group.rule), {"lr"})[0]
        for group in groups(of)
    )


def learning_rate(of: Definition, hyperparameters: Mapping[str, float]) -> float:
    """That was set, of the first group that has one; 1 where none has."""
    for group in groups(of):
        rate = group.own(hyperparameters).get("lr", group.arguments.get("lr"))
        if rate is not None:
            return float(rate)
    return 1.0
