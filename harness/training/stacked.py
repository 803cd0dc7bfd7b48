"""Train many trials of a study as one: parameters ``[trials, n]``, hyperparameters ``[trials, 1]``.

What `harness.training.train` does for one, with the same rules. Each trial has its own initial
weights, data order, hyperparameters and schedule; what it computes depends on no other trial's
numbers but for the order in which a matrix product of another size adds up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from harness.study.parametrisation import EFFECTIVE_LR, hyperparameters
from harness.study.result import COMPLETE, CURVE_COLUMNS, DIVERGED, FINAL_COLUMNS
from harness.study.sampling import ASKING
from harness.study.study import OPTIONAL_KEYS
from harness.training.chain import parts
from harness.training.definition import groups
from harness.training.effective_rate import in_learning_rates, unit_rates
from harness.training.gradient import HYPERPARAMETERS, TRANSFORMS, Transforms
from harness.training.per_trial import PerTrial
from harness.training.rules import RULES
from harness.training.schedule import schedule
from harness.training.train import Stopped, autocast, make_deterministic
from workloads.task import StackedTask

Point = Mapping[str, float]


ELEMENTWISE = ("l2", "clip_value")  # transforms of gradients that take many trials' at once


def why_not(config: Mapping[str, Any]) -> str | None:
    """Why a study's trials cannot be trained as one whatever its workload, None where they can."""
    found = groups(config["optimizer"])
    if found[0].name or found[0].by_class:
        return f"{', '.join(group.rule for group in found)} is no rule of harness/training/rules.py"
    if config.get("sampler", {}).get("name") in ASKING:
        return "each trial is chosen by those before it"
    for name in OPTIONAL_KEYS:
        if name in config:
            return f"{name} is for trials one by one"
    if config.get("model", {}).get("batch_norm"):
        return "the statistics of model.batch_norm=true are no parameters"
    if config["workload"].get("train_sample"):
        return "workload.train_sample is for trials one by one"
    for name in config["search_space"]:
        if name in HYPERPARAMETERS and name not in ELEMENTWISE:
            return f"{name} is for trials one by one"
    return None


def points_in_learning_rates(
    config: Mapping[str, Any], points: Sequence[Point], task: StackedTask
) -> list[dict[str, float]]:
    """`in_learning_rates` of many points, the rule run once for all of them."""
    if not points or EFFECTIVE_LR not in points[0]:
        return [in_learning_rates(config, point, task.model) for point in points]
    rates = unit_rates(config, points, config["gradient_scale"], task.model)
    return [
        {
            ("lr" if name == EFFECTIVE_LR else name): value / (rate if name == EFFECTIVE_LR else 1)
            for name, value in point.items()
        }
        for point, rate in zip(points, rates, strict=True)
    ]


