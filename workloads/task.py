"""What the trainer asks of a workload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # torch costs seconds to import; a missing folder is reported before that
    import numpy as np
    from torch import Tensor, nn

Carry = Any
"""None, a tensor or a tuple of tensors: what lives from one minibatch to the next."""


class DataError(ValueError):
    """Something the user can put right about data or model: one line of rule, value and remedy."""


class Task(Protocol):
    """A model, its training minibatches and its evaluations, on one device.

    Attributes:
        data_description: plain JSON-able facts about the data for every record: a label, the
            sha256 that the workload's `prepare` returned, the sizes of the splits.
    """

    data_description: dict[str, Any]

    def model(self) -> nn.Module:
        """A fresh model on the task's device, in train mode, convolutions channels_last.

        Initial weights are drawn on the CPU from torch's global generator, which the caller has
        seeded: the same weights on every device.
        """
        ...

    def train_loss(
        self, model: nn.Module, step: int, data_seed: int, carry: Carry
    ) -> tuple[Tensor, Carry]:
        """The mean loss of minibatch `step` (from 0), and what to carry to the next.

        Which examples and which augmentation are drawn is a pure function of (data_seed, step), so
        a resumed trial needs no position in the data. Dropout alone draws from torch's global
        generator.

        Args:
            carry: None at step 0, afterwards what the previous call returned (an LSTM's detached
                state; reset here at the start of an epoch; None where nothing is carried).
        """
        ...

    def evaluate(self, model: nn.Module, split: str) -> tuple[float, float]:
        """(error rate in [0, 1], mean loss) on all of "validation" or "test".

        Where there is no error rate, the loss twice: the first of the two selects. What it is,
        `workload.metric` says.

        Runs in eval mode without gradients, and leaves the model in train mode.
        """
        ...

    def in_order(self, scores: np.ndarray, **settings: Any) -> None:
        """Draw minibatches by difficulty: `workloads.tasks.curriculum.Curriculum`.

        Needed only where `order=` asks for it.
        """
        ...

    def training_losses(self, model: nn.Module) -> Tensor:
        """The loss of each training example [examples], in eval mode. Needed by `harness difficulty`."""
        ...

    def training_lengths(self) -> Tensor:
        """The length of each training example [examples]. Needed by `harness difficulty --of length`."""
        ...

    def predict(self, model: nn.Module, split: str) -> tuple[Tensor, Tensor]:
        """Probabilities [examples, classes] and labels [examples] of all of "validation" or "test".

        In eval mode, as `evaluate` has them. Needed only by ensembles.
        """
        ...

    def evaluate_training(self, model: nn.Module, examples: int) -> tuple[float, float]:
        """As `evaluate`, on a sample of the training set: the same one at every call.

        Needed only where `workload.train_sample` asks for it.
        """
        ...


class StackedTask(Protocol):
    """The same for many trials trained as one, of a workload that can: see `load_stacked`.

    Parameters are those that are trained, by their names in the model, each `[trials, *shape]`. What is computed of a trial
    may depend on no other: one that diverges must not spoil its neighbours. The numbers are those
    that the Task gives for the trial alone, up to rounding. So dropout has to draw as the trial alone
    would from torch's one generator (tasks/stacked_characters.py), and batch norm is left out, whose
    statistics are no parameters.

    Attributes:
        data_description: as of the Task.
    """

    data_description: dict[str, Any]

    def model(self) -> nn.Module:
        """As of the Task: one trial's initial weights, drawn from torch's global generator."""
        ...

    def train_losses(
        self,
        parameters: Mapping[str, Tensor],
        step: int,
        seeds: Sequence[Mapping[str, int]],
        carry: Carry,
    ) -> tuple[Tensor, Carry]:
        """The mean losses [trials] of each trial's own minibatch `step`, differentiable.

        Args:
            seeds: [trials], of data_order and of dropout. There are fewer from some step on: diverged
                trials are taken out.
            carry: as of the Task, [trials, ...], or lists of so many where it is no tensor.
        """
        ...

    def evaluate(self, parameters: Mapping[str, Tensor], split: str) -> tuple[Tensor, Tensor]:
        """(error rates, mean losses), [trials] each, in eval mode; the Task's for every trial."""
        ...
