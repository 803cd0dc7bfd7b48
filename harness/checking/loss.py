"""A workload's loss as a function of its parameters alone: one minibatch, the same random numbers, any precision."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from harness.training.closures import repeated
from harness.training.randomness import random_state, seed
from workloads.task import Task

SEED = 0  # of weights, data order and dropout: a check is the same each time


class Loss:
    """The loss of minibatch ``step``, at the parameters that the model has when it is called.

    In float64 inputs are widened on their way into each module, so that a task need not know of it.
    """

    def __init__(self, task: Task, device: str, dtype: torch.dtype = torch.float32):
        self.task, self.device = task, device
        seed(SEED)
        self.model: nn.Module = task.model()
        if dtype != torch.float32:
            self.model.to(dtype)
            self.model.register_forward_pre_hook(_widened(dtype), with_kwargs=True)
        self.parameters = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
        self.step, self.carry, self._next_carry = 0, None, None
        seed(SEED + 1)
        self.random = random_state(device)

    def value(self) -> float:
        """The same however often it is asked: dropout draws the same mask, buffers stay as they are."""
        with torch.no_grad(), repeated(self.model, self.random, self.device):
            loss, _ = self._evaluated()
        return float(loss)

    def gradients(self) -> tuple[Tensor, dict[str, Tensor | None]]:
        """The loss, and its gradient by parameter; None where the loss does not depend on it."""
        with repeated(self.model, self.random, self.device):
            loss, self._next_carry = self._evaluated()
            parameters = list(self.parameters.values())
            found = torch.autograd.grad(loss, parameters, allow_unused=True)
        return loss.detach(), dict(zip(self.parameters, found, strict=True))

    def _evaluated(self) -> tuple[Tensor, Any]:
        return self.task.train_loss(self.model, self.step, SEED, self.carry)

    def descend(self, lr: float) -> float:
        """One step of gradient descent, on to the next minibatch; the loss before it."""
        loss, gradients = self.gradients()
        with torch.no_grad():
            for name, gradient in gradients.items():
                if gradient is not None:
                    self.parameters[name].sub_(lr * gradient)
        self.carry = self._next_carry
        self.step += 1
        return float(loss)


def _widened(dtype: torch.dtype) -> Any:
    def hook(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return _to(inputs, dtype), {name: _to(each, dtype) for name, each in named.items()}

    return hook


def _to(node: Any, dtype: torch.dtype) -> Any:
    if isinstance(node, Tensor):
        return node.to(dtype) if node.is_floating_point() else node
    if isinstance(node, tuple | list):
        return type(node)(_to(each, dtype) for each in node)
    return node
