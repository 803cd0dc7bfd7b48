"""A workload through the checklist of CS231n ("Neural Networks Part 3: Learning and Evaluation")."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from harness.checking import gradient, layers, overfit, rates, start
from harness.checking.finding import LOOK, OK, WRONG, Finding, said
from harness.checking.loss import Loss
from harness.checking.rates import Scanned
from harness.checking.subject import Subject
from harness.training.effective_rate import gradient_scale
from workloads.task import Task

FEW, FEWEST = 16, 4  # examples of a gradient check: it is right or wrong whatever their number
MANY_TENSORS = 40  # with so many the fewest


@dataclass
class Seen:
    """What there is to draw, filled while the checks run."""

    rates: list[Scanned] = field(default_factory=list)
    activations: list[dict[str, Any]] = field(default_factory=list)
    gradients: list[dict[str, Any]] = field(default_factory=list)
    moves: list[layers.Move] = field(default_factory=list)
    first_layer: Tensor | None = None


def check(
    on: Subject,
    load: Callable[[int], Task],
    seconds: float,
    seen: Seen,
    told_scale: float | None = None,
) -> Iterator[Finding]:
    """Each finding as it is made; a check that cannot be made says so.

    Args:
        load: the task with so many examples a minibatch.
        seconds: that the whole may take, about.
        told_scale: ``workload.gradient_scale``, as the configuration has it.
    """
    workload = on.study.config["workload"]
    metric = workload.get("metric") or "error rate"

    def scanned() -> Iterator[Finding]:
        seen.rates = rates.scan(on.task, on.device, 0.2 * seconds)
        yield rates.finding(seen.rates)

    def lr() -> float:
        return rates.good_rate(seen.rates) if seen.rates else rates.RATES[3]

    for what, findings in (
        ("loss at start", lambda: start.check(on.task, on.device, metric)),
        ("learning rate", scanned),
        ("gradient", lambda: _gradient(on, load, lr(), 0.25 * seconds)),
        ("overfits", lambda: iter([_overfit(load, metric, 0.25 * seconds)])),
        ("layers", lambda: _layers(on, lr(), seen)),
        ("gradient scale", lambda: iter([_scale(on.task, told_scale)])),
    ):
        try:
            yield from findings()
        except Exception as error:  # of a user's workload, whatever it is
            yield Finding(WRONG, what, f"{type(error).__name__}: {said(error)}")


def _gradient(
    on: Subject, load: Callable[[int], Task], lr: float, seconds: float
) -> Iterator[Finding]:
    batch = on.study.config["workload"]["batch_size"]
    tensors = sum(p.requires_grad for p in on.task.model().parameters())
    few = FEW if tensors < MANY_TENSORS else FEWEST
    task = on.task if batch <= few else load(few)
    yield from gradient.check(task, on.device, lr, seconds)


def _overfit(load: Callable[[int], Task], metric: str, seconds: float) -> Finding:
    try:
        task = load(overfit.EXAMPLES)
    except Exception as error:
        return Finding(LOOK, "overfits", f"not checked: no 20 examples a minibatch ({said(error)})")
    return overfit.check(task, metric, seconds)


def _layers(on: Subject, lr: float, seen: Seen) -> Iterator[Finding]:
    start = Loss(on.task, on.device)
    yield layers.unit_finding(layers.units(start), "units", " at the start")
    at_start = layers.gradients(start)
    yield layers.gradient_finding(at_start, "vanishing", " at the start")
    seen.moves, loss = layers.moves(on.task, on.device, lr)
    yield layers.move_finding(seen.moves, lr)
    after = layers.units(loss)
    when = f" after {loss.step} steps"
    yield layers.unit_finding(after, "units, later", when)
    later = layers.gradients(loss)
    yield layers.gradient_finding(later, "vanishing, later", when)
    seen.activations = layers.histograms(after)
    seen.gradients = layers.gradient_histograms([*at_start, *later])
    seen.first_layer = layers.first_layer(loss)


def _scale(task: Task, told: float | None) -> Finding:
    """What conf/workload should say of the size of the first gradients."""
    measured = f"{(found := gradient_scale(task)):.2g} is the size of the first gradients"
    what = "gradient scale"
    if told is None:
        return Finding(
            LOOK,
            what,
            f"{measured}; workload.gradient_scale says nothing, which effective_lr needs",
        )
    verdict = LOOK if abs(found / told - 1) > 0.1 else OK
    return Finding(verdict, what, f"{measured}; workload.gradient_scale says {told:.2g}")
