"""Step decay, the rule of thumb of image classification."""

import math

from harness.training.warm_up import warm_up


def step(
    step: int,
    total_steps: int,
    *,
    drop_factor: float = 1.0,
    drop_interval_factor: float = 1.0,
    warmup_factor: float = 0.0,
) -> float:
    """``drop_factor ** floor(t / interval)``, the interval ``drop_interval_factor`` of the steps.

    ``t`` counts from the warm-up's end, and the interval is a share of the steps from there. Source:
    Krizhevsky et al. (2012), section 5, divide by 10; He et al. (2016), section 3.4, likewise at
    fixed steps; as ``torch.optim.lr_scheduler.StepLR``.
    """
    rise, since, remaining = warm_up(step, total_steps, warmup_factor)
    if not drop_interval_factor:
        return float(rise * drop_factor**math.inf)
    interval = drop_interval_factor * remaining
    # 0.3 / 0.1 is 2.999…: a drop that falls on a whole step is not to come one later.
    drops = math.floor(since / interval + 1e-9) if interval > 0 else 0
    return float(rise * drop_factor**drops)
