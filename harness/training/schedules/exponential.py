"""Exponential decay."""

from harness.training.warm_up import warm_up


def exponential(
    step: int, total_steps: int, *, end_factor: float = 1.0, warmup_factor: float = 0.0
) -> float:
    """``end_factor ** (t / T)``: the same share is lost in every step.

    ``t`` and ``T`` count from the warm-up's end; ``end_factor`` would be reached at step T. Source:
    ``gamma ** t`` of ``torch.optim.lr_scheduler.ExponentialLR`` with gamma = end_factor ** (1/T); Li
    and Arora (2020), *An exponential learning rate schedule for deep learning*, on what it does.
    """
    rise, since, remaining = warm_up(step, total_steps, warmup_factor)
    progress = since / remaining if remaining > 0 else 0.0
    return float(rise * end_factor**progress)
