"""Half a cosine, without restarts."""

import math

from harness.training.warm_up import warm_up


def cosine(
    step: int, total_steps: int, *, end_factor: float = 0.0, warmup_factor: float = 0.0
) -> float:
    """``e + (1 - e) (1 + cos(pi t / T)) / 2`` from 1 to ``e = end_factor``.

    ``t`` and ``T`` count from the warm-up's end. Source: Loshchilov and Hutter (2017), *SGDR*,
    equation 5, one period.
    """
    rise, since, remaining = warm_up(step, total_steps, warmup_factor)
    progress = since / remaining if remaining > 0 else 0.0
    return rise * (end_factor + (1.0 - end_factor) * (1.0 + math.cos(math.pi * progress)) / 2.0)
