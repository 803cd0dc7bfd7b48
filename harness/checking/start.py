"""The loss at the start: that of guessing, and higher with L2 regularisation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor, nn

from harness.checking.finding import LOOK, OK, WRONG, Finding
from harness.checking.loss import Loss
from harness.training.gradient import Transforms
from workloads.task import Task

MINIBATCHES = 5
NEAR, FAR = 0.1, 0.25  # of chance's loss: further off than NEAR is to be looked at, than FAR wrong
L2 = (1e-4, 1e-2)
CROSS_ENTROPY = ("error rate", "cross entropy")  # metrics of a task that guesses among classes


def check(task: Task, device: str, metric: str) -> Iterator[Finding]:
    """
    Args:
        metric: ``workload.metric``, which tells whether there are classes to guess among.
    """
    loss = Loss(task, device)
    classes = _classes(loss)
    yield _chance(_first_losses(loss), classes if metric in CROSS_ENTROPY else None, metric)
    yield _l2(Loss(task, device))


def _first_losses(loss: Loss) -> list[float]:
    """Of the first minibatches, at the initial weights."""
    found = []
    for _ in range(MINIBATCHES):
        found.append(loss.descend(0.0))
    return found


def _classes(loss: Loss) -> int | None:
    """How many there are: as the task tells by ``num_classes``, else the last dimension of what the
    model gives."""
    if isinstance(told := getattr(loss.task, "num_classes", None), int):
        return told
    seen: list[int] = []

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        logits = output[0] if isinstance(output, tuple | list) else output
        if isinstance(logits, Tensor):
            seen.append(logits.shape[-1] if logits.dim() > 1 else 1)

    handle = loss.model.register_forward_hook(note)
    try:
        loss.value()
    finally:
        handle.remove()
    return seen[0] if seen else None


def _chance(losses: list[float], classes: int | None, metric: str) -> Finding:
    """The first loss beside ln(classes); with one logit there are two."""
    mean = float(np.mean(losses))
    told = f"{mean:.4g} over {len(losses)} minibatches"
    if not math.isfinite(mean):
        return Finding(WRONG, "loss at start", f"{told}: not finite")
    if classes is None:
        return Finding(
            LOOK, "loss at start", f"{told}; workload.metric is {metric}: chance has no known loss"
        )
    count = max(classes, 2)
    chance = math.log(count)
    off = mean / chance - 1
    told += f", chance among {count} classes {chance:.4g} ({off:+.1%})"
    if abs(off) <= NEAR:
        return Finding(OK, "loss at start", told)
    why = (
        "the model knows labels it has not seen"
        if off < 0
        else "initial outputs are too large, or inputs are not normalised"
    )
    return Finding(LOOK if abs(off) <= FAR else WRONG, "loss at start", f"{told}: {why}")


def _l2(loss: Loss) -> Finding:
    """With more of it the loss is higher, by λ‖θ‖²/2."""
    values = [p.detach() for p in loss.parameters.values()]
    plain = loss.value()
    if not any(bool(value.any()) for value in values):
        return Finding(OK, "loss with L2", f"{plain:.4g}, as without: all weights begin at 0")
    with_l2 = [plain + float(Transforms({"l2": each}).penalty(values)) for each in L2]
    shown = ", ".join(
        f"{value:.4g} with λ = {each:g}" for value, each in zip(with_l2, L2, strict=True)
    )
    rises = plain < with_l2[0] < with_l2[1]
    told = f"{plain:.4g}, {shown}"
    return Finding(OK if rises else WRONG, "loss with L2", told if rises else f"{told}: no rise")
