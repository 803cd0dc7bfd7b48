"""From a rule's name or an import path to something that steps: the paper's rules, or torch.optim's."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from harness.errors import ConfigError, unknown
from harness.training.rules import RULES

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.training.flat import FlatParameters


BETAS = {"beta1", "beta2"}  # what a class with an argument `betas` gets as that pair


class Stepper(Protocol):
    """What the trainer asks of an optimizer."""

    def step(self, lr: float) -> None:
        """Update the parameters from their gradients, at this learning rate."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class RuleStepper:
    """One of our own rules on the flat parameter vector."""

    def __init__(self, rule: str, parameters: FlatParameters, hyperparameters: Mapping[str, float]):
        import torch

        self.rule = RULES[rule]
        self.parameters = parameters
        self.hyperparameters = dict(hyperparameters)
        self.state = [
            torch.full_like(parameters.values, value) for value in self.rule.initial_state.values()
        ]
        self.t = 0

    def step(self, lr: float) -> None:
        self.t += 1
        step, *self.state = self.rule.update(
            self.parameters.gradients, *self.state, self.t, **{**self.hyperparameters, "lr": lr}
        )
        self.parameters.values.sub_(step)

    def state_dict(self) -> dict[str, Any]:
        return {"t": self.t, "state": list(self.state)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.t = int(state["t"])
        self.state = [
            saved.to(mine.device).reshape_as(mine)
            for saved, mine in zip(state["state"], self.state, strict=True)
        ]


class TorchStepper:
    """Any ``torch.optim.Optimizer``, on the ordinary parameters."""

    def __init__(
        self, path: str, parameters: Iterable[Tensor], hyperparameters: Mapping[str, float]
    ):
        optimizer = load_class(path)
        self.optimizer = optimizer(list(parameters), **_arguments(optimizer, hyperparameters))

    def step(self, lr: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state)


def build(
    rule: str,
    model: torch.nn.Module,
    parameters: FlatParameters,
    hyperparameters: Mapping[str, float],
) -> Stepper:
    """The stepper for a rule's name or the import path of a ``torch.optim.Optimizer``."""
    if "." not in rule:
        return RuleStepper(rule, parameters, hyperparameters)
    trained = (parameter for parameter in model.parameters() if parameter.requires_grad)
    return TorchStepper(rule, trained, hyperparameters)


def check(rule: str, names: Iterable[str]) -> None:
    """That a rule exists and takes the hyperparameters a search space gives it.

    Raises:
        ConfigError: an unknown rule, or a hyperparameter it lacks or still needs.
    """
    given = set(names)
    if "." in rule:
        accepted, required = _torch_hyperparameters(load_class(rule), given)
    elif rule in RULES:
        accepted = required = set(RULES[rule].hyperparameters)
    else:
        raise unknown("optimizer.rule", rule, RULES, "or an import path such as torch.optim.AdamW")
    for name in sorted(given - accepted):
        raise unknown(f"hyperparameter of {rule}", name, accepted, "mend the search space")
    for name in sorted((required | {"lr"}) & accepted - given):
        raise ConfigError(
            f"{rule} needs {name}, and the search space gives only {', '.join(sorted(given))};"
            f" add search_space.{name}"
        )


def load_class(path: str) -> type[torch.optim.Optimizer]:
    """The optimizer class at an import path such as ``torch.optim.AdamW``.

    Raises:
        ConfigError: nothing can be imported there, or it is no ``torch.optim.Optimizer``.
    """
    import torch

    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:  # "..x" is a TypeError
        raise ConfigError(
            f"optimizer.rule {path!r} cannot be imported ({error}); give a class on the Python path"
        ) from None
    if not (inspect.isclass(found) and issubclass(found, torch.optim.Optimizer)):
        raise ConfigError(
            f"optimizer.rule {path!r} is not a torch.optim.Optimizer; give such a class"
        )
    return found


def _torch_hyperparameters(optimizer: type, given: set[str]) -> tuple[set[str], set[str]]:
    """(accepted, required) hyperparameter names of a torch class; ``betas`` are beta1 and beta2.

    Given one of a pair the other is required too, whatever the pair's default.
    """
    _params, *rest = inspect.signature(optimizer).parameters.values()
    names = {p.name for p in rest if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    required = {p.name for p in rest if p.name in names and p.default is p.empty}
    if "betas" in names:
        names = names - {"betas"} | BETAS
        if "betas" in required or given & BETAS:
            required = required - {"betas"} | BETAS
    return names, required


def _arguments(optimizer: type, hyperparameters: Mapping[str, float]) -> dict[str, Any]:
    arguments: dict[str, Any] = dict(hyperparameters)
    if "betas" in inspect.signature(optimizer).parameters and arguments.keys() >= BETAS:
        arguments["betas"] = (arguments.pop("beta1"), arguments.pop("beta2"))
    return arguments
