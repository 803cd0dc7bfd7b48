"""Next-character prediction by many trials at once: each its own CharLSTM, all the same text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from workloads.models.char_lstm import CharLSTM
from workloads.models.stacked_lstm import layer
from workloads.tasks.characters import CharacterTask

EVALUATED = 50 * 128  # time steps times trials at a time; the state is carried on

Parameters = Mapping[str, Tensor]
State = tuple[Tensor, Tensor]
"""(hidden, cell), each [trials, layers, streams, hidden_size]."""


class StackedCharacters:
    """A `StackedTask` (task.py) of a CharacterTask.

    Dropout's masks are those of the trial alone, drawn from a generator of each trial's own that
    stands where torch's one would stand.
    """

    def __init__(self, task: CharacterTask) -> None:
        self.task, self.data_description = task, task.data_description
        self.of_one = task.model()

    def model(self) -> CharLSTM:
        return self.task.model()

    def train_losses(
        self,
        parameters: Parameters,
        step: int,
        seeds: Sequence[Mapping[str, int]],
        carry: tuple[Tensor, Tensor, list[Generator]] | None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor, list[Generator]]]:
        drawn = carry[2] if carry else [self._generator(each["dropout"]) for each in seeds]
        inputs, targets = self.task.minibatch(step)
        of_epoch = carry[:2] if carry and step % self.task.steps_per_epoch else None
        logits, (hidden, cell) = self._logits(parameters, inputs, of_epoch, drawn)
        losses = _cross_entropies(logits, targets).mean((1, 2))
        return losses, (hidden.detach(), cell.detach(), drawn)

    @torch.no_grad()
    def evaluate(self, parameters: Parameters, split: str) -> tuple[Tensor, Tensor]:
        inputs, targets = self.task.streams[split]
        trials = len(next(iter(parameters.values())))
        length = max(1, EVALUATED // trials)
        wrong = losses = torch.zeros((), dtype=torch.float64, device=self.task.device)
        state = None
        for characters, successors in zip(inputs.split(length), targets.split(length), strict=True):
            labels = successors.long()
            logits, state = self._logits(parameters, characters.long(), state, None)
            wrong = wrong + (logits.argmax(-1) != labels).sum((1, 2)).double()
            losses = losses + _cross_entropies(logits, labels).double().sum((1, 2))
        return wrong / targets.numel(), losses / targets.numel()

    def _logits(
        self,
        parameters: Parameters,
        characters: Tensor,
        state: State | None,
        drawn: list[Generator] | None,
    ) -> tuple[Tensor, State]:
        """[trials, time, streams, vocabulary] of ids [time, streams]; without dropout where none is drawn."""
        lstm = self.of_one.lstm
        table = parameters["embedding.weight"]
        trials, classes, size = table.shape
        with torch.autocast(table.device.type, enabled=False):
            # As a product: its gradient is one too, where indexing's would sort.
            x = F.one_hot(characters, classes).to(table.dtype).flatten(0, 1) @ table
        x = x.unflatten(1, characters.shape)
        if state is None:
            zeros = table.new_zeros(trials, lstm.num_layers, characters.shape[1], size)
            state = zeros, zeros
        x = self._dropped(x, self.of_one.dropout.p, drawn)
        ended = []
        for number in range(lstm.num_layers):
            if number:
                x = self._dropped(x, lstm.dropout, drawn)
            forget = getattr(lstm, f"bias_hh_l{number}")
            x, *after = layer(
                x,
                state[0][:, number],
                state[1][:, number],
                parameters[f"lstm.weight_ih_l{number}"],
                parameters[f"lstm.weight_hh_l{number}"],
                parameters[f"lstm.bias_ih_l{number}"] + forget,
            )
            ended.append(after)
        x = self._dropped(x, self.of_one.dropout.p, drawn)
        logits = torch.bmm(x.flatten(1, 2), parameters["linear.weight"].transpose(1, 2))
        logits = logits + parameters["linear.bias"].unsqueeze(1)
        hidden, cell = (torch.stack(each, dim=1) for each in zip(*ended, strict=True))
        return logits.unflatten(1, characters.shape), (hidden, cell)

    def _generator(self, seed: int) -> Generator:
        return torch.Generator(self.task.device).manual_seed(seed)

    def _dropped(self, x: Tensor, p: float, drawn: list[Generator] | None) -> Tensor:
        """As nn.Dropout does it to each trial's [time, streams, size]."""
        if drawn is None or not p:
            return x
        ones = torch.ones(x.shape[1:], dtype=x.dtype, device=x.device)
        return x * _masks(ones, p, drawn)


def _masks(ones: Tensor, p: float, drawn: list[Generator]) -> Tensor:
    """[trials, *shape]: what F.dropout makes of ones where torch's generator stands as each, which goes on."""
    if not ones.is_cuda:
        kept = (torch.empty_like(ones).bernoulli_(1 - p, generator=each) for each in drawn)
        return torch.stack([each.div_(1 - p) for each in kept])
    everybodys = torch.cuda.default_generators[ones.device.index]
    its_state = everybodys.graphsafe_get_state()
    masks = []
    try:
        for each in drawn:
            everybodys.graphsafe_set_state(each)
            masks.append(F.dropout(ones, p))
    finally:
        everybodys.graphsafe_set_state(its_state)
    return torch.stack(masks)


def _cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """[trials, time, streams], at least in float32."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    labels = labels.expand(logits.shape[:-1])
    of_each = F.cross_entropy(logits.flatten(0, 2), labels.flatten(), reduction="none")
    return of_each.view_as(labels)
