"""A hyperparameter of many trials that a rule takes in the place of one trial's float."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


class PerTrial:
    """Float64 ``[trials, 1]``; among themselves and with numbers they stay so, as Python's floats do.

    With a float32 tensor ``[trials, parameters]`` they give a float32 tensor, rounded once where they
    meet it: what PyTorch does with a float. (A float64 tensor would promote the parameters, and a
    float32 one has lost 1 - beta2 by then.)
    """

    def __init__(self, values: Tensor | Sequence[float], device: str = "cpu"):
        if not isinstance(values, Tensor):
            values = torch.tensor(values, dtype=torch.float64, device=device).unsqueeze(1)
        self.values = values

    def __getitem__(self, rows: Tensor) -> PerTrial:
        return PerTrial(self.values[rows])

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Called by every function of torch's that is given one."""
        met = next((each.dtype for each in args if isinstance(each, Tensor)), None)
        plain = (
            each.values.to(met or torch.float64) if isinstance(each, PerTrial) else each
            for each in args
        )
        found = function(*plain, **(kwargs or {}))
        return found if met else PerTrial(found)

    def __add__(self, other: Any) -> Any:
        return torch.add(self, other)  # type: ignore

    def __sub__(self, other: Any) -> Any:
        return torch.sub(self, other)  # type: ignore

    def __rsub__(self, other: Any) -> Any:
        return torch.rsub(self, other)  # type: ignore

    def __mul__(self, other: Any) -> Any:
        return torch.mul(self, other)  # type: ignore

    def __truediv__(self, other: Any) -> Any:
        return torch.div(self, other)  # type: ignore

    def __rtruediv__(self, other: Any) -> Any:
        return torch.mul(torch.reciprocal(self), other)  # type: ignore

    def __pow__(self, other: Any) -> Any:
        return torch.pow(self, other)  # type: ignore

    def __neg__(self) -> Any:
        return torch.neg(self)  # type: ignore

    __radd__, __rmul__ = __add__, __mul__
