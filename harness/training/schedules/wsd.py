"""Warm-up, stable, decay: a trapezoid."""

from harness.training.warm_up import warm_up


def wsd(
    step: int,
    total_steps: int,
    *,
    warmup_factor: float = 0.0,
    cooldown_factor: float = 0.2,
    end_factor: float = 0.0,
) -> float:
    """Rises to 1, stays, then falls linearly to ``end_factor`` over ``cooldown_factor`` of all steps.

    The cool-down ends with the last step, at ``total_steps``; where it begins before the warm-up's
    end the two multiply. Source: Hu et al. (2024), *MiniCPM*, section 4; Hägele et al. (2024),
    *Scaling laws and compute-optimal training beyond fixed training durations*, section 3, who find
    10 to 20 % of the steps enough.

    >>> [wsd(step, 10, warmup_factor=0.2, cooldown_factor=0.4) for step in (0, 1, 6, 8)]
    [0.5, 1.0, 1.0, 0.5]
    """
    rise, _, _ = warm_up(step, total_steps, warmup_factor)
    cooldown_steps = cooldown_factor * total_steps
    into = max(step - (total_steps - cooldown_steps), 0.0)
    progress = into / cooldown_steps if cooldown_steps > 0 else 0.0
    return rise * (1.0 - (1.0 - end_factor) * progress)
