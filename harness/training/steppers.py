"""What steps: one of our rules on one flat vector, anyone's class on the ordinary parameters, or both by group."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from harness.training import classes
from harness.training.definition import Group
from harness.training.flat import as_matrix, flatten
from harness.training.rules import RULES
from harness.training.selection import Described

Closure = Callable[[], Tensor]
"""Evaluates the loss, leaves its gradient for the optimizer, and returns it (`closures.Closure`)."""


class Stepper(Protocol):
    """What the trainer asks of an optimizer."""

    closure: bool
    """Whether ``step`` evaluates the loss again, by the closure it is given."""

    @property
    def values(self) -> list[Tensor]:
        """The parameters as the optimizer sees them, ``[tensors]``."""

    def clear(self) -> None:
        """Forget the gradients, before a backward pass adds into them."""

    def gradients(self) -> list[Tensor]:
        """What the backward pass left, of the shapes of ``values``."""

    def hand(self, gradients: Sequence[Tensor]) -> None:
        """Give the optimizer gradients to step with."""

    def step(
        self, gradients: Sequence[Tensor], factor: float, closure: Closure | None = None
    ) -> None:
        """Update the parameters, at ``factor`` times the learning rate that was set."""

    def evaluated(self) -> contextlib.AbstractContextManager[None]:
        """While this is entered, the model holds what is evaluated; afterwards what is trained."""

    def attributes(self) -> dict[str, Any]:
        """What it keeps besides its state."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class RuleStepper:
    """One of our own rules, on all of its parameters as one flat vector."""

    closure = False

    def __init__(
        self, rule: str, parameters: Sequence[nn.Parameter], hyperparameters: Mapping[str, float]
    ):
        self.rule = RULES[rule]
        self.parameters = flatten(parameters)
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

    def hand(self, gradients: Sequence[Tensor]) -> None:
        raise NotImplementedError("a rule takes its gradient as an argument")

    def step(
        self, gradients: Sequence[Tensor], factor: float, closure: Closure | None = None
    ) -> None:
        self.t += 1
        self.hyperparameters["lr"] = self.lr * factor
        step, *new = self.rule.update(
            gradients[0], *self.state.values(), self.t, **self.hyperparameters
        )
        self.state = dict(zip(self.state, new, strict=True))
        self.parameters.values.sub_(step)

    def evaluated(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def attributes(self) -> dict[str, Any]:
        return {}

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

    def __init__(
        self,
        group: Group,
        parameters: Sequence[Described],
        hyperparameters: Mapping[str, float],
        scheduled: bool = True,
    ):
        """
        Args:
            scheduled: whether a schedule sets the learning rate. Else nobody touches the one that
                the optimizer has, which may be its own to set.
        """
        of = classes.load_class(group.rule)
        self.closure = group.closure or classes.needs_closure(of)
        self.in_two_steps = not classes.takes_closure(of) and classes.in_two_steps(of)
        self.scheduled = scheduled
        self.parameters = [each.parameter for each in parameters]
        self.as_matrices = group.as_matrices
        self.handed = [_matrix(p) if group.as_matrices else p for p in self.parameters]
        arguments = classes.constructor_arguments(of, hyperparameters, group.arguments)
        self.optimizer = of(_decayed_and_not(group, parameters, self.handed), **arguments)
        self.rates = [each.get("lr") for each in self.optimizer.param_groups]
        self.modes = all(callable(getattr(self.optimizer, mode, None)) for mode in MODES)
        if self.modes:
            self.optimizer.train()  # type: ignore[attr-defined]

    @property
    def values(self) -> list[Tensor]:
        return [p.detach() for p in self.handed]

    def clear(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    def gradients(self) -> list[Tensor]:
        found = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        return [as_matrix(each) for each in found] if self.as_matrices else found

    def hand(self, gradients: Sequence[Tensor]) -> None:
        for parameter, gradient in zip(self.handed, gradients, strict=True):
            parameter.grad = gradient

    def step(
        self, gradients: Sequence[Tensor], factor: float, closure: Closure | None = None
    ) -> None:
        self.hand(gradients)
        if self.scheduled:
            for group, lr in zip(self.optimizer.param_groups, self.rates, strict=True):
                if lr is not None:
                    group["lr"] = lr * factor
        if closure is None:
            self.optimizer.step()
        elif self.in_two_steps:
            self.optimizer.first_step()  # type: ignore[attr-defined]
            closure()
            self.optimizer.second_step()  # type: ignore[attr-defined]
        else:
            self.optimizer.step(closure)  # type: ignore[arg-type]
        if self.as_matrices:
            self._check_views()

    def _check_views(self) -> None:
        for parameter, handed in zip(self.parameters, self.handed, strict=True):
            if handed.data_ptr() != parameter.data_ptr():
                raise TypeError(
                    f"{type(self.optimizer).__name__} puts other memory into its parameters"
                    " (p.data = …), so kernels cannot be given to it as matrices; leave as_matrices out"
                )

    @contextlib.contextmanager
    def evaluated(self) -> Iterator[None]:
        if not self.modes:
            yield
            return
        trained = [p.detach().clone() for p in self.handed]
        self.optimizer.eval()  # type: ignore[attr-defined]
        try:
            yield
        finally:
            self.optimizer.train()  # type: ignore[attr-defined]
            # Back to the bit: what train() undoes of eval() it undoes but for rounding.
            with torch.no_grad():
                for parameter, before in zip(self.handed, trained, strict=True):
                    parameter.copy_(before)

    def attributes(self) -> dict[str, Any]:
        kept = {**vars(self.optimizer)}
        for name, each in self._inner().items():
            kept[name] = {key: value for key, value in vars(each).items() if key not in IN_STATE}
        beside = [vars(p) for p in self.handed]  # state may lie on the parameters themselves
        kept = {name: value for name, value in kept.items() if name not in IN_STATE}
        return {**kept, "parameters'": beside} if any(beside) else kept

    def state_dict(self) -> dict[str, Any]:
        inner = {name: each.state_dict() for name, each in self._inner().items()}
        own = self.optimizer.state_dict()
        return {"own": own, "inner": inner} if inner else own

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        inner = self._inner()
        shared = [n for n, each in inner.items() if self._shares_groups(each)]
        self.optimizer.load_state_dict(dict(state["own"] if inner else state))
        for name, each in inner.items():
            each.load_state_dict(dict(state["inner"][name]))
            if name in shared:  # so that a learning rate set in one is that of the other
                each.param_groups = self.optimizer.param_groups

    def _inner(self) -> dict[str, torch.optim.Optimizer]:
        """Optimizers that this one wraps and whose state its own state_dict leaves out."""
        return {
            name: each
            for name, each in vars(self.optimizer).items()
            if isinstance(each, torch.optim.Optimizer) and each.state is not self.optimizer.state
        }

    def _shares_groups(self, inner: torch.optim.Optimizer) -> bool:
        return inner.param_groups is self.optimizer.param_groups


MODES = ("train", "eval")
IN_STATE = ("state", "param_groups", "defaults")  # of a torch optimizer: in its state_dict, or past


def _matrix(parameter: nn.Parameter) -> nn.Parameter:
    """A parameter that is a matrix, of the same memory."""
    if parameter.dim() <= 2:
        return parameter
    return nn.Parameter(as_matrix(parameter.detach()))


def _decayed_and_not(
    group: Group, parameters: Sequence[Described], handed: Sequence[nn.Parameter]
) -> list[Any]:
    """The parameters, or two groups of them of which the second has no weight decay."""
    where = group.no_weight_decay
    if where is None:
        return list(handed)
    pairs = list(zip(parameters, handed, strict=True))
    undecayed = [p for each, p in pairs if where.takes(each.kind, each.parameter.dim(), each.name)]
    not_those = {id(p) for p in undecayed}
    decayed = [p for p in handed if id(p) not in not_those]
    both: list[dict[str, Any]] = [{"params": decayed}, {"params": undecayed, "weight_decay": 0.0}]
    return [each for each in both if each["params"]]


class GroupStepper:
    """A stepper for each group of parameters, its state by the group's name."""

    closure = False

    def __init__(self, steppers: Mapping[str, Stepper]):
        self.steppers = dict(steppers)
        self.counts = [len(each.values) for each in self.steppers.values()]

    @property
    def values(self) -> list[Tensor]:
        return [value for each in self.steppers.values() for value in each.values]

    def clear(self) -> None:
        for each in self.steppers.values():
            each.clear()

    def gradients(self) -> list[Tensor]:
        return [gradient for each in self.steppers.values() for gradient in each.gradients()]

    def hand(self, gradients: Sequence[Tensor]) -> None:
        raise NotImplementedError("an optimizer by groups takes no closure")

    def step(
        self, gradients: Sequence[Tensor], factor: float, closure: Closure | None = None
    ) -> None:
        start = 0
        for each, count in zip(self.steppers.values(), self.counts, strict=True):
            each.step(gradients[start : start + count], factor)
            start += count

    @contextlib.contextmanager
    def evaluated(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for each in self.steppers.values():
                stack.enter_context(each.evaluated())
            yield

    def attributes(self) -> dict[str, Any]:
        return {name: each.attributes() for name, each in self.steppers.items()}

    def state_dict(self) -> dict[str, Any]:
        return {name: each.state_dict() for name, each in self.steppers.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, each in self.steppers.items():
            each.load_state_dict(state[name])