class StackedTraining:
    """The state of some trials' training, from initial weights to last evaluation.

    A trial whose loss is not finite has ended; its rows are computed on, unheeded, until the next
    evaluation takes them out.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        points: Sequence[Point],
        seeds: Sequence[Mapping[str, int]],
        task: StackedTask,
        device: str,
    ):
        """
        Args:
            config: a study's (`harness.study.study.Study.config`).
            points: of each trial, in learning rates.
            seeds: of each trial: of initialisation, data_order and dropout.
        """
        self.workload, self.task, self.device = config["workload"], task, device
        self.autocast = autocast(config["precision"], device)
        make_deterministic(device)
        self._initialise([each["initialisation"] for each in seeds])
        name = config["schedule"]["name"]
        of = [parts(name, hyperparameters(point)) for point in points]
        self.schedule, self.schedule_axes = schedule(name), [each.schedule for each in of]
        self.rule = RULES[groups(config["optimizer"])[0].rule]
        self.hyperparameters = _per_trial([each.optimizer for each in of], device)
        self.transforms = Transforms(_together([each.gradient for each in of], device))
        self.state = {
            each: torch.full_like(self.values, value)
            for each, value in self.rule.initial_state.items()
        }
        count = len(points)
        self.rows = list(range(count))  # whose trial's each row is
        self.seeds = list(seeds)
        self.step = 0
        self.carry: Any = None
        self.alive = torch.ones(count, dtype=torch.bool, device=device)
        self.steps = torch.zeros(count, dtype=torch.int64, device=device)
        self.loss_sums = torch.zeros(count, dtype=torch.float64, device=device)
        self.ended: dict[int, int] = {}  # trials that diverged, and after how many steps
        self.curves: list[dict[str, list[float | None]]] = [
            {column: [] for column in CURVE_COLUMNS} for _ in points
        ]

    def _initialise(self, seeds: Sequence[int]) -> None:
        rows = []
        for each in seeds:
            torch.default_generator.manual_seed(each)  # torch.manual_seed: half a millisecond
            every = self.task.model().named_parameters()
            named = {name: p for name, p in every if p.requires_grad}
            rows.append(torch.cat([p.detach().reshape(-1) for p in named.values()]))
        self.shapes = {name: p.shape for name, p in named.items()}
        self.values = torch.stack(rows).requires_grad_()

    def run(self, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Train to the last step.

        Raises:
            Stopped: ``should_stop`` said so at a step boundary; nothing is kept.
        """
        every, last = self.workload["eval_every"], self.workload["steps"]
        while self.step < last and self.rows:
            first, end = self.step, min(self.step + every, last)
            factors = self.factors(first, end)
            for row in factors:
                if should_stop():
                    raise Stopped(self.step)
                self.train_one_step(row)
            self._take_out()
            if self.rows:
                self.evaluate(end - first)

    def train_one_step(self, factors: Tensor) -> None:
        """One minibatch of every trial; ``factors`` of the learning rates, ``[trials, 1]``."""
        with self.autocast():
            losses, self.carry = self.task.train_losses(
                self._named(), self.step, self.seeds, self.carry
            )
        self.alive &= losses.detach().isfinite()
        self.steps += self.alive
        self.loss_sums += losses.detach().double()
        (gradients,) = torch.autograd.grad(losses.sum(), self.values)
        with torch.no_grad():
            (gradients,) = self.transforms([gradients], [self.values], self.step + 1)
            lr = PerTrial(self.hyperparameters["lr"].values * factors)
            step, *new = self.rule.update(
                gradients, *self.state.values(), self.step + 1, **{**self.hyperparameters, "lr": lr}
            )
            self.values.sub_(step)
        self.state = dict(zip(self.state, new, strict=True))
        self.step += 1

    def _named(self) -> dict[str, Tensor]:
        """The models' parameters, each ``[trials, *shape]`` and a view of the values."""
        pieces = self.values.split([shape.numel() for shape in self.shapes.values()], dim=1)
        return {
            name: piece.unflatten(1, shape) if shape else piece.squeeze(1)
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }

    def factors(self, first: int, end: int) -> Tensor:
        """What the schedules multiply learning rates by, ``[steps, trials, 1]``."""
        total = self.workload["steps"]
        table = [
            [self.schedule(step, total, **axes) for axes in self.schedule_axes]
            for step in range(first, end)
        ]
        return torch.tensor(table, dtype=torch.float64).to(self.device).unsqueeze(2)

    def _take_out(self) -> None:
        """The rows of the trials that have diverged."""
        alive = self.alive.cpu()
        if bool(alive.all()):
            return
        for row, (is_alive, steps) in enumerate(
            zip(alive.tolist(), self.steps.tolist(), strict=True)
        ):
            if not is_alive:
                self.ended[self.rows[row]] = steps
        rows = alive.nonzero().flatten()
        kept = rows.tolist()
        rows = rows.to(self.device)
        self.rows = [self.rows[row] for row in kept]
        self.seeds = [self.seeds[row] for row in kept]
        self.schedule_axes = [self.schedule_axes[row] for row in kept]
        self.values = self.values.detach()[rows].requires_grad_()
        self.state = {name: each[rows] for name, each in self.state.items()}
        self.hyperparameters = {name: each[rows] for name, each in self.hyperparameters.items()}
        self.transforms.hyperparameters = {
            transform: {name: each[rows] for name, each in given.items()}  # type: ignore[index]
            for transform, given in self.transforms.hyperparameters.items()
        }
        self.alive, self.steps = self.alive[rows], self.steps[rows]
        self.loss_sums = self.loss_sums[rows]
        self.carry = _rows_of(self.carry, rows)

    def evaluate(self, count: int) -> None:
        """Append a row to the curves; train_loss is the mean over the last ``count`` steps."""
        last, test_every = self.step == self.workload["steps"], self.workload["test_every"]
        with torch.no_grad(), self.autocast():
            named = self._named()
            columns = [*self.task.evaluate(named, "validation")]
            if last or (test_every > 0 and self.step % test_every == 0):
                columns += self.task.evaluate(named, "test")
        told = [(self.loss_sums / count).tolist(), *(each.tolist() for each in columns)]
        told += [[None] * len(self.rows)] * (5 - len(told))
        rates = self.hyperparameters["lr"].values * self.factors(self.step - 1, self.step)[0]
        for trial, rate, *rest in zip(self.rows, rates.flatten().tolist(), *told, strict=True):
            row = (self.step, rate, *rest)
            for name, value in zip(CURVE_COLUMNS, row, strict=True):
                self.curves[trial][name].append(value)
        self.loss_sums.zero_()

    def results(self) -> list[dict[str, Any]]:
        """What goes into each trial's record: see `harness.training.train.Training.results`."""
        return [self._result(trial) for trial in range(len(self.curves))]

    def _result(self, trial: int) -> dict[str, Any]:
        curve = self.curves[trial]
        complete = trial not in self.ended and all(
            math.isfinite(curve[name][-1] or 0.0) for name in ("val_error", "val_loss")
        )
        return {
            "status": COMPLETE if complete else DIVERGED,
            "steps": self.ended.get(trial, self.step),
            "curve": curve,
            **{name: curve[name][-1] if complete else None for name in FINAL_COLUMNS},
        }


def _per_trial(named: Sequence[Mapping[str, float]], device: str) -> dict[str, PerTrial]:
    return {name: PerTrial([each[name] for each in named], device) for name in named[0]}


def _together(named: Sequence[Mapping[str, float]], device: str) -> dict[str, Any]:
    """As `_per_trial`, without what is idle in every trial."""
    idle = {name: value for each in TRANSFORMS.values() for name, value in each.idle.items()}
    found = _per_trial(named, device).items()
    return {name: each for name, each in found if bool((each.values != idle[name]).any())}


def _rows_of(carry: Any, rows: Tensor) -> Any:
    if isinstance(carry, Tensor):
        return carry[rows]
    if isinstance(carry, list):
        return [carry[row] for row in rows.tolist()]
    return tuple(_rows_of(each, rows) for each in carry) if carry is not None else None
