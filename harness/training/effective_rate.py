"""The effective learning rate: how far a rule steps per unit of gradient, once it has settled.

Defined, for any optimizer, by running it: on a constant gradient s, for `AT_SHARE` of the training
steps, the size of the last step divided by s. s is the root mean square of the workload's gradients
at its first minibatches (`gradient_scale`). SGD's effective rate is lr, Momentum's tends to
lr / (1 - momentum); Adam's is lr / eps times a bias correction while eps is large, and lr / s while it
is small, where every coordinate of Choi et al. alone is bent. Decay of weights is no answer to a
gradient and is left out.

An optimizer that treats each number for itself is run on one, in float64. One that looks at whole
matrices (Muon) or all parameters together is run on the model's own, with a constant random gradient
of root mean square s; its step is then the root mean square.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.errors import ConfigError
from harness.study.parametrisation import EFFECTIVE_LR, hyperparameters, split
from harness.training import optimizers
from harness.training.chain import parts
from harness.training.definition import Group, groups
from harness.training.rules import RULES, Rule
from harness.training.selection import by_group
from harness.training.steppers import Stepper
from workloads.task import Task

AT_SHARE = 0.3  # of the training steps; .1 and .5 do as well (within .07 of the shares measured)
MINIBATCHES = 30
PROPORTIONAL = 0.01  # a deviation above it is no rounding, not even bfloat16's over some steps

Model = Callable[[], nn.Module]


def in_learning_rates(
    config: Mapping[str, Any], point: Mapping[str, float], model: Model
) -> dict[str, float]:
    """A point with lr in the place of every ``effective_lr``, in the same order.

    Args:
        config: a study's, with its ``gradient_scale``.
        point: as drawn; without the coordinate it is given back as it is.
        model: makes the workload's; asked only where an optimizer looks at whole matrices.

    Raises:
        ConfigError: the optimizer's step is not proportional to lr, so that none gives the rate.
    """
    found = {}
    for coordinate, value in point.items():
        group, name = split(coordinate)
        if name == EFFECTIVE_LR:
            unit = unit_rate(config, point, config["gradient_scale"], model, group)
            found[f"{group}.lr" if group else "lr"] = value / unit
        else:
            found[coordinate] = value
    return found


def unit_rate(
    config: Mapping[str, Any],
    point: Mapping[str, float],
    scale: float,
    model: Model,
    group: str = "",
) -> float:
    """The effective rate at lr = 1 of a point's other hyperparameters.

    Args:
        config: a study's, of which optimizer, schedule and steps are read.
        scale: s.
        group: of parameters, where the optimizer has several.

    Raises:
        ConfigError: as `in_learning_rates`.
    """
    of = next(each for each in groups(config["optimizer"]) if each.name == group)
    given = parts(config["schedule"]["name"], hyperparameters(point)).optimizer
    own = {name: value for name, value in of.own(given).items() if name not in ("lr", EFFECTIVE_LR)}
    if "weight_decay" in own:
        own["weight_decay"] = 0.0
    steps = _settled(config)
    setting = _alone(of), tuple(sorted(own.items())), steps, scale
    if _by_number(setting[0], setting[1], scale):
        return _on_one_number(*setting)
    with _same_draws():  # a step is a difference of weights, rounded as they are
        parameters = by_group(groups(config["optimizer"]), model())[group]
    return _on_parameters(of, own, steps, scale, [each.parameter for each in parameters])


def unit_rates(
    config: Mapping[str, Any], points: Sequence[Mapping[str, float]], scale: float, model: Model
) -> list[float]:
    """`unit_rate` of many points of one optimizer without groups; of our rules all at once."""
    (of,) = groups(config["optimizer"])
    if of.by_class or not points:
        return [unit_rate(config, point, scale, model) for point in points]
    given = [
        parts(config["schedule"]["name"], hyperparameters(point)).optimizer for point in points
    ]
    rule = RULES[of.rule]
    named = {
        name: torch.tensor([each[name] for each in given], dtype=torch.float64)
        for name in rule.hyperparameters
        if name != "lr"
    }
    g = torch.full((len(points),), scale, dtype=torch.float64)
    state = [torch.full_like(g, value) for value in rule.initial_state.values()]
    for t in range(1, _settled(config) + 1):
        step, *state = rule.update(g, *state, t, lr=1.0, **named)
    return [float(rate) for rate in step / scale]


def _settled(config: Mapping[str, Any]) -> int:
    """The number of the step that is looked at."""
    return max(1, round(AT_SHARE * config["workload"]["steps"]))


def _alone(group: Group) -> str:
    """A group as the definition of a whole optimizer, in text that a cache can keep it by."""
    node = {"rule": group.rule, "arguments": dict(group.arguments)}
    return json.dumps(
        {**node, "closure": group.closure, "as_matrices": group.as_matrices}, sort_keys=True
    )


@functools.lru_cache(maxsize=10_000)
def _on_one_number(
    definition: str, own: tuple[tuple[str, float], ...], steps: int, scale: float
) -> float:
    rule = json.loads(definition)["rule"]
    if rule in RULES:
        last = _last_steps(RULES[rule], dict(own), (1.0, 0.5), steps, scale)
        return _proportional(rule, lambda lr: torch.from_numpy(last[lr]), scale)

    def run(lr: float) -> Tensor:
        of = _stepper(json.loads(definition), dict(own), lr, [torch.zeros(1, dtype=torch.float64)])
        return _last_step(of, [torch.full((1,), scale, dtype=torch.float64)], steps)

    return _proportional(rule, run, scale)


def _last_steps(
    rule: Rule, own: Mapping[str, float], rates: Sequence[float], steps: int, scale: float
) -> dict[float, NDArray[np.float64]]:
    """`_last_step` of one of our rules on one number, ``[1]`` by learning rate, to the same bits.

    In arrays, which a rule takes as it takes tensors: with a stepper 120 steps of Adam at both rates
    took each trial 11 ms, so 0.9.
    """
    g, lr = np.full(len(rates), scale), np.array(rates)
    state = [np.full_like(g, value) for value in rule.initial_state.values()]
    before = after = np.zeros_like(g)
    update: Any = rule.update
    with np.errstate(all="ignore"):  # what is not finite is told of the last
        for t in range(1, steps + 1):
            step, *state = update(g, *state, t, lr=lr, **own)
            before, after = after, after - step
    return dict(zip(rates, (after - before)[:, None], strict=True))


def _on_parameters(
    group: Group, own: Mapping[str, float], steps: int, scale: float, like: Sequence[nn.Parameter]
) -> float:
    generator = torch.Generator().manual_seed(0)
    values = [p.detach().cpu() for p in like]
    gradients = [scale * torch.randn(p.shape, generator=generator) for p in values]

    def run(lr: float) -> Tensor:
        of = _stepper(json.loads(_alone(group)), own, lr, values)
        shaped = [g.reshape(v.shape) for g, v in zip(gradients, of.values, strict=True)]
        return _last_step(of, shaped, steps)

    size = float(torch.cat([g.flatten() for g in gradients]).square().mean().sqrt())
    return _proportional(group.rule, run, size)


def _proportional(rule: str, run: Callable[[float], Tensor], scale: float) -> float:
    """Root mean square of the step at lr = 1, over s; that at lr = 1/2 must be half of it."""
    full, half = (float(run(lr).square().mean().sqrt()) for lr in (1.0, 0.5))
    if not (math.isfinite(full) and full > 0 and abs(half / full - 0.5) < PROPORTIONAL / 2):
        raise ConfigError(
            f"{rule} makes steps that are not proportional to lr ({half:.3g} at lr = 0.5, {full:.3g}"
            " at lr = 1), so no lr can be told from an effective_lr; search lr instead"
        )
    return full / scale


@functools.lru_cache(maxsize=10_000)
def _by_number(definition: str, own: tuple[tuple[str, float], ...], scale: float) -> bool:
    """Whether an optimizer treats each number of a matrix as it would treat it alone."""
    if not optimizers.is_path(json.loads(definition)["rule"]):
        return True
    gradient = scale * torch.tensor([[1.0, 0.5], [-0.25, 2.0]], dtype=torch.float64)
    try:
        whole = _few_steps(definition, own, gradient)
        alone = [_few_steps(definition, own, g.reshape(1)) for g in gradient.flatten()]
    except Exception:  # whatever a class of others raises for a shape it doesn't take
        return False
    return torch.allclose(whole.flatten(), torch.cat(alone), rtol=1e-4, atol=0.0)


def _few_steps(definition: str, own: tuple[tuple[str, float], ...], gradient: Tensor) -> Tensor:
    of = _stepper(json.loads(definition), dict(own), 1.0, [torch.zeros_like(gradient)])
    return _last_step(of, [gradient], 3)


class _Parameters(nn.Module):
    """A module of such parameters and nothing else."""

    def __init__(self, values: Sequence[Tensor]):
        super().__init__()
        self.all = nn.ParameterList([nn.Parameter(value.clone()) for value in values])


def _stepper(
    node: Mapping[str, Any], own: Mapping[str, float], lr: float, values: Sequence[Tensor]
) -> Stepper:
    stepper = optimizers.build(node, _Parameters(values), {**own, "lr": lr}, scheduled=False)
    for group in getattr(getattr(stepper, "optimizer", None), "param_groups", ()):
        if "weight_decay" in group:  # a class's own default
            group["weight_decay"] = 0.0
    return stepper


def _last_step(stepper: Stepper, gradients: Sequence[Tensor], steps: int) -> Tensor:
    """How far the last of so many steps on a constant gradient goes, ``[numbers]``."""

    def again() -> Tensor:
        stepper.hand([gradient.clone() for gradient in gradients])
        return torch.zeros(())

    before: list[Tensor] = []
    with _same_draws():
        for step in range(steps):
            if step == steps - 1:
                before = [value.clone() for value in stepper.values]
            handed = [gradient.clone() for gradient in gradients]
            stepper.step(handed, 1.0, again if stepper.closure else None)
    after = stepper.values
    return torch.cat([(a - b).flatten() for a, b in zip(after, before, strict=True)])


@contextlib.contextmanager
def _same_draws() -> Iterator[None]:
    """What is drawn inside is the same in every process, and leaves no mark outside."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # torch.manual_seed keeps a stack trace for ever
        yield


def gradient_scale(task: Task) -> float:
    """s of a workload: the root mean square of the gradients of its first minibatches.

    At initial weights, untrained, of seed 0; over all parameters and `MINIBATCHES`.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = task.model()
        parameters = [p for p in model.parameters() if p.requires_grad]
        squares, carry = 0.0, None
        for step in range(MINIBATCHES):
            loss, carry = task.train_loss(model, step, 0, carry)
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
            squares += sum(float(g.double().square().sum()) for g in gradients if g is not None)
    count = sum(p.numel() for p in parameters)
    return math.sqrt(squares / (MINIBATCHES * count))
