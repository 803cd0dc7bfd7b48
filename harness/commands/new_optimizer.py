"""The two files of an optimizer, from the signature of its class: axes by convention, with the reason."""

from __future__ import annotations

import inspect
import math
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.config import shipped
from harness.errors import ConfigError, unknown
from harness.study.conventional import RANGES
from harness.study.parametrisation import ONE_MINUS
from harness.training import classes
from harness.training.definition import Group
from harness.training.rules import RULES

LR = (1e-5, 1.0)  # where the class has none
ABOVE, MOST_LR = 3, 10.0  # decades above the class's own, and where they end; five are searched
EPS = (1e-10, 1e-2)
DECAYS, DECAY = r"beta|momentum|rho|decay|gamma|mu\b", (1e-3, 1.0)  # of averages, as 1 - it
STEPS = (
    "total_steps", "num_steps", "n_steps", "training_steps", "num_iterations", "total_iters", "t_max",
)  # fmt: skip
"""Arguments that are the number of training steps."""
OF_THE_MACHINE = ("foreach", "maximize", "capturable", "differentiable", "fused")
ESTIMATES = ("d0", "d_coef")  # of a class that sets its own rate: lr stays


class Asked(NamedTuple):
    """What the command line asks for."""

    name: str
    path: str | None
    workloads: list[str]
    arguments: list[str]  # NAME=VALUE


class Line(NamedTuple):
    """A line of a search space; ``searched`` False for one that is commented out."""

    axis: str
    value: str
    why: str
    searched: bool = True


def files(asked: Asked, folder: Path) -> tuple[dict[Path, str], list[str]]:
    """The texts by path, and words that a run of it needs besides.

    Raises:
        ConfigError: no such class or workload; an argument that must be given; a name that is taken.
    """
    if not asked.path or "." not in asked.path:
        raise ConfigError(
            f"--class is the import path of an optimizer class, got {asked.path!r}; such as"
            " my_module.Mine"
        )
    if asked.name in (*RULES, *shipped.names("optimizer")):
        raise ConfigError(
            f"optimizer {asked.name!r} is shipped; give yours a name of its own, such as my_{asked.name}"
        )
    known = {*shipped.names("workload"), *(p.stem for p in folder.glob("workload/*.yaml"))}
    for workload in asked.workloads:
        if workload not in known:
            raise unknown("--workload", workload, known)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    optimizer = classes.load_class(asked.path)
    definition = folder / "optimizer" / f"{asked.name}.yaml"
    there = _there(definition, asked)
    fixed = _fixed(optimizer, asked) if there is None else there
    group = Group("", asked.path, arguments=fixed)
    _accepted, required = classes.check(group, ())
    lines = list(_lines(optimizer, fixed, required))
    classes.check(group, [line.axis.removeprefix(ONE_MINUS) for line in lines if line.searched])
    texts = {definition: _definition(asked, optimizer, fixed)} if there is None else {}
    for workload in asked.workloads:
        path = folder / "search_space" / workload / f"{asked.name}.yaml"
        texts[path] = _space(asked, lines)
    without_lr = not any(line.axis == "lr" for line in lines) and "lr" not in fixed
    return texts, ["schedule=constant"] if without_lr else []


