"""The loss of the first steps over nine decades of learning rate: too high, high, good, low."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np

from harness.checking.finding import LOOK, OK, WRONG, Finding
from harness.checking.loss import Loss
from workloads.task import Task

RATES = tuple(float(10.0**power) for power in range(-6, 4))  # nine decades
MOST, LEAST = 40, 6  # steps at each
TOO_HIGH, HIGH, GOOD, LOW = "too high", "high", "good", "low"
DIVERGED = 1.2  # times the loss at the start: rising, not noise
GOOD_SHARE = 0.5  # of the best fall of the loss


class Scanned(NamedTuple):
    """One learning rate: the losses of its steps, what they end at, and what it is called."""

    lr: float
    losses: list[float]
    end: float
    called: str


def scan(task: Task, device: str, seconds: float) -> list[Scanned]:
    """Plain gradient descent from the same weights at each rate, the smallest first."""
    steps, runs = MOST, []
    for number, lr in enumerate(RATES):
        began = time.perf_counter()
        loss, losses = Loss(task, device), []
        for step in range(steps):
            value = loss.descend(lr)
            losses.append(value)
            if not math.isfinite(value) or value > 1e3 * max(losses[0], 1.0):
                break
            left = seconds / len(RATES) - (time.perf_counter() - began)
            if number == 0 and left < 0 and step + 1 >= LEAST:
                steps = step + 1  # of all further rates too
                break
        runs.append(losses)
    return _named(runs, steps)


def _named(runs: list[list[float]], steps: int) -> list[Scanned]:
    """By the mean of the last fifth of the steps, beside the first loss and the best fall."""
    tail = max(1, steps // 5)
    ends = [
        float(np.mean(losses[-tail:])) if len(losses) == steps and math.isfinite(losses[-1])
        else math.inf
        for losses in runs
    ]  # fmt: skip
    start = float(np.mean(runs[0][:tail]))  # the smallest rate has hardly moved
    best = min(ends)
    if not best < start:
        return [Scanned(*each, LOW) for each in zip(RATES, runs, ends, strict=True)]
    falls = [end <= start - GOOD_SHARE * (start - best) for end in ends]
    calm = [
        fall and max(losses) <= DIVERGED * start for fall, losses in zip(falls, runs, strict=True)
    ]
    good = calm if any(calm) else falls
    first = falls.index(True)
    found = []
    for place, (lr, losses, end) in enumerate(zip(RATES, runs, ends, strict=True)):
        if good[place]:
            called = GOOD
        elif place < first:
            called = LOW
        else:
            called = HIGH if end <= DIVERGED * start else TOO_HIGH
        found.append(Scanned(lr, losses, end, called))
    return found


def good_rate(scanned: list[Scanned]) -> float:
    """The smallest of the good ones; of all where none is."""
    return next((each.lr for each in scanned if each.called == GOOD), RATES[0])


def finding(scanned: list[Scanned]) -> Finding:
    """Which rates are what, and whether any lowers the loss."""
    count = max(len(each.losses) for each in scanned)
    told = "; ".join(
        f"{called} {_range([each.lr for each in scanned if each.called == called])}"
        for called in (LOW, GOOD, HIGH, TOO_HIGH)
        if any(each.called == called for each in scanned)
    )
    told = f"{count} steps of SGD: {told}"
    good = [each for each in scanned if each.called == GOOD]
    if not good:
        return Finding(WRONG, "learning rate", f"none lowers the loss over nine decades; {told}")
    best = min(good, key=lambda each: each.end)
    told += f"; best {best.lr:.0e}, loss {scanned[0].losses[0]:.4g} to {best.end:.4g}"
    edge = best.lr in (RATES[0], RATES[-1])
    return Finding(LOOK if edge else OK, "learning rate", told)


def _range(rates: list[float]) -> str:
    return f"{rates[0]:.0e}" if len(rates) == 1 else f"{rates[0]:.0e} to {rates[-1]:.0e}"
