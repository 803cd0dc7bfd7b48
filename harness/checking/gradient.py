"""The gradient check: backpropagation against central differences, a sample from every tensor."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from harness.checking.differences import AGREED, DIFFERS, EPS, KINK, UNCLEAR, Derivative, compare
from harness.checking.finding import LOOK, OK, WRONG, Finding, said
from harness.checking.loss import Loss
from harness.training.gradient import Transforms
from workloads.task import Task

MOST, LEAST = 10, 1  # numbers of a tensor
L2 = 1e-2
BURN_IN = 20  # steps


class Sampled(NamedTuple):
    """Numbers of one tensor and what became of them."""

    name: str
    derivatives: list[Derivative]
    unused: bool  # the loss does not depend on it, backpropagation says


def check(task: Task, device: str, lr: float, seconds: float) -> Iterator[Finding]:
    """At the start, after a burn-in, and of the L2 term alone.

    Args:
        task: of few examples a minibatch, for speed.
        lr: of the burn-in.
        seconds: that each of the first two may take, about.
    """
    try:
        loss = Loss(task, device, torch.float64)
        first, _ = loss.gradients()
    except Exception as error:  # a task that insists on float32
        yield Finding(LOOK, "gradient", f"not checked: no loss in float64 ({said(error)})")
        return
    if first.dtype != torch.float64:
        yield Finding(LOOK, "gradient", f"not checked: the loss comes in {first.dtype}")
        return
    if loss.value() != loss.value():
        yield Finding(
            WRONG,
            "gradient",
            "the same minibatch has another loss each time, at the same parameters and random numbers;"
            " draw from (data_seed, step), and in the model from torch's generator",
        )
        return
    yield _finding("gradient", sampled(loss, seconds))
    for _ in range(BURN_IN):
        if not math.isfinite(loss.descend(lr)):
            yield Finding(LOOK, "gradient, later", f"not checked: diverges within {BURN_IN} steps")
            return
    yield _finding("gradient, later", sampled(loss, seconds), f" after {BURN_IN} steps")
    yield _finding("gradient of L2", list(_of_l2(loss.parameters)))


def sampled(loss: Loss, seconds: float) -> list[Sampled]:
    """Some numbers of every tensor: half of them drawn from all, half where the gradient is not 0."""
    _, gradients = loss.gradients()
    began = time.perf_counter()
    noise = _noise(loss)
    each = (time.perf_counter() - began) / 6
    affordable = seconds / (each * 3 * len(gradients))
    count = int(min(MOST, max(LEAST, affordable)))
    return [
        _of_tensor(name, loss.parameters[name], gradient, loss.value, noise, count)
        for name, gradient in gradients.items()
    ]


def _of_tensor(
    name: str,
    parameter: Tensor,
    gradient: Tensor | None,
    value: Callable[[], float],
    noise: float,
    count: int,
) -> Sampled:
    random = np.random.default_rng([len(name), parameter.numel()])
    flat = torch.zeros(parameter.numel(), dtype=torch.float64, device=parameter.device)
    if gradient is not None:
        flat = gradient.reshape(-1)
    nonzero = flat.nonzero().flatten().cpu().numpy()
    first = random.choice(nonzero, count - count // 2).tolist() if len(nonzero) else [0]
    places = [*first, *random.integers(parameter.numel(), size=count // 2).tolist()]
    found = []
    for place in dict.fromkeys(places):
        index = np.unravel_index(place, tuple(parameter.shape))
        at, x = _along(parameter, index, value)
        found.append(compare(float(flat[place]), at, x, noise))
    return Sampled(name, found, gradient is None)


def _along(
    parameter: Tensor, index: tuple[np.intp, ...], value: Callable[[], float]
) -> tuple[Callable[[float], float], float]:
    """The loss as a function of one number of a tensor, and where it is."""
    x = float(parameter.detach()[index])

    def at(moved: float) -> float:
        with torch.no_grad():
            parameter[index] = moved
            found = value()
            parameter[index] = x
        return found

    return at, x


def _noise(loss: Loss) -> float:
    """The rounding error of the loss: how rough it is where it should be smooth.

    Second differences of some tensors' first numbers at h = 1e-8, where curvature is unseen; not the
    largest, which may be a kink's. They may all be 0 by chance: at least a rounding of the loss itself.
    """
    here = loss.value()
    least = EPS * abs(here)
    seen = [least]
    for parameter in list(loss.parameters.values())[-3:]:
        index = np.unravel_index(0, tuple(parameter.shape))
        at, x = _along(parameter, index, loss.value)
        seen.append(abs(at(x + 1e-8) - 2 * here + at(x - 1e-8)))
    return 4 * max(least, sorted(seen)[-2])


def _of_l2(parameters: Mapping[str, Tensor]) -> Iterator[Sampled]:
    """The penalty alone, its gradient as the trainer adds it."""
    transforms = Transforms({"l2": L2})
    for name, parameter in parameters.items():
        values = [parameter.detach()]
        (gradient,) = transforms([torch.zeros_like(parameter)], values, 1)

        def value(values: list[Tensor] = values) -> float:
            return float(transforms.penalty(values))

        yield _of_tensor(name, values[0], gradient, value, EPS * max(value(), 1e-3), LEAST)


def _finding(what: str, found: list[Sampled], when: str = "") -> Finding:
    """All tensors in one line, the worst by name."""
    every = [(each.name, one) for each in found for one in each.derivatives]
    of = {outcome: [x for x in every if x[1].outcome == outcome] for outcome in OUTCOMES}
    told = f"{len(every)} numbers of {len(found)} tensors{when}"
    if of[DIFFERS]:
        name, worst = max(of[DIFFERS], key=lambda x: x[1].error)
        tensors = list(dict.fromkeys(name for name, _ in of[DIFFERS]))
        ratio = worst.analytic / worst.numeric if worst.numeric else math.inf
        return Finding(
            WRONG,
            what,
            f"of {told} {len(of[DIFFERS])} differ from central differences, in {_some(tensors)}: in"
            f" {name} it is {ratio:.4g} times what it should be ({worst.analytic:.4g} for"
            f" {worst.numeric:.4g})",
        )
    if of[UNCLEAR] and len(of[UNCLEAR]) > len(every) / 2:
        return Finding(
            LOOK, what, f"{told}: rounding hides most; is a part of the loss in float32?"
        )
    usual = float(np.median([one.error for _, one in every]))
    told += f" agree with central differences, relative error {usual:.0e} in the middle"
    if of[KINK]:
        told += f"; {len(of[KINK])} at a kink, as of ReLU (in {_some([n for n, _ in of[KINK]])})"
    if unused := [each.name for each in found if each.unused]:
        return Finding(LOOK, what, f"{told}; the loss does not depend on {_some(unused)}")
    still = [s.name for s in found if all(d.analytic == 0 for d in s.derivatives)]
    if still:
        return Finding(LOOK, what, f"{told}; it is 0 all over {_some(still)}")
    return Finding(OK, what, told)


OUTCOMES = (AGREED, KINK, UNCLEAR, DIFFERS)


def _some(names: list[str]) -> str:
    """Three names, and how many more."""
    distinct = list(dict.fromkeys(names))
    return ", ".join(distinct[:3]) + (f" and {len(distinct) - 3} more" if distinct[3:] else "")