def _there(definition: Path, asked: Asked) -> dict[str, Any] | None:
    """The arguments of a definition of the same class that is there already; None where there is none."""
    import yaml

    try:
        node = yaml.safe_load(definition.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    if not isinstance(node, dict) or node.get("rule") != asked.path or asked.arguments:
        return None
    return dict(node.get("arguments") or {})


def _fixed(optimizer: type, asked: Asked) -> dict[str, Any]:
    """The arguments that are not searched: as given, and those that are the number of steps."""
    import yaml

    found: dict[str, Any] = {}
    for name, parameter in inspect.signature(optimizer).parameters.items():
        if name in STEPS and (parameter.default is None or parameter.default is parameter.empty):
            found[name] = "${workload.steps}"
    for word in asked.arguments:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise ConfigError(f"--argument {word!r} is not NAME=VALUE; such as nesterov=true")
        try:
            found[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(f"--argument {word!r} is not YAML; such as nesterov=true") from None
    return found


def _lines(
    optimizer: type, fixed: Mapping[str, Any], required: Sequence[str] | set[str]
) -> Iterator[Line]:
    """An axis for each hyperparameter with a convention; the other numbers commented out."""
    parameters = dict(list(inspect.signature(optimizer).parameters.items())[1:])
    estimates = any(name in parameters for name in ESTIMATES)
    for name, default in _numbers(optimizer, parameters, fixed):
        if name == "lr":
            yield _lr(default, estimates)
        elif name == "eps":
            yield Line(
                "eps",
                _range(*EPS),
                f"held at {_number(default)}; above it the step is momentum's",
                False,
            )
        elif (
            name in RANGES
            and (default is not None or name in required)
            and not _small(name, default)
        ):
            axis, low, high = RANGES[name]
            own = "by convention" if default is None else f"the class's own is {name} = {default:g}"
            yield Line(axis, _range(low, high), own)
        elif default is not None and 0.5 <= default < 1 and re.search(DECAYS, name):
            why = f"as betas are; the class's own is {name} = {default:g}"
            yield Line(f"{ONE_MINUS}{name}", _range(*DECAY), why)
        elif default is not None and math.isfinite(default):
            shown = _range(default / 10, default * 10) if default > 0 else _number(default)
            yield Line(name, shown, f"no convention; held at {_number(default)}", False)
    if "lr" not in parameters and "lr" not in fixed and _anything(optimizer):
        yield Line("lr", _range(*LR), "five decades; goes to what the class hands its arguments to")
    for name in sorted(required):
        if name not in dict(_numbers(optimizer, parameters, fixed)):
            raise ConfigError(
                f"{optimizer.__name__} must be given {name}; as in --argument {name}=VALUE, or"
                f" '{name}={{import: torch.optim.SGD}}'"
            )


def _small(name: str, default: float | None) -> bool:
    """Whether what has a decay's name is none: SAM's rho is a radius."""
    return name == "rho" and default is not None and default < 0.5


def _anything(optimizer: type) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(optimizer).parameters.values())


def _numbers(
    optimizer: type, parameters: Mapping[str, inspect.Parameter], fixed: Mapping[str, Any]
) -> Iterator[tuple[str, float | None]]:
    """Hyperparameters that are numbers, with their defaults; None of a known one without."""
    for name, parameter in parameters.items():
        if name in fixed:
            continue
        default = parameter.default
        if isinstance(default, tuple | list) and all(isinstance(x, int | float) for x in default):
            for number, value in enumerate(default, 1):
                yield f"{name.removesuffix('s')}{number}", float(value)
        elif isinstance(default, bool):
            continue
        elif isinstance(default, int | float):
            known = name == "lr" or name in RANGES
            yield name, float(default) if known or isinstance(default, float) else None
        elif name == "betas":
            yield from (("beta1", 0.9), ("beta2", 0.999))
        elif default in (None, parameter.empty) and (name == "lr" or name in RANGES):
            yield name, None


def _lr(default: float | None, estimates: bool) -> Line:
    if estimates and default:
        return Line("lr", _number(default), "it estimates its own rate; the schedule multiplies it")
    if not default:
        return Line("lr", _range(*LR), "five decades; the class has no default")
    high = min(10.0 ** (math.floor(math.log10(default) + 0.5) + ABOVE), MOST_LR)
    return Line(
        "lr", _range(high / 1e5, high), f"five decades; the class's own is {_number(default)}"
    )


def _range(low: float, high: float) -> str:
    return f"{{low: {_yaml(low)}, high: {_yaml(high)}, scale: log}}"


def _yaml(value: float) -> str:
    """A float as YAML reads one.

    >>> _yaml(1e-05), _yaml(0.5), _yaml(1.0)
    ('1.0e-05', '5.0e-01', '1.0e+00')
    """
    mantissa, _, exponent = f"{value:.4e}".partition("e")
    return f"{float(mantissa)}e{exponent}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def _definition(asked: Asked, optimizer: type, fixed: Mapping[str, Any]) -> str:
    import yaml

    lines = ["# Written by harness new; docs/optimizers.md says what else may stand here."]
    lines += [f"name: {asked.name}", f"rule: {asked.path}"]
    if fixed:
        shown = yaml.safe_dump(dict(fixed), default_flow_style=True, width=10**6).strip()
        lines.append(f"arguments: {shown}")
    others = {
        name: parameter.default
        for name, parameter in inspect.signature(optimizer).parameters.items()
        if isinstance(parameter.default, bool | str | int)
        and name not in fixed
        and name not in ("lr", *RANGES, *OF_THE_MACHINE)
    }
    if others:
        shown = yaml.safe_dump(others, default_flow_style=True, width=10**6).strip()
        lines.append(f"# arguments: {shown} # the class's own, not searched")
    if "weight_decay" in inspect.signature(optimizer).parameters:
        lines.append("# no_weight_decay: {kind: [norm, bias]} # as many do")
    return "\n".join(lines) + "\n"


def _space(asked: Asked, lines: Sequence[Line]) -> str:
    head = [
        f"# Source: harness new, conventional ranges for the signature of {asked.path}. No run of this",
        "# project has narrowed it. A line without # is searched, or held where it is a number; write here where",
        "# your ranges come from.",
    ]
    body = [
        f"{'' if line.searched else '# '}{line.axis}: {line.value} # {line.why}" for line in lines
    ]
    if not any(line.searched for line in lines):
        body.append("{} # nothing is searched")
    return "\n".join([*head, *body]) + "\n"
