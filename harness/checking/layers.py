"""Layer by layer: how far a step moves the weights, whether gradients vanish on their way back, and which
units are dead or saturated."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from harness.checking.finding import LOOK, OK, WRONG, Finding
from harness.checking.loss import SEED, Loss
from workloads.task import Task

STEPS = 20
MINIBATCHES = 3
USUAL = 1e-3  # CS231n: updates are about a thousandth of the weights
UNUSUAL = (1e-5, 0.3)
VANISHING = 1e-3  # the least layer's gradients over the largest's: less is to be looked at
SOME, MOST = 0.4, 0.9  # of a layer's units: more is to be looked at; wrong
BINS = 40
DECADES = 12  # of a histogram of sizes: float32 tells no smaller ones from the largest
SHOWN = 20_000  # activations or gradients of a layer


class Move(NamedTuple):
    """A tensor's update at the good rate, over its size; and its gradient's spread."""

    name: str
    ratio: float  # the median of the steps
    gradient_std: float
    dimensions: int


class Gradient(NamedTuple):
    """A tensor's gradient, of one minibatch."""

    name: str
    steps: int  # of gradient descent before it
    dimensions: int
    sizes: Tensor  # absolute values, evenly picked from all
    rms: float  # root mean square of those that are not 0: an embedding's words mostly do not occur

    @property
    def share_zero(self) -> float:
        return float((self.sizes == 0).double().mean())


@dataclass
class Units:
    """What a nonlinearity gave, over some minibatches."""

    name: str
    word: str  # of units that do nothing
    idle: Tensor  # [units]: never anything but 0, or always saturated
    values: Tensor  # some that it gave

    @property
    def share_idle(self) -> float:
        return float(self.idle.double().mean())


COLOURS = (1, 3)  # channels of an image
RECTIFIERS = ("relu", "relu6", "hardtanh", "threshold")
SATURATING: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": lambda y: y.abs() > 0.97,
    "sigmoid": lambda y: (y < 0.03) | (y > 0.97),
}


def moves(task: Task, device: str, lr: float) -> tuple[list[Move], Loss]:
    """Of every tensor over the first steps of gradient descent; and where they led."""
    loss = Loss(task, device)
    ratios: dict[str, list[float]] = {name: [] for name in loss.parameters}
    spread: dict[str, float] = {}
    for _ in range(STEPS):
        before = {name: p.detach().clone() for name, p in loss.parameters.items()}
        if not math.isfinite(loss.descend(lr)):
            break
        for name, parameter in loss.parameters.items():
            size = float(before[name].norm())
            if size > 0:
                ratios[name].append(float((parameter.detach() - before[name]).norm()) / size)
            spread[name] = float((parameter.detach() - before[name]).std(correction=0)) / lr
    return [
        Move(name, float(np.median(found)), spread[name], loss.parameters[name].dim())
        for name, found in ratios.items()
        if found
    ], loss


def move_finding(found: list[Move], lr: float) -> Finding:
    """The least and the largest ratio, of weights: biases and the like begin at 0 or 1."""
    found = [each for each in found if each.dimensions > 1] or found
    if not found:
        return Finding(LOOK, "updates", "not told: the first steps diverge")
    low, high = (pick(found, key=lambda each: each.ratio) for pick in (min, max))
    told = (
        f"at a rate of {lr:g} a step moves weights by {low.ratio:.1e} ({low.name}) to {high.ratio:.1e}"
        f" ({high.name}) of their size; about {USUAL:.0e} is usual"
    )
    if low.ratio == 0:
        return Finding(LOOK, "updates", f"{told}; {low.name} does not move")
    usual = UNUSUAL[0] <= low.ratio and high.ratio <= UNUSUAL[1]
    return Finding(OK if usual else LOOK, "updates", told)


