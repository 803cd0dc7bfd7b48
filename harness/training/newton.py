"""Newton's method, for models of few parameters: the curvature is measured, then inverted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

MOST_PARAMETERS = 1000  # a step takes two gradients for each of them, and a matrix of that size


class Newton(torch.optim.Optimizer):
    """θ ← θ − lr (H + damping I)⁻¹ g: Nocedal and Wright (2006), equation 2.15 (damping 0, lr 1).

    H is the Hessian, by central differences of the gradient: 2n evaluations of the closure a step.
    A singular H is inverted where it can be (the pseudo-inverse). Nothing makes H positive definite:
    without damping the method goes to the nearest stationary point of the quadratic model, which may
    be a saddle or a maximum (Dauphin et al., 2014, section 3).

    Raises:
        ValueError: parameters of more numbers than `MOST_PARAMETERS`.
    """

    def __init__(self, params: Iterable[Any], lr: float = 1.0, damping: float = 0.0):
        super().__init__(params, {"lr": lr, "damping": damping})
        count = sum(p.numel() for group in self.param_groups for p in group["params"])
        if count > MOST_PARAMETERS:
            raise ValueError(
                f"Newton's method takes {MOST_PARAMETERS} parameters at most, and there are {count};"
                " take torch.optim.LBFGS"
            )

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor]) -> Tensor:  # type: ignore[override]
        """``closure`` evaluates loss and gradient where the parameters are, and returns the loss."""
        (group,) = self.param_groups
        loss = closure()
        at, gradient = self._flat(), self._gradient()
        hessian = torch.empty(len(at), len(at), dtype=at.dtype, device=at.device)
        for place in range(len(at)):
            hessian[:, place] = self._column(closure, at, place)
        hessian = (hessian + hessian.T) / 2 + group["damping"] * torch.eye(len(at)).to(at)
        self._put(at - group["lr"] * torch.linalg.pinv(hessian, hermitian=True) @ gradient)
        return loss

    def _column(self, closure: Callable[[], Tensor], at: Tensor, place: int) -> Tensor:
        """The derivative of the gradient along one coordinate."""
        # Where rounding (eps / h) and truncation (h²) are about equal.
        h = torch.finfo(at.dtype).eps ** (1 / 3) * max(1.0, abs(float(at[place])))
        sides = []
        for signed in (h, -h):
            moved = at.clone()
            moved[place] += signed
            self._put(moved)
            closure()
            sides.append(self._gradient())
        return (sides[0] - sides[1]) / (2 * h)

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def _flat(self) -> Tensor:
        return torch.cat([p.detach().reshape(-1) for p in self._parameters()])

    def _gradient(self) -> Tensor:
        return torch.cat([p.grad.reshape(-1) for p in self._parameters() if p.grad is not None])

    def _put(self, flat: Tensor) -> None:
        start = 0
        for p in self._parameters():
            p.copy_(flat[start : start + p.numel()].view_as(p))
            start += p.numel()
