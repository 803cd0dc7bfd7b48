"""The paper's schedule: Choi et al., section 4.1."""

from harness.training.warm_up import warm_up


def linear(
    step: int,
    total_steps: int,
    *,
    decay_steps_factor: float = 1.0,
    end_factor: float = 1.0,
    warmup_factor: float = 0.0,
) -> float:
    """Falls from 1 to ``end_factor`` over ``decay_steps_factor * total_steps`` steps, then stays.

    After a warm-up, over ``decay_steps_factor`` of the steps that remain.

    >>> [round(linear(step, 10, decay_steps_factor=0.5, end_factor=0.1), 6) for step in (0, 5, 9)]
    [1.0, 0.1, 0.1]
    """
    rise, since, remaining = 1.0, float(step), float(total_steps)
    if warmup_factor:
        rise, since, remaining = warm_up(step, total_steps, warmup_factor)
        if remaining <= 0:
            return rise
    decay_steps = decay_steps_factor * remaining
    progress = min(since / decay_steps, 1.0) if decay_steps > 0 else 1.0
    return rise * (1.0 - (1.0 - end_factor) * progress)
