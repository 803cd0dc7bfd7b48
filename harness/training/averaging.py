"""Averages of the parameters over the steps, evaluated beside the last iterate.

Running statistics of batch normalisation are averaged too: those of the last iterate belong to other
parameters.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from harness.study.result import EXPONENTIAL, POLYAK

if TYPE_CHECKING:  # checked before torch is imported
    from torch import Tensor, nn

RUNNING = ("running_mean", "running_var")


class LastIterate:
    """No average is kept."""

    kinds: tuple[str, ...] = ()

    def update(self) -> None:
        """Called after each step."""

    @contextlib.contextmanager
    def holding(self, kind: str) -> Iterator[None]:
        """While this is entered, the model holds that average; afterwards what is trained, to the bit."""
        raise KeyError(kind)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        pass


class Averages(LastIterate):
    """Of each kind asked for one average, of all parameters."""

    def __init__(self, settings: Mapping[str, float], model: nn.Module, total_steps: int):
        """
        Args:
            settings: ``exponential``, its decay; ``polyak``, the share of the steps it begins after.
        """
        import torch

        self.kinds = tuple(settings)
        self.decay = settings.get(EXPONENTIAL, 0.0)
        self.first = int(settings.get(POLYAK, 0.0) * total_steps) + 1  # the first step averaged
        self.t = 0
        statistics = (each for name, each in model.named_buffers() if name.endswith(RUNNING))
        self.followed = [*(p.detach() for p in model.parameters()), *statistics]
        self.means = {kind: [torch.zeros_like(each) for each in self.followed] for kind in settings}

    def update(self) -> None:
        import torch

        self.t += 1
        for kind, means in self.means.items():
            torch._foreach_lerp_(means, self.followed, self._weight(kind))

    def _weight(self, kind: str) -> float:
        """Of the newest parameters: ``m <- m + weight * (theta - m)``."""
        return exponential(self.decay) if kind == EXPONENTIAL else polyak(self.t, self.first)

    def averaged(self, kind: str) -> list[Tensor]:
        """The average after the last step, a tensor for each parameter and statistic."""
        if kind == EXPONENTIAL and self.t:
            return [mean / debiasing(self.decay, self.t) for mean in self.means[kind]]
        return self.means[kind]

    @contextlib.contextmanager
    def holding(self, kind: str) -> Iterator[None]:
        import torch

        trained = [each.clone() for each in self.followed]
        torch._foreach_copy_(self.followed, self.averaged(kind))
        try:
            yield
        finally:
            torch._foreach_copy_(self.followed, trained)

    def state_dict(self) -> dict[str, Any]:
        return {"t": self.t, "means": self.means}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.t = state["t"]
        for kind, means in self.means.items():
            for mine, saved in zip(means, state["means"][kind], strict=True):
                mine.copy_(saved)


def exponential(decay: float) -> float:
    """The weight of ``theta_t`` in ``m_t = decay * m_{t-1} + (1 - decay) * theta_t``, ``m_0 = 0``."""
    return 1.0 - decay


def debiasing(decay: float, t: int) -> float:
    """What ``m_t`` is divided by, the sum of its weights: Kingma and Ba (arXiv:1412.6980), section 3."""
    return 1.0 - decay**t


def polyak(t: int, first: int) -> float:
    """The weight of ``theta_t`` in the mean of ``theta_first .. theta_t``; before, the last iterate's.

    Polyak and Juditsky (1992), *Acceleration of stochastic approximation by averaging*.
    """
    return 1.0 / max(1, t - first + 1)
