"""Gradients that arrive late: a deterministic simulator of asynchronous workers, as a transform.

With a delay of tau there are tau + 1 workers. Each fetches the parameters, computes a gradient on the
next minibatch, and hands it in while the others do the same: the gradient that is applied was computed
on parameters that have been updated tau times since, ``theta_{t+1} = theta_t - step(g(theta_{t-tau}))``
(Agarwal and Duchi, 2011, arXiv:1104.5525; Zinkevich, Langford and Smola, 2009). Workers finish in
turn, or, drawn, in any order, each equally likely at each step: then the delay of a gradient is
geometrically distributed and tau its mean.

In the first tau steps every worker is at its first gradient, so none arrives and nothing is updated;
the gradients of the last tau are never applied. Each gradient is applied once at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # names are checked before torch is imported
    from torch import Tensor

Gradients = list["Tensor"]


def delay(
    gradients: Sequence[Tensor],
    values: Sequence[Tensor],
    seed: int,
    pending: tuple[Gradients, ...],
    t: int,
    *,
    delay: float,
    delay_drawn: float = 0.0,
) -> tuple[Any, ...]:
    """The gradient that arrives in step t, or none at all; the others stay ``pending``.

    Args:
        pending: of the workers that are not done yet, in the order in which they began.
        delay: tau, rounded to a whole number.
        delay_drawn: not 0: workers finish in any order, drawn by (seed, t).
    """
    workers = round(delay) + 1
    if workers == 1:
        return list(gradients), seed, pending
    pending = (*pending, [g.clone() for g in gradients])
    if len(pending) < workers:
        return [], seed, pending
    done = int(np.random.default_rng([seed, t]).integers(workers)) if delay_drawn else 0
    # A checkpoint may have brought it back on another device.
    arrived = [g.to(value.device) for g, value in zip(pending[done], values, strict=True)]
    return arrived, seed, (*pending[:done], *pending[done + 1 :])
