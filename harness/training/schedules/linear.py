"""Learning-rate schedules: pure functions of the step."""


def linear_decay(
    lr: float,
    step: int,
    total_steps: int,
    *,
    decay_steps_factor: float = 1.0,
    end_factor: float = 1.0,
) -> float:
    """The learning rate at 0-based ``step``: linear from lr to ``end_factor * lr``, then constant.

    The decay takes ``decay_steps_factor * total_steps`` steps (Choi et al., section 4.1);
    ``end_factor = 1`` keeps the rate constant.
    """
    decay_steps = decay_steps_factor * total_steps
    progress = min(step / decay_steps, 1.0) if decay_steps > 0 else 1.0
    return lr * (1.0 - (1.0 - end_factor) * progress)
