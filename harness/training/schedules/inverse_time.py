"""Decay as 1/t, the classical rate of stochastic approximation."""

from harness.training.warm_up import warm_up


def inverse_time(
    step: int, total_steps: int, *, end_factor: float = 1.0, warmup_factor: float = 0.0
) -> float:
    """``1 / (1 + k t / T)`` with ``k = 1 / end_factor - 1``, so that it is ``end_factor`` at T.

    ``t`` and ``T`` count from the warm-up's end. Source: Robbins and Monro (1951), whose conditions
    (the rates sum to infinity, their squares don't) this meets; in this form Bottou (2012),
    *Stochastic gradient descent tricks*, section 5.2.
    """
    rise, since, remaining = warm_up(step, total_steps, warmup_factor)
    progress = since / remaining if remaining > 0 else 0.0
    if progress == 0:
        return rise
    # both sides times end_factor: an end of 0 is the limit, 0 at once, and no division by zero
    return rise * end_factor / (end_factor + (1.0 - end_factor) * progress)