def gradients(loss: Loss) -> list[Gradient]:
    """Of every tensor, of the minibatch at which the loss stands; zeros where the loss does not depend on it."""
    _, found = loss.gradients()
    rows = []
    for name, parameter in loss.parameters.items():
        gradient = found[name]
        flat = (torch.zeros(1) if gradient is None else gradient).detach().flatten().abs().double()
        other = flat[flat != 0]
        rms = float(other.square().mean().sqrt()) if len(other) else 0.0
        sizes = flat[:: -(-len(flat) // SHOWN)].cpu()
        rows.append(Gradient(name, loss.step, parameter.dim(), sizes, rms))
    return rows


def gradient_finding(found: list[Gradient], what: str, when: str) -> Finding:
    """The weights with the smallest gradients beside those with the largest."""
    found = [each for each in found if each.dimensions > 1] or found
    if lost := [each for each in found if not math.isfinite(each.rms)]:
        verdict = LOOK if lost[0].steps else WRONG  # later it may be too high a rate's fault
        return Finding(verdict, what, f"gradients of {lost[0].name} are not finite{when}")
    low, high = (pick(found, key=lambda each: each.rms) for pick in (min, max))
    told = f"root mean square of the weights' gradients{when} {low.rms:.1e} ({low.name})"
    told += f" to {high.rms:.1e} ({high.name})" if len(found) > 1 else ""
    if low.rms == 0:
        none = [each.name for each in found if each.rms == 0]
        return Finding(
            LOOK, what, f"{told}; of {len(found)} tensors {len(none)} have none: {none[0]}"
        )
    if low.rms < VANISHING * high.rms:
        return Finding(LOOK, what, f"{told}: they vanish in one or explode in the other")
    return Finding(OK, what, told)


def units(loss: Loss) -> list[Units]:
    """Every nonlinearity of the model, in its order, over `MINIBATCHES` from where the loss stands."""
    watch = _Watch()
    step, carry = loss.step, loss.carry
    with torch.no_grad(), watch.on(loss.model):
        for _ in range(MINIBATCHES):
            watch.given.clear()
            _, loss.carry = loss.task.train_loss(loss.model, loss.step, SEED, loss.carry)
            loss.step += 1
    loss.step, loss.carry = step, carry
    return list(watch.seen.values())


def unit_finding(found: list[Units], what: str, when: str) -> Finding:
    """The layer with the most units that do nothing."""
    if not found:
        return Finding(OK, what, f"no rectifier, tanh or sigmoid in the model{when}")
    worst = max(found, key=lambda each: each.share_idle)
    share = worst.share_idle
    told = f"of {len(found)} nonlinearities{when} at most {share:.0%} of the units are {worst.word}"
    told += f" ({worst.name})" if share else ""
    verdict = WRONG if share >= MOST else LOOK if share >= SOME else OK
    return Finding(verdict, what, told)


class _Watch(TorchFunctionMode):
    """Notes what nonlinearities give, of modules and of functions alike."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, Units] = {}
        self.given: Counter[str] = Counter()  # in this minibatch, by place and function
        self.inside: list[str] = []  # modules, the innermost last

    @contextmanager
    def on(self, model: nn.Module) -> Iterator[None]:
        handles = []
        for name, module in model.named_modules():
            handles.append(module.register_forward_pre_hook(self._entering(name)))
            handles.append(module.register_forward_hook(self._leave))
        try:
            with self:
                yield
        finally:
            for handle in handles:
                handle.remove()

    def _entering(self, name: str) -> Callable[..., None]:
        return lambda module, inputs: self.inside.append(name or type(module).__name__)

    def _leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(module, nn.LSTM | nn.GRU):  # what it gives went through tanh
            self._note("tanh", output[0])
        self.inside.pop()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").rstrip("_")
        if (name in RECTIFIERS or name in SATURATING) and isinstance(found, Tensor):
            self._note(name, found)
        return found

    def _note(self, function: str, output: Tensor) -> None:
        name = f"{self.inside[-1] if self.inside else 'the loss'} {function}"
        self.given[name] += 1
        if (number := self.given[name]) > 1:
            name = f"{name} {number}"
        rectifies = function in RECTIFIERS
        unit = 1 if output.dim() == 4 else -1  # a channel of images, else the last dimension
        flat = output.detach().movedim(unit, -1).reshape(-1, output.shape[unit])
        idle = ((flat == 0) if rectifies else SATURATING[function](flat)).all(0)
        if name in self.seen:
            each = self.seen[name]
            each.idle = each.idle & idle
        else:
            values = flat.flatten()[:SHOWN].float().cpu()
            self.seen[name] = Units(name, "dead" if rectifies else "saturated", idle, values)


def histograms(found: list[Units]) -> list[dict[str, Any]]:
    """Activations by layer as rows: layer, low, high, count."""
    rows = []
    for each in found:
        counts, edges = torch.histogram(each.values, BINS)
        rows += [{"layer": each.name, **row} for row in _bins(counts, edges)]
    return rows


def gradient_histograms(found: list[Gradient]) -> list[dict[str, Any]]:
    """Sizes of gradients by tensor, in bins even on a logarithmic scale that all tensors share, as rows:
    layer, steps, zero (the share that is exactly 0), low, high, count."""
    sizes = torch.cat([each.sizes for each in found])
    sizes = sizes[(sizes > 0) & sizes.isfinite()]
    if not len(sizes):
        return []
    high = float(sizes.max()) * 1.001  # beyond rounding of the last edge
    low = max(float(sizes.min()) * 0.999, high * 10.0**-DECADES)
    edges = torch.logspace(math.log10(low), math.log10(high), BINS + 1, dtype=torch.float64)
    rows = []
    for each in found:
        counts, _ = torch.histogram(each.sizes, edges)
        told = {"layer": each.name, "steps": each.steps, "zero": each.share_zero}
        rows += [{**told, **row} for row in _bins(counts, edges)]
    return rows


def _bins(counts: Tensor, edges: Tensor) -> Iterator[dict[str, Any]]:
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        yield {"low": float(low), "high": float(high), "count": int(count)}


def first_layer(loss: Loss) -> Tensor | None:
    """What the first layer looks for in images ``[out, height, width, channels]``, None where they don't come
    first: the kernels of a convolution, or the weights of a dense layer, as many as the image has numbers."""
    weighted = (m for m in loss.model.modules() if isinstance(getattr(m, "weight", None), Tensor))
    first = next(weighted, None)
    if isinstance(first, nn.Conv2d) and first.in_channels in COLOURS:
        return first.weight.detach().permute(0, 2, 3, 1).cpu()
    if isinstance(first, nn.Linear):
        channels, *sides = image = _image(loss)
        if len(sides) == 2 and channels in COLOURS and math.prod(image) == first.in_features:
            weights = first.weight.detach().unflatten(1, image)
            return weights.permute(0, 2, 3, 1).cpu()
    return None


def _image(loss: Loss) -> tuple[int, ...]:
    """The shape of one input of the model, ``[channels, height, width]`` of an image; (0,) of none."""
    shapes: list[tuple[int, ...]] = []

    def note(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if inputs and isinstance(inputs[0], Tensor) and inputs[0].is_floating_point():
            shapes.append(tuple(inputs[0].shape[1:]))

    handle = loss.model.register_forward_pre_hook(note)
    try:
        loss.value()
    finally:
        handle.remove()
    return (shapes and shapes[0]) or (0,)
