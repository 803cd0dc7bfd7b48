"""Linear warm-up before any schedule: what the schedules of `schedules` have in common."""

from __future__ import annotations


def warm_up(step: int, total_steps: int, warmup_factor: float) -> tuple[float, float, float]:
    """(rise, steps since the warm-up's end, steps from there to the last).

    The learning rate rises in ``warmup_factor * total_steps`` equal steps, the last of which reaches
    it: ``(step + 1) / warm-up steps``, so that no step is taken at a rate of 0. What follows has the
    remaining steps to itself. Source: Goyal et al. (2017), *Accurate, large minibatch SGD*, section
    2.2, whose gradual warm-up is this one from 0.

    >>> [warm_up(step, 10, 0.4)[0] for step in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    warmup_steps = warmup_factor * total_steps
    remaining = total_steps - warmup_steps
    if step < warmup_steps:
        return min((step + 1) / warmup_steps, 1.0), 0.0, remaining
    return 1.0, step - warmup_steps, remaining
