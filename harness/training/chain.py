"""The training step as a chain: gradient, transforms, rule, schedule, averaging.

Each link keeps its state by name; together they are what a checkpoint stores of an optimizer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.errors import ConfigError, unknown
from harness.training import gradient, optimizers
from harness.training.averaging import Averages, LastIterate
from harness.training.definition import groups
from harness.training.gradient import Transforms
from harness.training.schedule import schedule
from harness.training.signatures import keywords

if TYPE_CHECKING:
    from torch import Tensor, nn

    from harness.training.optimizers import Definition


class Parts(NamedTuple):
    """A point's hyperparameters by the link of the chain that they belong to."""

    gradient: dict[str, float]
    optimizer: dict[str, float]
    schedule: dict[str, float]


def parts(schedule_name: str, hyperparameters: Mapping[str, float]) -> Parts:
    """Each hyperparameter to its link: a transform's or the schedule's by name, the rest the rule's."""
    of_schedule = keywords(schedule(schedule_name))

    def those(names: Iterable[str]) -> dict[str, float]:
        return {name: hyperparameters[name] for name in names if name in hyperparameters}

    taken = {**those(gradient.HYPERPARAMETERS), **those(of_schedule)}
    rest = {name: value for name, value in hyperparameters.items() if name not in taken}
    return Parts(those(gradient.HYPERPARAMETERS), rest, those(of_schedule))


def check(optimizer: Definition, schedule_name: str, hyperparameters: Mapping[str, float]) -> None:
    """That optimizer and schedule exist and take these hyperparameters, without building anything.

    Raises:
        ConfigError: which one they don't.
    """
    gradient.check(hyperparameters)
    optimizers.check(optimizer, parts(schedule_name, hyperparameters).optimizer)
    if schedule_name != "constant" and not optimizers.takes_lr(optimizer):
        rules = ", ".join(group.rule for group in groups(optimizer))
        raise ConfigError(
            f"{rules} takes no lr, so schedule.name={schedule_name} cannot change it;"
            " use schedule=constant"
        )


def check_axes(schedule_name: str, axes: Iterable[str]) -> None:
    """That a schedule takes the axes its configuration names.

    Raises:
        ConfigError: which one it doesn't.
    """
    known = keywords(schedule(schedule_name))
    for name in axes:
        if name not in known:
            raise unknown(
                f"axis of schedule {schedule_name}", name, known or ("(none)",), "leave it out"
            )


class Chain:
    """What one training step does with the gradient that a backward pass left."""

    def __init__(
        self,
        optimizer: Definition,
        schedule_name: str,
        model: nn.Module,
        hyperparameters: Mapping[str, float],
        total_steps: int,
        seed: int = 0,
        averaging: Mapping[str, float] | None = None,
    ):
        """
        Args:
            seed: of what is drawn for a gradient.
            averaging: as `harness.training.averaging.Averages` takes it; None for no average.
        """
        of = parts(schedule_name, hyperparameters)
        self.transforms = Transforms(of.gradient, seed)
        scheduled = schedule_name != "constant" or bool(of.schedule)
        self.optimizer = optimizers.build(optimizer, model, of.optimizer, scheduled)
        if self.optimizer.closure and "delay" in self.transforms.states:
            raise ConfigError(
                "an optimizer that evaluates the loss again cannot be given a gradient of before; leave"
                " search_space.delay out"
            )
        self.schedule, self.axes = schedule(schedule_name), of.schedule
        self.averaging = Averages(averaging, model, total_steps) if averaging else LastIterate()
        self.lr = optimizers.learning_rate(optimizer, of.optimizer)
        self.model, self.total_steps = model, total_steps

    @property
    def evaluates_again(self) -> bool:
        """Whether a step needs loss and gradient at other parameters than those it begins with."""
        return self.optimizer.closure

    def clear(self) -> None:
        """Forget the last gradient."""
        self.optimizer.clear()

    def advance(self, step: int, factor: float | None = None) -> None:
        """Take 0-based step ``step`` from the gradient at hand, at the schedule's rate or another."""
        gradients = self.transforms(self.optimizer.gradients(), self.optimizer.values, step + 1)
        if gradients:  # none arrived: nothing to step with
            self.optimizer.step(gradients, self.factor(step) if factor is None else factor)
        self.averaging.update()

    def advance_by_closure(
        self,
        step: int,
        loss: Tensor,
        evaluate: Callable[[], Tensor],
        factor: float | None = None,
    ) -> None:
        """As `advance`, for an optimizer that ``evaluates_again``.

        Args:
            loss: whose gradient is at hand.
            evaluate: the same at other parameters, its gradient left where the first one was.
        """
        from harness.training.closures import Closure

        closure = Closure(evaluate, loss, self.optimizer, self.transforms, step + 1)
        factor = self.factor(step) if factor is None else factor
        self.optimizer.step(closure.fresh_gradients(), factor, closure)
        self.averaging.update()

    @contextlib.contextmanager
    def evaluated(self) -> Iterator[None]:
        """While this is entered, the model holds what is evaluated; afterwards what is trained."""
        with self.optimizer.evaluated():
            yield

    def factor(self, step: int) -> float:
        return self.schedule(step, self.total_steps, **self.axes)

    def learning_rate(self, step: int) -> float:
        """Of a step; where the optimizer has none, what the schedule would multiply it by."""
        return self.lr * self.factor(step)

    def attributes(self) -> dict[str, Any]:
        """What the optimizer keeps besides; a checkpoint does not hold it."""
        return self.optimizer.attributes()

    def state_dict(self) -> dict[str, Any]:
        return {
            "gradient": self.transforms.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "averaging": self.averaging.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.transforms.load_state_dict(state["gradient"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.averaging.load_state_dict(state["averaging"])
