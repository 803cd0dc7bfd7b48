"""Twenty examples learned by heart: what cannot do that learns nothing."""

from __future__ import annotations

import math
import time

from torch import nn

from harness.checking.finding import LOOK, OK, WRONG, Finding
from harness.checking.loss import SEED
from harness.checking.start import CROSS_ENTROPY
from harness.training.chain import Chain
from harness.training.randomness import seed
from workloads.task import Task

EXAMPLES = 20
STEPS = 1000
RATES = (1e-2, 1e-3)  # of Adam
NEAR_ZERO, BARELY = 0.02, 0.5  # of the first loss
ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


def check(task: Task, metric: str, seconds: float) -> Finding:
    """Adam on one minibatch over and over, dropout off, until its loss is nearly 0.

    Args:
        task: with `EXAMPLES` a minibatch.
        seconds: that it may take, about.
    """
    best = (math.inf, math.inf, 0, RATES[0], False)
    for lr in RATES:
        first, last, steps, in_time = _overfit(task, lr, seconds / len(RATES))
        best = min(best, (last / first, last, steps, lr, in_time))
        if best[0] <= NEAR_ZERO:
            break
    share, last, steps, lr, in_time = best
    told = f"{EXAMPLES} examples: loss {last / share:.4g} to {last:.3g} in {steps} steps of Adam at {lr:g}"
    if share <= NEAR_ZERO:
        return Finding(OK, "overfits", told)
    if metric not in CROSS_ENTROPY and share < 1:
        return Finding(LOOK, "overfits", f"{told}; is that the least there is?")
    if share <= BARELY:
        why = "it is not near 0" if in_time else "time was up before it was near 0"
        return Finding(LOOK, "overfits", f"{told}; {why}")
    return Finding(
        WRONG if in_time else LOOK,
        "overfits",
        f"{told}; it cannot learn them by heart"
        + ("" if in_time else ", in the time it had; see --seconds"),
    )


def _overfit(task: Task, lr: float, seconds: float) -> tuple[float, float, int, bool]:
    """First loss, least loss, steps, and whether all steps were made in time."""
    seed(SEED)
    model = task.model()
    without_dropout(model)
    chain = Chain("adam", "constant", model, {"lr": lr, **ADAM}, STEPS)
    began = time.perf_counter()
    first = least = math.inf
    for step in range(STEPS):
        loss, _ = task.train_loss(model, 0, SEED, None)
        value = float(loss.detach())
        first = value if step == 0 else first
        least = min(least, value)
        if value <= NEAR_ZERO * first or not math.isfinite(value):
            return first, least, step, True
        if time.perf_counter() - began > seconds:
            return first, least, step, False
        chain.clear()
        loss.backward()
        chain.advance(step)
    return first, least, STEPS, True


def without_dropout(model: nn.Module) -> None:
    """Every module's own dropout to 0."""
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
        elif isinstance(module, nn.RNNBase):
            module.dropout = 0.0
