"""From a rule's name or an import path to something that steps: our own rules, or anyone's class."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from harness.errors import ConfigError, unknown
from harness.training.rules import RULES
from harness.training.signatures import imported

if TYPE_CHECKING:  # names are checked before torch is imported
    import torch
    from torch import Tensor, nn


class Stepper(Protocol):
    """What the trainer asks of an optimizer."""

    @property
    def values(self) -> list[Tensor]:
        """The parameters as the optimizer sees them, ``[tensors]``."""

    def clear(self) -> None:
        """Forget the gradients, before a backward pass adds into them."""

    def gradients(self) -> list[Tensor]:
        """What the backward pass left, of the shapes of ``values``."""

    def step(self, gradients: Sequence[Tensor], factor: float) -> None:
        """Update the parameters, at ``factor`` times the learning rate that was set."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class RuleStepper:
    """One of our own rules, on all parameters as one flat vector."""

    def __init__(self, rule: str, model: nn.Module, hyperparameters: Mapping[str, float]):
        import torch

        from harness.training.flat import flatten

        self.rule = RULES[rule]
        self.parameters = flatten(model)
        self.hyperparameters = dict(hyperparameters)
        self.lr = hyperparameters["lr"]
        self.state = {
            name: torch.full_like(self.parameters.values, value)
            for name, value in self.rule.initial_state.items()
        }
        self.t = 0

    @property
    def values(self) -> list[Tensor]:
        return [self.parameters.values]

    def clear(self) -> None:
        self.parameters.gradients.zero_()

    def gradients(self) -> list[Tensor]:
        return [self.parameters.gradients]

    def step(self, gradients: Sequence[Tensor], factor: float) -> None:
        self.t += 1
        self.hyperparameters["lr"] = self.lr * factor
        step, *new = self.rule.update(
            gradients[0], *self.state.values(), self.t, **self.hyperparameters
        )
        self.state = dict(zip(self.state, new, strict=True))
        self.parameters.values.sub_(step)

    def state_dict(self) -> dict[str, Any]:
        return {"t": self.t, "state": self.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.t = int(state["t"])
        self.state = {
            name: state["state"][name].to(mine.device).reshape_as(mine)
            for name, mine in self.state.items()
        }


class ClassStepper:
    """Any ``torch.optim.Optimizer``, on the ordinary parameters.

    Gradients are made anew for each step and handed to it, so nothing depends on what it does to
    ``p.grad`` or ``p.data``.
    """

    def __init__(self, path: str, model: nn.Module, hyperparameters: Mapping[str, float]):
        optimizer = load_class(path)
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = optimizer(self.parameters, **_arguments(optimizer, hyperparameters))
        self.rates = [group.get("lr") for group in self.optimizer.param_groups]

    @property
    def values(self) -> list[Tensor]:
        return [p.detach() for p in self.parameters]

    def clear(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    def gradients(self) -> list[Tensor]:
        import torch

        return [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]

    def step(self, gradients: Sequence[Tensor], factor: float) -> None:
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        for group, lr in zip(self.optimizer.param_groups, self.rates, strict=True):
            if lr is not None:
                group["lr"] = lr * factor
        self.optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        return self.optimizer.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.optimizer.load_state_dict(dict(state))


def build(rule: str, model: nn.Module, hyperparameters: Mapping[str, float]) -> Stepper:
    """The stepper for a rule's name or the import path of a ``torch.optim.Optimizer``."""
    if is_path(rule):
        return ClassStepper(rule, model, hyperparameters)
    return RuleStepper(rule, model, hyperparameters)


def is_path(rule: str) -> bool:
    """Whether a rule is somebody's class, by import path, rather than one of ours."""
    return "." in rule


def check(rule: str, names: Iterable[str]) -> None:
    """That a rule exists and takes the hyperparameters a search space gives it.

    Raises:
        ConfigError: an unknown rule, or a hyperparameter it lacks or still needs.
    """
    given = set(names)
    if is_path(rule):
        accepted, required = _class_hyperparameters(load_class(rule), given)
    elif rule in RULES:
        accepted = required = set(RULES[rule].hyperparameters)
    else:
        raise unknown("optimizer.rule", rule, RULES, "or an import path such as torch.optim.AdamW")
    for name in sorted(given - accepted):
        raise unknown(f"hyperparameter of {rule}", name, accepted, "mend the search space")
    for name in sorted((required | {"lr"}) & accepted - given):
        raise ConfigError(
            f"{rule} needs {name}, and the search space gives only"
            f" {', '.join(sorted(given)) or 'nothing'}; add search_space.{name}"
        )


def takes_lr(rule: str) -> bool:
    """Whether a schedule can change the rule's learning rate."""
    return not is_path(rule) or "lr" in _class_hyperparameters(load_class(rule), {"lr"})[0]


def check_step(path: str) -> None:
    """That a class' step can be called without a closure.

    Raises:
        ConfigError: it can't.
    """
    _self, *rest = inspect.signature(load_class(path).step).parameters.values()
    needed = [
        p.name
        for p in rest
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if needed:
        raise ConfigError(
            f"{path}.step needs {', '.join(needed)}, and steps are taken without; give an optimizer"
            " whose step() uses the gradients at hand"
        )


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


def _class_hyperparameters(optimizer: type, given: set[str]) -> tuple[set[str], set[str]]:
    """(accepted, required) hyperparameter names of a class; ``betas`` are beta1, beta2, …

    Given one of the betas the others are required too, whatever their defaults. A class that takes
    ``**kwargs`` accepts whatever it is given: building it will tell.
    """
    _params, *rest = inspect.signature(optimizer).parameters.values()
    named = [p for p in rest if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    names = {p.name for p in named}
    required = {p.name for p in named if p.default is p.empty}
    if "betas" in names:
        betas = set(_betas(optimizer))
        names = names - {"betas"} | betas
        if "betas" in required or given & betas:
            required = required - {"betas"} | betas
    if any(p.kind is p.VAR_KEYWORD for p in rest):
        names |= given
    return names, required


def _betas(optimizer: type) -> list[str]:
    """beta1, beta2, …: as many as the class' default for ``betas`` has, two where it has none."""
    default = inspect.signature(optimizer).parameters["betas"].default
    count = len(default) if isinstance(default, Sequence) else 2
    return [f"beta{number + 1}" for number in range(count)]


def _arguments(optimizer: type, hyperparameters: Mapping[str, float]) -> dict[str, Any]:
    """As the class takes them: betas together, whole numbers and flags as its defaults are."""
    parameters = inspect.signature(optimizer).parameters
    arguments: dict[str, Any] = dict(hyperparameters)
    if "betas" in parameters and arguments.keys() >= set(_betas(optimizer)):
        arguments["betas"] = tuple(arguments.pop(name) for name in _betas(optimizer))
    for name in arguments.keys() & parameters.keys():
        default, value = parameters[name].default, arguments[name]
        if isinstance(default, bool | int) and isinstance(value, float) and value.is_integer():
            arguments[name] = type(default)(value)
    return arguments
