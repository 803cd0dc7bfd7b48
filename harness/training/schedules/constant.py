"""No schedule, but for a warm-up where one is asked for."""

from harness.training.warm_up import warm_up


def constant(step: int, total_steps: int, *, warmup_factor: float = 0.0) -> float:
    """1 at every step after the warm-up."""
    if warmup_factor:
        rise, _, _ = warm_up(step, total_steps, warmup_factor)
        return rise
    return 1.0
