"""The closure of a step: loss and gradient of the same minibatch, wherever the parameters are.

L-BFGS calls it along a line, SAM at the point where the loss is worst nearby. What it gives is a
function of the parameters alone: dropout draws the same mask, L2 regularisation is part of loss and
gradient, and what else an evaluation leaves behind (an LSTM's state, running statistics of batch
normalisation) is that of the evaluation the step began with, at the parameters that the step before
accepted, as it is for every other optimizer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from harness.training.gradient import Transforms
from harness.training.randomness import RandomState, random_state, set_random_state
from harness.training.steppers import Stepper


class Closure:
    """Evaluates when the parameters have moved since the last evaluation; else it knows the answer."""

    def __init__(
        self,
        evaluate: Callable[[], Tensor],
        loss: Tensor,
        stepper: Stepper,
        transforms: Transforms,
        t: int,
    ):
        """
        Args:
            evaluate: the loss again, its gradient left for the stepper.
            loss: of the evaluation that the step begins with; its gradient is at hand.
            t: the step's number, from 1.
        """
        self.evaluate, self.stepper, self.transforms, self.t = evaluate, stepper, transforms, t
        self.states = dict(transforms.states)  # which a repeated evaluation starts from too
        self.gradients: Sequence[Tensor] = transforms(stepper.gradients(), stepper.values, t)
        self._note(loss)

    def __call__(self) -> Tensor:
        moved = any(
            not torch.equal(now, then)
            for now, then in zip(self.stepper.values, self.parameters, strict=True)
        )
        if moved:
            with torch.enable_grad():
                loss = self.evaluate()
            self.gradients = self.transforms.repeated(
                self.states, self.stepper.gradients(), self.stepper.values, self.t
            )
            self._note(loss)
        self.stepper.hand(self.fresh_gradients())
        return self.loss

    def fresh_gradients(self) -> list[Tensor]:
        """Of the last evaluation, the optimizer's to change; contiguous, as L-BFGS views them flat."""
        whole = torch.contiguous_format
        return [gradient.clone(memory_format=whole) for gradient in self.gradients]

    def _note(self, loss: Tensor) -> None:
        self.loss = loss.detach() + self.transforms.penalty(self.stepper.values)
        self.parameters = [value.clone() for value in self.stepper.values]


@contextlib.contextmanager
def repeated(model: nn.Module, random: RandomState, device: str) -> Iterator[None]:
    """Random numbers as at ``random``; afterwards they and the model's buffers are as before."""
    now, buffers = random_state(device), [buffer.clone() for buffer in model.buffers()]
    set_random_state(random, device)
    try:
        yield
    finally:
        set_random_state(now, device)
        with torch.no_grad():
            for buffer, before in zip(model.buffers(), buffers, strict=True):
                buffer.copy_(before)
