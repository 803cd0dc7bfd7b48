"""The paper's schedule: Choi et al., section 4.1."""


def linear(
    step: int, total_steps: int, *, decay_steps_factor: float = 1.0, end_factor: float = 1.0
) -> float:
    """Falls from 1 to ``end_factor`` over ``decay_steps_factor * total_steps`` steps, then stays.

    >>> [linear(step, 10, decay_steps_factor=0.5, end_factor=0.1) for step in (0, 5, 9)]
    [1.0, 0.1, 0.1]
    """
    decay_steps = decay_steps_factor * total_steps
    progress = min(step / decay_steps, 1.0) if decay_steps > 0 else 1.0
    return 1.0 - (1.0 - end_factor) * progress
