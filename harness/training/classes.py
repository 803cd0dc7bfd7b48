"""Optimizer classes of others: what their constructors take, and how a point's values reach them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import ConfigError, unknown
from harness.training.definition import IMPORT, Group, is_import
from harness.training.signatures import imported

if TYPE_CHECKING:  # names are checked before torch is imported
    import torch

WHOLE = {"int": int, "bool": bool}


def load_class(path: str) -> type[torch.optim.Optimizer]:
    """The optimizer class at an import path such as ``torch.optim.AdamW``.

    Raises:
        ConfigError: nothing can be imported there, or it is no ``torch.optim.Optimizer``.
    """
    import torch

    found = imported("optimizer.rule", path)
    if not (inspect.isclass(found) and issubclass(found, torch.optim.Optimizer)):
        raise ConfigError(
            f"optimizer.rule {path!r} is not a torch.optim.Optimizer; give such a class"
        )
    return found


def hyperparameters(
    optimizer: type, given: Iterable[str], fixed: Iterable[str] = ()
) -> tuple[set[str], set[str]]:
    """(accepted, required) hyperparameter names of a class, those with a fixed value left out.

    ``betas`` are beta1, beta2, …, and likewise any argument whose default is some numbers. Given one
    of them the others are required too, whatever their defaults. A class that takes ``**kwargs``
    accepts whatever it is given: building it will tell.
    """
    given, fixed = set(given), set(fixed)
    _params, *rest = inspect.signature(optimizer).parameters.values()
    named = [
        p for p in rest if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name not in fixed
    ]
    names = {p.name for p in named}
    required = {p.name for p in named if p.default is p.empty}
    for name, numbered in _numbered(optimizer).items():
        if name in names:
            names = names - {name} | set(numbered)
            if name in required or given & set(numbered):
                required = required - {name} | set(numbered)
    if any(p.kind is p.VAR_KEYWORD for p in rest):
        names |= given
    return names, required


def check(group: Group, names: Iterable[str]) -> tuple[set[str], set[str]]:
    """(accepted, required) of a group's class, once it is clear that it can be stepped.

    Raises:
        ConfigError: no such class, an argument it does not take or that the search space sets too,
            a step that needs more than a closure.
    """
    optimizer = load_class(group.rule)
    takes = inspect.signature(optimizer).parameters
    anything = any(p.kind is p.VAR_KEYWORD for p in takes.values())
    given = set(names)
    for name, value in group.arguments.items():
        if name not in takes and not anything:
            raise unknown(f"argument of {group.rule}", name, list(takes)[1:], "mend conf/optimizer")
        twice = given & {name, *_numbered(optimizer).get(name, ())}
        if twice:
            raise ConfigError(
                f"{group.rule}: {name} is held by optimizer.arguments and searched as"
                f" {', '.join(sorted(twice))}; drop one"
            )
        if is_import(value):
            imported(f"optimizer.arguments.{name}", str(value[IMPORT]))
    if group.no_weight_decay is not None and "weight_decay" not in takes and not anything:
        raise ConfigError(f"{group.rule} takes no weight_decay; leave no_weight_decay out")
    _check_step(group.rule, optimizer)
    return hyperparameters(optimizer, given, group.arguments)


def _check_step(path: str, optimizer: type) -> None:
    needed = [name for name in _needed_by_step(optimizer) if name != "closure"]
    if needed and not in_two_steps(optimizer):
        raise ConfigError(
            f"{path}.step needs {', '.join(needed)}, and gets a closure at most; give an optimizer"
            " whose step() uses the gradients at hand"
        )


def needs_closure(optimizer: type) -> bool:
    """Whether a step evaluates the loss again: L-BFGS, or SAM and its kin with their two steps.

    A class whose ``closure=None`` is not meant looks as if it did not: ``closure: true`` says so.
    """
    return "closure" in _needed_by_step(optimizer) or in_two_steps(optimizer)


def takes_closure(optimizer: type) -> bool:
    return "closure" in inspect.signature(optimizer.step).parameters  # type: ignore[attr-defined]


def in_two_steps(optimizer: type) -> bool:
    """Whether it has ``first_step`` and ``second_step``, with an evaluation between them."""
    return all(callable(getattr(optimizer, f"{name}_step", None)) for name in ("first", "second"))


def _needed_by_step(optimizer: type) -> list[str]:
    _self, *rest = inspect.signature(optimizer.step).parameters.values()  # type: ignore[attr-defined]
    return [
        p.name
        for p in rest
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]


def constructor_arguments(
    optimizer: type, hyperparameters: Mapping[str, float], fixed: Mapping[str, Any]
) -> dict[str, Any]:
    """As the class takes them: betas together, whole numbers and flags as such, imports imported.

    Raises:
        ConfigError: a value between two whole numbers for an argument that is one.
    """
    parameters = inspect.signature(optimizer).parameters
    arguments: dict[str, Any] = dict(hyperparameters)
    for name, numbered in _numbered(optimizer).items():
        if arguments.keys() >= set(numbered):
            arguments[name] = tuple(arguments.pop(each) for each in numbered)
    for name in arguments.keys() & parameters.keys():
        arguments[name] = _whole(name, parameters[name], arguments[name])
    for name, value in fixed.items():
        default = parameters[name].default if name in parameters else None
        if is_import(value):
            value = imported(f"optimizer.arguments.{name}", str(value[IMPORT]))
        elif isinstance(value, list) and not isinstance(default, list):
            value = tuple(value)
        arguments[name] = value
    return arguments


def _whole(name: str, parameter: inspect.Parameter, value: Any) -> Any:
    """A searched value as an int or a bool where the argument is one, by its default or annotation."""
    annotation = getattr(parameter.annotation, "__name__", parameter.annotation)
    declared = WHOLE.get(annotation) if isinstance(annotation, str) else None
    if not isinstance(value, float):
        return value
    if value.is_integer():
        default = parameter.default
        wanted = type(default) if isinstance(default, bool | int) else declared
        return wanted(value) if wanted else value
    if declared:
        raise ConfigError(
            f"{name} is a whole number, and the search space gives {value:g}; give choices, such as"
            f" search_space.{name}={{choices:[{int(value)},{int(value) + 1}]}}"
        )
    return value


def _numbered(optimizer: type) -> dict[str, list[str]]:
    """Arguments that are several numbers, with a name for each: betas are beta1, beta2, …

    As many as the default has; two betas where it has none.
    """
    found = {}
    for name, parameter in inspect.signature(optimizer).parameters.items():
        default = parameter.default
        if isinstance(default, Sequence) and not isinstance(default, str):
            count = len(default) if all(isinstance(x, int | float) for x in default) else 0
        else:
            count = 2 if name == "betas" else 0
        if count:
            found[name] = [f"{name.removesuffix('s')}{number + 1}" for number in range(count)]
    return found
